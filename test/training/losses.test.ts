import { describe, expect, test } from '@jest/globals';
import { camelCase } from '../../src/core/registry.ts';
import { type Tensor, tensor } from '../../src/core/tensor.ts';
import { ConfigError, DataError, ShapeError } from '../../src/errors.ts';
import { gradient } from '../../src/ir/autodiff.ts';
import { constant, input, type Value } from '../../src/ir/graph.ts';
import { interpret } from '../../src/ir/interpret.ts';
import { type NDArray, toNDArray } from '../../src/ir/ndarray.ts';
import { optimize } from '../../src/ir/passes.ts';
import { printGraph } from '../../src/ir/print.ts';
import { mul, reduceSum, sigmoid, softmax } from '../../src/ops/index.ts';
import {
  binaryCrossentropy,
  categoricalCrossentropy,
  type Loss,
  losses,
  makeLoss,
  sparseCategoricalCrossentropy,
} from '../../src/training/losses/index.ts';
import { expectClose, type Tolerance } from '../helpers/close.ts';
import { type GoldenTensor, goldenTensor, readGolden } from '../helpers/golden.ts';

interface LossCase {
  readonly name: string;
  readonly className: string;
  readonly options: Record<string, unknown>;
  readonly yTrue: GoldenTensor;
  readonly yPred: GoldenTensor;
  readonly sampleWeight: GoldenTensor;
  readonly direction: GoldenTensor;
  readonly results: readonly {
    readonly reduction: string;
    readonly weights: 'none' | 'sampleWeight' | 'zeros';
    readonly value: GoldenTensor;
    readonly grad: GoldenTensor;
  }[];
}

const keras: Tolerance = { rtol: 2e-5, atol: 2e-6 };
const differences: Tolerance = { rtol: 1e-4, atol: 1e-6 };
const cases = ['losses.json', 'losses-more.json']
  .flatMap((file) => readGolden<LossCase[]>(file))
  .map((c) => ({ ...c, options: documented(c) }));

/** Keras 3.15.1 prices false positives with `beta` and false negatives with `alpha`; its docs and later versions do not. */
function documented({ className, options }: LossCase): LossCase['options'] {
  return className === 'Tversky' && 'alpha' in options
    ? { ...options, alpha: options.beta, beta: options.alpha }
    : options;
}

const evaluate = (value: Value, feeds: ReadonlyMap<Value, NDArray>): NDArray =>
  interpret([value], feeds)[0] as NDArray;

/** A loss of constant targets and of predictions that are fed. */
function lossOf(loss: Loss, yTrue: Tensor, predictions: Tensor, weights?: Tensor) {
  const yPred = input('yPred', predictions);
  const value = loss.compute(constant(yTrue), yPred, weights && constant(weights));
  return { yPred, value, feeds: new Map([[yPred, toNDArray(predictions)]]) };
}

describe.each(cases.map((c) => [c.name, c] as const))('%s', (_name, c) => {
  const yTrue = goldenTensor(c.yTrue);
  const predictions = goldenTensor(c.yPred);
  const sampleWeight = goldenTensor(c.sampleWeight);
  const weightsOf = {
    none: undefined,
    sampleWeight,
    zeros: tensor(new Float32Array(sampleWeight.size), sampleWeight.shape),
  };

  test('values and gradients are those of Keras', () => {
    for (const { reduction, weights, value: expected, grad } of c.results) {
      const label = `${reduction}, weights ${weights}`;
      const loss = losses.make({ type: c.className, ...c.options, reduction: camelCase(reduction) });
      const { yPred, value, feeds } = lossOf(loss, yTrue, predictions, weightsOf[weights]);
      expect(value.shape).toEqual(expected.shape);
      expectClose(evaluate(value, feeds).data, expected.data, keras, label);
      const scalar = reduction === 'none' ? mul(value, constant(goldenTensor(c.direction))) : value;
      const [found] = gradient(reduceSum(scalar), [yPred]);
      expectClose(evaluate(found as Value, feeds).data, grad.data, keras, `gradient of ${label}`);
    }
  });

  test('gradients and their gradients equal central differences', () => {
    const loss = losses.make({ type: c.className, ...c.options });
    const { yPred, value, feeds } = lossOf(loss, yTrue, predictions, sampleWeight);
    const at = feeds.get(yPred) as NDArray;
    const along = Float64Array.from(at.data, (_, i) => Math.sin(3 * i + 1));
    let scalar = value;
    for (let order = 1; order <= 2; order++) {
      const [found] = gradient(scalar, [yPred]);
      if (found === undefined) return; // piecewise linear: nothing left to differentiate
      const slope = reduceSum(mul(found, constant(tensor(Float32Array.from(along), at.shape))));
      const moved = (step: number) =>
        evaluate(
          scalar,
          new Map([
            [yPred, { ...at, data: at.data.map((v, i) => v + step * Math.fround(along[i] as number)) }],
          ]),
        ).data[0] as number;
      const numeric = (moved(1e-5) - moved(-1e-5)) / 2e-5;
      expectClose(evaluate(slope, feeds).data, [numeric], differences, `order ${order}`);
      scalar = slope;
    }
  });

  test('options survive serialization', () => {
    const loss = losses.make({ type: c.className, ...c.options });
    const again = losses.make({ className: loss.className, config: loss.getConfig() });
    expect(again.options).toEqual(loss.options);
    expect(loss.options).toMatchObject(c.options);
  });
});

test.each([
  ['mse', 'MeanSquaredError'],
  ['MAE', 'MeanAbsoluteError'],
  ['mape', 'MeanAbsolutePercentageError'],
  ['msle', 'MeanSquaredLogarithmicError'],
  ['bce', 'BinaryCrossentropy'],
  ['kld', 'KLDivergence'],
  ['kl_divergence', 'KLDivergence'],
  ['log_cosh', 'LogCosh'],
  ['sparse_categorical_crossentropy', 'SparseCategoricalCrossentropy'],
  ['categoricalHinge', 'CategoricalHinge'],
  ['huber', 'Huber'],
])('%s is %s', (name, className) => {
  expect(losses.make(name).className).toBe(className);
});

test('crossentropy is the kind that fits the targets', () => {
  const type = (...shape: number[]) => ({ dtype: 'float32', shape }) as const;
  expect(makeLoss('ce', type(8), type(8, 1)).className).toBe('BinaryCrossentropy');
  expect(makeLoss('crossentropy', type(8), type(8, 3)).className).toBe('SparseCategoricalCrossentropy');
  expect(makeLoss('crossentropy', type(8, 1), type(8, 3)).className).toBe('SparseCategoricalCrossentropy');
  expect(makeLoss('crossentropy', type(8, 3), type(8, 3)).className).toBe('CategoricalCrossentropy');
  expect(makeLoss('mse', type(8, 3), type(8, 3)).className).toBe('MeanSquaredError');
});

test('defaults are those of Keras', () => {
  const defaults = readGolden<{ losses: { name: string; config: Record<string, unknown> }[] }>(
    'defaults.json',
  );
  const known = defaults.losses.filter(({ name }) => losses.has(name));
  expect(known.length).toBeGreaterThanOrEqual(20);
  for (const { name, config } of known) {
    const { reduction, name: _name, ...options } = config;
    const expected = Object.fromEntries(Object.entries(options).map(([k, v]) => [camelCase(k), v]));
    const made = losses.make(name).options as Record<string, unknown>;
    expect(made).toMatchObject({ ...expected, reduction: camelCase(reduction as string) });
  }
});

/** Name, loss, activation, targets, exact loss and gradient, loss of the clipped probabilities. */
type Saturated = [string, Loss, (x: Value) => Value, Tensor, number, readonly number[], number];

describe('predictions that saturate', () => {
  const scores = tensor([[200, -200, 0]]);
  const worst = -Math.log(1e-7);
  const oneHot = tensor([[0, 1, 0]]);
  const kinds: readonly Saturated[] = [
    ['categorical', categoricalCrossentropy(), softmax, oneHot, 400, [1, -1, 0], worst],
    ['sparse', sparseCategoricalCrossentropy(), softmax, tensor(Int32Array.of(1)), 400, [1, -1, 0], worst],
    [
      'binary',
      binaryCrossentropy(),
      sigmoid,
      oneHot,
      (400 + Math.LN2) / 3,
      [1 / 3, -1 / 3, 1 / 6],
      (2 * worst + Math.LN2) / 3,
    ],
  ];

  test.each(kinds)(
    '%s: exact where the scores are known',
    (_name, loss, activation, yTrue, value, slopes) => {
      const x = input('x', scores);
      const feeds = new Map([[x, toNDArray(scores)]]);
      const found = loss.compute(constant(yTrue), activation(x));
      expectClose(evaluate(found, feeds).data, [value], keras, 'loss');
      const [dx] = gradient(found, [x]);
      expectClose(evaluate(dx as Value, feeds).data, slopes, keras, 'gradient');
    },
  );

  test.each(kinds)(
    '%s: held above 1e-7 where they are not',
    (_name, loss, activation, yTrue, _value, _slopes, held) => {
      const x = input('x', scores);
      const [p] = interpret([activation(x)], new Map([[x, toNDArray(scores)]])) as [NDArray];
      const yPred = input('p', p);
      const found = evaluate(loss.compute(constant(yTrue), yPred), new Map([[yPred, p]])).data[0] as number;
      expectClose([found], [held], keras, 'loss');
    },
  );

  test('a softmax along another axis is no distribution of the classes', () => {
    const x = input(
      'x',
      tensor([
        [1, 2],
        [3, 5],
      ]),
    );
    const feeds = new Map([
      [
        x,
        toNDArray(
          tensor([
            [1, 2],
            [3, 5],
          ]),
        ),
      ],
    ]);
    const yTrue = constant(
      tensor([
        [1, 0],
        [0, 1],
      ]),
    );
    const p = softmax(x, 0);
    const plain = input('p', p.type);
    const expected = evaluate(
      categoricalCrossentropy().compute(yTrue, plain),
      new Map([[plain, evaluate(p, feeds)]]),
    );
    expectClose(
      evaluate(categoricalCrossentropy().compute(yTrue, p), feeds).data,
      expected.data,
      keras,
      'loss',
    );
  });
});

test('sparse cross-entropy after a softmax is a small graph', () => {
  const x = input('x', { dtype: 'float32', shape: [32, 10] });
  const y = input('y', { dtype: 'int32', shape: [32] });
  const loss = sparseCategoricalCrossentropy().compute(y, softmax(x));
  const [dx] = gradient(loss, [x]);
  const graph = optimize({
    name: 'loss',
    inputs: [x, y],
    outputs: [
      { name: 'loss', value: loss },
      { name: 'dx', value: dx as Value },
    ],
  });
  const text = printGraph(graph);
  expect(text).not.toContain(' softmax(');
  expect(text.split('\n').filter((line) => / = (?!constant)/.test(line)).length).toBeLessThanOrEqual(12);
});

describe('targets and options that make no sense', () => {
  const sparse = sparseCategoricalCrossentropy();

  test('labels out of range', () => {
    const labels = Int32Array.from({ length: 20 }, (_, i) => (i === 17 ? 12 : i % 10));
    expect(() => sparse.checkTargets(tensor(labels), [20, 10])).toThrow(DataError);
    expect(() => sparse.checkTargets(tensor(labels), [20, 10])).toThrow(
      "labels out of range: y[17] is 12, but the model's output has 10 classes (0 to 9)",
    );
    expect(() => sparse.checkTargets(tensor(labels, [2, 10]), [2, 10, 10])).toThrow('y[1,7] is 12');
    expect(() => sparse.checkTargets(tensor([0.5]), [1, 10])).toThrow('y[0] is 0.5');
    expect(() => sparse.checkTargets(tensor(labels), [20, 13])).not.toThrow();
    expect(() =>
      sparseCategoricalCrossentropy({ ignoreClass: -1 }).checkTargets(tensor([-1, 0]), [2, 2]),
    ).not.toThrow();
  });

  test('targets that are not numbers', () => {
    const yTrue = tensor([
      [0, 1],
      [Number.NaN, 0],
    ]);
    expect(() => binaryCrossentropy().checkTargets(yTrue)).toThrow(/y\[1,0\] is NaN/);
    expect(() => binaryCrossentropy().checkTargets(tensor([[0, 1]]))).not.toThrow();
  });

  test('shapes that do not fit', () => {
    const yPred = input('yPred', { dtype: 'float32', shape: [8, 3] });
    const compute = (loss: Loss, shape: number[]) => () =>
      loss.compute(input('yTrue', { dtype: 'float32', shape }), yPred);
    expect(compute(losses.make('mse'), [8, 4])).toThrow(ShapeError);
    expect(compute(losses.make('mse'), [8, 4])).toThrow(
      'MeanSquaredError: expected targets of the shape of the predictions, [8,3]. Received [8,4].',
    );
    expect(compute(categoricalCrossentropy(), [8])).toThrow(/sparseCategoricalCrossentropy/);
    expect(compute(sparse, [8, 3])).toThrow(
      /expected one class number per prediction, \[8\]. Received \[8,3\]. One-hot rows/,
    );
  });

  test('options', () => {
    expect(() => losses.make({ type: 'huber', delta: 0 })).toThrow(ConfigError);
    expect(() => losses.make({ type: 'bce', labelSmoothing: 2 })).toThrow(/labelSmoothing/);
    expect(() => losses.make({ type: 'bce', from_logits: true })).toThrow(/Did you mean "fromLogits"/);
    expect(() => losses.make('binary_crossentrop')).toThrow(/Did you mean "binaryCrossentropy"/);
  });
});

test('weights of [batch] apply to all that belongs to a sample', () => {
  const yTrue = tensor(new Float32Array(12), [2, 3, 2]);
  const yPred = tensor(
    Float32Array.from({ length: 12 }, (_, i) => i),
    [2, 3, 2],
  );
  const { value, feeds } = lossOf(losses.make('mse'), yTrue, yPred, tensor([1, 0]));
  expectClose(evaluate(value, feeds).data, [(0.5 + 6.5 + 20.5) / 6], keras, 'loss');
});

test('one loss for the whole batch counts for each sample', () => {
  const { value, feeds } = lossOf(losses.make('dice'), tensor([1, 1]), tensor([1, 0]), tensor([1, 3]));
  expectClose(evaluate(value, feeds).data, [(1 - 2 / 3) * 2], keras, 'loss');
});
