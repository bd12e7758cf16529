import { describe, expect, test } from '@jest/globals';
import { camelCase } from '../../src/core/registry.ts';
import { type Tensor, tensor } from '../../src/core/tensor.ts';
import { ConfigError, ShapeError } from '../../src/errors.ts';
import { constant, input } from '../../src/ir/graph.ts';
import { interpret } from '../../src/ir/interpret.ts';
import { softmax } from '../../src/ops/index.ts';
import { type Metric, metrics } from '../../src/training/metrics/index.ts';
import { makeMetric } from '../../src/training/metrics/make.ts';
import { expectClose, type Tolerance } from '../helpers/close.ts';
import { type GoldenTensor, goldenTensor, readGolden } from '../helpers/golden.ts';

interface Update {
  readonly yTrue: GoldenTensor;
  readonly yPred: GoldenTensor;
  readonly sampleWeight?: GoldenTensor;
  readonly result: GoldenTensor;
}
interface MetricCase {
  readonly name: string;
  readonly className: string;
  readonly options: Record<string, unknown>;
  readonly config: { readonly name: string };
  readonly updates: readonly Update[];
}

const keras: Tolerance = { rtol: 3e-5, atol: 2e-6 };
const recorded = ['metrics.json', 'metrics-more.json'].flatMap((file) => readGolden<MetricCase[]>(file));
/** `Mean` and `Sum` take plain values: nothing that `compile` could feed. */
const cases = recorded.filter(({ className }) => className !== 'Mean' && className !== 'Sum');

type Spec = { readonly type: string; readonly [option: string]: unknown };
type Batch = readonly [yTrue: Tensor, yPred: Tensor, sampleWeight?: Tensor | undefined];

/** Adds a batch's statistics to the sums, as training does. */
function accumulate(
  metric: Metric,
  sums: Record<string, Float64Array>,
  [yTrue, yPred, sampleWeight]: Batch,
): void {
  const statistics = metric.update(constant(yTrue), constant(yPred), sampleWeight && constant(sampleWeight));
  for (const [name, value] of Object.entries(statistics)) {
    expect(value.dtype).toBe('float32');
    const data = interpret([value], new Map())[0]?.data ?? new Float64Array();
    const sum = sums[name] ?? new Float64Array(data.length);
    sums[name] = sum.map((v, i) => v + (data[i] as number));
  }
}

const resultOf = (spec: Spec | string, ...batches: Batch[]): number => {
  const metric = metrics.make(spec);
  const sums: Record<string, Float64Array> = {};
  for (const batch of batches) accumulate(metric, sums, batch);
  return metric.result(sums);
};

/** What Keras computes as an array is several metrics here, or the mean of the array. */
function specsOf({
  className,
  options,
}: MetricCase): { spec: Spec; expected: (result: GoldenTensor, batch: number) => number }[] {
  const { thresholds, average, classAggregation, ...rest } = options;
  const spec = { type: className, ...rest };
  if (Array.isArray(thresholds) && className !== 'AUC') {
    return thresholds.map((one, i) => ({
      spec: { ...spec, thresholds: one },
      expected: ({ data }) => data[i] as number,
    }));
  }
  const kept = {
    ...(thresholds ? { thresholds } : {}),
    ...(average ? { average } : {}),
    ...(classAggregation ? { classAggregation: camelCase(classAggregation as string) } : {}),
  };
  const mean = ({ data }: GoldenTensor): number => data.reduce((a, b) => a + b, 0) / data.length;
  const { numRegressors } = options;
  const expected =
    typeof numRegressors === 'number'
      ? (result: GoldenTensor, batch: number) => adjustedScore(mean(result), numRegressors, 6 * (batch + 1))
      : mean;
  return [{ spec: { ...spec, ...kept }, expected }];
}

/** Keras 3.15.1 counts a sample once for each of the three outputs; later versions count it once. */
function adjustedScore(recorded: number, regressors: number, samples: number): number {
  const outputs = 3;
  const plain = ((1 - recorded) * (outputs * samples - regressors - 1)) / (outputs * samples - 1);
  return 1 - (plain * (samples - 1)) / (samples - regressors - 1);
}

describe.each(cases.map((c) => [c.name, c] as const))('%s', (_name, c) => {
  test('results are those of Keras after each batch', () => {
    for (const { spec, expected } of specsOf(c)) {
      const metric = metrics.make(spec);
      const sums: Record<string, Float64Array> = {};
      expect(metric.result(sums)).toBe(0);
      c.updates.forEach(({ yTrue, yPred, sampleWeight, result }, i) => {
        accumulate(metric, sums, [
          goldenTensor(yTrue),
          goldenTensor(yPred),
          sampleWeight && goldenTensor(sampleWeight),
        ]);
        expectClose([metric.result(sums)], [expected(result, i)], keras, `batch ${i}`);
      });
    }
  });

  test('name and options', () => {
    for (const { spec } of specsOf(c)) {
      const metric = metrics.make(spec);
      expect(metric.name).toBe(c.config.name.replace(/_\d+$/, ''));
      const again = metrics.make({ className: metric.className, config: metric.getConfig() });
      expect(again.options).toEqual(metric.options);
    }
  });
});

test('every recorded metric is replayed', () => {
  expect(recorded.length - cases.length).toBe(8);
  const wrappers = ['meanMetricWrapper']; // measure with a function, which no record holds
  expect(new Set(cases.map((c) => c.className)).size + wrappers.length).toBe(metrics.names().length);
});

describe('names', () => {
  const type = (...shape: number[]) => ({ dtype: 'float32', shape }) as const;

  test.each([
    ['accuracy', type(8, 1), type(8, 1), 'BinaryAccuracy'],
    ['acc', type(8), type(8, 3), 'SparseCategoricalAccuracy'],
    ['accuracy', type(8, 1), type(8, 3), 'SparseCategoricalAccuracy'],
    ['accuracy', type(8, 5, 3), type(8, 5, 3), 'CategoricalAccuracy'],
    ['crossentropy', type(8, 3), type(8, 3), 'CategoricalCrossentropy'],
    ['ce', type(8), type(8, 3), 'SparseCategoricalCrossentropy'],
    ['mse', type(8, 1), type(8, 1), 'MeanSquaredError'],
    ['mean_absolute_error', type(8, 1), type(8, 1), 'MeanAbsoluteError'],
    ['AUC', type(8, 1), type(8, 1), 'AUC'],
  ])('%s of %o and %o is %s, under its own name', (name, yTrue, yPred, className) => {
    const metric = makeMetric(name, yTrue, yPred);
    expect(metric.className).toBe(className);
    expect(metric.name).toBe(name);
  });

  test('an object is called by its option, or by its class', () => {
    const named = makeMetric({ type: 'precision', name: 'p1', classId: 1 }, type(8, 3), type(8, 3));
    expect(named.name).toBe('p1');
    expect(makeMetric({ type: 'rootMeanSquaredError' }, type(8, 1), type(8, 1)).name).toBe(
      'root_mean_squared_error',
    );
    expect(() => makeMetric('accurracy', type(8, 1), type(8, 1))).toThrow(/Did you mean "accuracy"/);
  });

  test.each([
    ['accuracy', 'max'],
    ['mse', 'min'],
    ['auc', 'max'],
    ['kld', 'min'],
    ['cosineSimilarity', 'max'],
    ['truePositives', undefined],
  ])('%s is better towards %s', (name, direction) => {
    expect(metrics.make(name).direction).toBe(direction);
  });
});

describe('edges', () => {
  test('the first of equal predictions is the answer', () => {
    expect(
      resultOf('sparseCategoricalAccuracy', [
        tensor([0, 1]),
        tensor([
          [2, 2],
          [2, 2],
        ]),
      ]),
    ).toBe(0.5);
  });

  test('a score at the threshold is a "no"', () => {
    const batch: Batch = [tensor([1, 1]), tensor([0.5, 0.75])];
    expect(resultOf('truePositives', batch)).toBe(1);
    expect(resultOf('binaryAccuracy', batch)).toBe(0.5);
  });

  test('ignored classes do not count', () => {
    const yPred = tensor([
      [0.5, 0.5],
      [0.2, 0.8],
    ]);
    const value = resultOf({ type: 'sparseCategoricalCrossentropy', ignoreClass: -1 }, [
      tensor([-1, 1]),
      yPred,
    ]);
    expectClose([value], [-Math.log(0.8)], keras, 'mean');
    const iou = resultOf({ type: 'meanIoU', numClasses: 2, ignoreClass: 255 }, [
      tensor([0, 1, 255]),
      tensor([0, 1, 0]),
    ]);
    expectClose([iou], [1], keras, 'IoU');
  });

  test('weights of [batch] apply to all that belongs to a sample', () => {
    const batch: Batch = [
      tensor([
        [1, 1],
        [1, 1],
      ]),
      tensor([
        [1, 1],
        [0, 0],
      ]),
      tensor([3, 1]),
    ];
    expect(resultOf('binaryAccuracy', batch)).toBe(0.75);
    expect(resultOf('recall', batch)).toBe(0.75);
    expect(resultOf({ type: 'f1Score', average: 'micro', threshold: 0.5 }, batch)).toBeCloseTo(6 / 7, 5);
  });

  test('cross-entropy after a softmax is exact', () => {
    const x = constant(tensor([[200, 0]]));
    const metric = metrics.make('sparseCategoricalCrossentropy');
    const { total } = metric.update(constant(tensor(Int32Array.of(1))), softmax(x), undefined);
    expect(interpret([total as never], new Map())[0]?.data[0]).toBe(200);
  });

  test('scores of all thresholds: a perfect and a constant model', () => {
    const yTrue = tensor([0, 0, 1, 1]);
    for (const curve of ['ROC', 'PR']) {
      expect(resultOf({ type: 'auc', curve }, [yTrue, tensor([0, 0.1, 0.9, 1])])).toBeCloseTo(1, 6);
      expect(resultOf({ type: 'auc', curve }, [yTrue, tensor([0.3, 0.3, 0.3, 0.3])])).toBeCloseTo(0.5, 6);
    }
  });
});

describe('what makes no sense', () => {
  const value = (...shape: number[]) => input('y', { dtype: 'float32', shape });

  test.each([
    [{ type: 'precision', thresholds: [0.2, 0.5] }, /several thresholds use several metrics/],
    [{ type: 'truePositives', thresholds: 2 }, /thresholds.*Received 2/],
    [{ type: 'f1Score', average: null }, /Expected "micro", "macro" or "weighted"/],
    [{ type: 'fBetaScore', beta: 0 }, /beta/],
    [{ type: 'auc', numLabels: 3 }, /Needed only with "multiLabel: true"/],
    [{ type: 'auc', curve: 'roc' }, /curve/],
    [{ type: 'iou', numClasses: 2, targetClassIds: [2] }, /Every id must be below "numClasses"/],
    [{ type: 'precisionAtRecall' }, /recall/],
    [{ type: 'topKCategoricalAccuracy', k: 0 }, /k/],
  ])('options %j', (spec, message) => {
    expect(() => metrics.make(spec)).toThrow(ConfigError);
    expect(() => metrics.make(spec)).toThrow(message);
  });

  test.each([
    ['precision', [4, 2], [4, 3], ShapeError],
    ['sparseCategoricalAccuracy', [4, 3], [4, 3], ShapeError],
    ['f1Score', [4], [4], ShapeError],
    ['r2Score', [4], [4], ShapeError],
    ['mse', [4, 2], [4, 3], ShapeError],
    [{ type: 'recall', classId: 3 }, [4, 3], [4, 3], ConfigError],
    [{ type: 'auc', multiLabel: true, numLabels: 2 }, [4, 3], [4, 3], ShapeError],
    [{ type: 'auc', labelWeights: [1, 2] }, [4, 3], [4, 3], ShapeError],
    [{ type: 'meanIoU', numClasses: 2 }, [4, 3], [4], ShapeError],
  ])('%j of targets %j and predictions %j', (spec, yTrue, yPred, error) => {
    expect(() => metrics.make(spec).update(value(...yTrue), value(...yPred), undefined)).toThrow(error);
  });
});
