import { beforeAll, describe, expect, test } from '@jest/globals';
import type { Backend } from '../../src/backend/backend.ts';
import { getBackend } from '../../src/backend/registry.ts';
import { type Tensor, tensor } from '../../src/core/tensor.ts';
import { ConfigError, ShapeError } from '../../src/errors.ts';
import { gradient } from '../../src/ir/autodiff.ts';
import { constant, input, type Value } from '../../src/ir/graph.ts';
import '../../src/layers/index.ts';
import type { Layer } from '../../src/layers/layer.ts';
import { type CellRun, RecurrentCell } from '../../src/layers/recurrent-cell.ts';
import { layerRegistry } from '../../src/layers/registry.ts';
import { Trace, withTrace } from '../../src/layers/trace.ts';
import { add, mul, reduceSum } from '../../src/ops/index.ts';
import { expectClose, type Tolerance } from '../helpers/close.ts';
import { type GoldenTensor, goldenTensor, readGolden } from '../helpers/golden.ts';
import { runTraced } from '../helpers/layer-cases.ts';

/** A layer with what Keras computes; gradients are those of the input, the initial states, the weights. */
interface GoldenCase {
  readonly name: string;
  readonly className: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly input: GoldenTensor;
  readonly mask?: GoldenTensor;
  readonly initialState?: readonly GoldenTensor[];
  readonly weights: readonly GoldenTensor[];
  readonly outputs: readonly GoldenTensor[];
  readonly directions: readonly GoldenTensor[];
  readonly gradients: readonly GoldenTensor[];
}
interface Golden {
  readonly layers: readonly GoldenCase[];
}

const golden = readGolden<Golden>('recurrent.json');
const reference: Tolerance = { rtol: 2e-5, atol: 5e-6 };
const native: Tolerance = { rtol: 1e-4, atol: 2e-5 };

/** Values to compare with Keras's, and what feeds them. */
interface Computed {
  readonly layer: Layer;
  readonly values: readonly Value[];
  readonly expected: readonly Tensor[];
  readonly feeds: ReadonlyMap<Value, Tensor>;
}

function compute(record: GoldenCase, training: boolean): Computed {
  const layer = layerRegistry.make({ className: record.className, config: record.options });
  const data = [record.input, ...(record.initialState ?? [])].map(goldenTensor);
  const [x, ...states] = data.map((t, i) => input(`x${i}`, { dtype: t.dtype, shape: t.shape }));
  layer.ensureBuilt([record.input.shape]);
  layer.setWeights(record.weights.map(goldenTensor));
  const feeds = new Map([x as Value, ...states].map((leaf, i) => [leaf, data[i] as Tensor]));
  const tensors: Record<string, readonly Value[]> = {};
  if (states.length > 0) tensors.initialState = states;
  if (record.mask) {
    const mask = goldenTensor(record.mask);
    const leaf = input('mask', { dtype: mask.dtype, shape: mask.shape });
    feeds.set(leaf, mask);
    tensors.mask = [leaf];
  }
  const trace = new Trace(training);
  const outputs = withTrace(trace, () => layer.invoke([x as Value], { training, tensors }));
  for (const [weight, value] of trace.weights) feeds.set(value, weight.read());
  const loss = outputs
    .map((y, i) => reduceSum(mul(y, constant(goldenTensor(record.directions[i] as GoldenTensor)))))
    .reduce((a, b) => add(a, b));
  const wrt = [x as Value, ...states, ...layer.weights.map((w) => trace.weights.get(w) as Value)];
  const gradients = gradient(loss, wrt) as Value[];
  return {
    layer,
    values: [...outputs, ...gradients],
    expected: [...record.outputs, ...record.gradients].map(goldenTensor),
    feeds,
  };
}

let backend: Backend;
beforeAll(async () => {
  backend = await getBackend('onnxruntime');
});

describe.each(golden.layers.map((record) => [record.name, record] as const))('%s', (name, record) => {
  const label = (i: number): string =>
    i < record.outputs.length ? `output ${i}` : `gradient ${i - record.outputs.length}`;

  test('is what Keras computes, in float64', () => {
    const { layer, values, expected, feeds } = compute(record, true);
    const paths = layer.weights.map((w) => [w.path.replace(/^[^/]*\//, ''), w.shape]);
    expect(paths.map(([path, shape]) => [String(path).replace(/_\d+(?=\/)/g, ''), shape])).toEqual(
      record.weights.map((w) => [w.name?.replace(/_\d+(?=\/)/g, ''), w.shape]),
    );
    for (const [i, { shape, data }] of runTraced(values, feeds).entries()) {
      const wanted = expected[i] as Tensor;
      expect([label(i), shape]).toEqual([label(i), wanted.shape]);
      expectClose(data, wanted.data, reference, label(i));
    }
  });

  test('is what Keras computes, on native kernels', async () => {
    const { values, expected, feeds } = compute(record, false);
    const outputs = values.map((value, i) => ({ name: `result${i}`, value }));
    const executable = await backend.compile({ name, inputs: [...feeds.keys()], outputs }, { threads: 1 });
    const results = await executable.run([...feeds.values()]).finally(() => executable.dispose());
    for (const [i, wanted] of expected.entries()) {
      expectClose((results[i] as Tensor).data, wanted.data, native, label(i));
    }
  });
});

describe('refused', () => {
  const make = (type: string, options: object = {}): Layer =>
    layerRegistry.make({ type, units: 2, ...options });
  const sequence = { shape: [null, 4, 3], dtype: 'float32' } as const;

  test.each([
    ['an input without time', () => make('lstm').inferOutputs([{ shape: [null, 3], dtype: 'float32' }])],
    ['states without a batch size', () => make('gru', { stateful: true }).inferOutputs([sequence])],
    [
      'unrolling of an unknown number of steps',
      () => make('lstm', { unroll: true }).inferOutputs([{ ...sequence, shape: [null, null, 3] }]),
    ],
    [
      'initial states of another number or shape',
      () => make('lstm').inferOutputs([sequence], { tensors: { initialState: [sequence] }, flags: {} }),
    ],
  ])('%s', (_, act) => {
    expect(act).toThrow(ShapeError);
  });

  test.each([
    ['two layers that go the same way', { layer: make('lstm'), backwardLayer: make('lstm') }],
    [
      'layers that give different things',
      { layer: make('lstm'), backwardLayer: make('gru', { goBackwards: true, returnState: true }) },
    ],
    ['a layer that is not recurrent', { layer: { type: 'dense', units: 2 } }],
  ])('%s in both directions', (_, config) => {
    expect(() => layerRegistry.make({ className: 'Bidirectional', config })).toThrow(ConfigError);
  });

  test('a cell that is none', () => {
    expect(() => layerRegistry.make({ type: 'rnn', cell: { type: 'dense', units: 2 } })).toThrow(
      /expected a cell/,
    );
  });
});

test('the bias of the forget gate begins at 1', () => {
  const layer = layerRegistry.make({ type: 'lstm', units: 2 });
  layer.ensureBuilt([[null, 4, 3]]);
  expect([...(layer.getWeights()[2] as Tensor).data]).toEqual([0, 0, 1, 1, 0, 0, 0, 0]);
});

test('dropout uses one mask for all steps, or one for each gate', () => {
  for (const [type, gates] of [
    ['lstm', 4],
    ['gru', 3],
    ['simpleRnn', 1],
  ] as const) {
    for (const recurrentDropout of [0, 0.5]) {
      const layer = layerRegistry.make({ type, units: 2, dropout: 0.5, recurrentDropout });
      const trace = new Trace(true);
      const x = input('x', { dtype: 'float32', shape: [3, 5, 4] });
      withTrace(trace, () => layer.invoke([x], { training: true }));
      const each = recurrentDropout > 0 ? gates : 1;
      const drawn = [
        ...new Array(each).fill([3, 4]),
        ...new Array(recurrentDropout > 0 ? each : 0).fill([3, 2]),
      ];
      expect(trace.randoms.map(({ request }) => request.shape)).toEqual(drawn);
    }
  }
});

test('a cell of one’s own goes through a sequence', () => {
  class Decay extends RecurrentCell {
    static override readonly className = 'Decay';

    get stateShapes(): readonly (readonly number[])[] {
      return [[2]];
    }

    begin(): CellRun {
      return {
        project: (x) => x,
        step: (x, [h]) => {
          const next = add(x, mul(h as Value, 0.5));
          return [next, next];
        },
      };
    }
  }
  const layer = layerRegistry.make({ type: 'rnn', cell: new Decay({}) });
  const x = input('x', { dtype: 'float32', shape: [1, 3, 2] });
  const outputs = withTrace(new Trace(false), () => layer.invoke([x], { training: false }));
  const feeds = new Map([
    [
      x,
      tensor([
        [
          [1, 2],
          [3, 4],
          [5, 6],
        ],
      ]),
    ],
  ]);
  expect([...(runTraced(outputs, feeds)[0]?.data ?? [])]).toEqual([6.75, 8.5]);
});
