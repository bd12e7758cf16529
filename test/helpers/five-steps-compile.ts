import { camelCase } from '../../src/core/registry.ts';
import {
  type History,
  input,
  layers,
  losses,
  optimizers,
  type Sequential,
  schedules,
  sequential,
  type Tensor,
  tensor,
} from '../../src/index.ts';
import {
  type Case,
  caseOf,
  expectHistory,
  expectWeights,
  type FiveSteps,
  fill,
  type LossSteps,
  type MetricSteps,
  numbers,
  type OptimizerSteps,
} from './five-steps.ts';
import { type GoldenTensor, goldenTensor, readGolden } from './golden.ts';
import { quiet } from './small-models.ts';

interface LossCase extends Case {
  readonly yTrue: GoldenTensor;
  readonly yPred: GoldenTensor;
  readonly sampleWeight: GoldenTensor;
}
interface MetricCase extends Case {
  readonly updates: readonly { readonly yTrue: GoldenTensor; readonly yPred: GoldenTensor }[];
}
interface OptimizerCase extends Case {
  readonly config: { readonly learning_rate: number };
}

const read = <T>(...files: string[]): readonly T[] => files.flatMap((file) => readGolden<readonly T[]>(file));
const lossCases = read<LossCase>('losses.json', 'losses-more.json');
const metricCases = read<MetricCase>('metrics.json', 'metrics-more.json');
const optimizerCases = ['optimizers.json', 'optimizers-more.json'].flatMap(
  (file) => readGolden<{ cases: readonly OptimizerCase[] }>(file).cases,
);
const scheduleCases = read<Case>('schedules.json');

/** Keras's class names of what records train. */
export const lossClassOf = (steps: FiveSteps): string => caseOf(lossCases, steps).className;
export const metricClassOf = (steps: FiveSteps): string => caseOf(metricCases, steps).className;
export const optimizerClassOf = (steps: OptimizerSteps): string =>
  caseOf<Case>(steps.schedule ? scheduleCases : optimizerCases, steps).className;

/** Two dense layers that give predictions of `shape`, and data for them. */
function network(shape: readonly number[], activation: string): { model: Sequential; x: Tensor } {
  const model = sequential([
    input({ shape: [...shape.slice(1, -1), 3] }),
    layers.dense({ units: 4, activation: 'tanh' }),
    layers.dense({ units: shape.at(-1) as number, activation }),
  ]);
  model.setWeights(model.getWeights().map((w, salt) => numbers(w.shape, salt)));
  return { model, x: numbers([...shape.slice(0, -1), 3], 4) };
}

/** Trains by `run`, compares what comes of it, and lets the model go. */
async function expectSteps(model: Sequential, steps: FiveSteps, run: () => Promise<History>): Promise<void> {
  try {
    expectHistory(await run(), steps);
    if (steps.weights.length > 0) expectWeights(model.getWeights(), steps);
  } finally {
    model.dispose();
  }
}

/** Five steps with the loss of a record. */
export function expectLossSteps(steps: LossSteps): Promise<void> {
  const { className, options, yPred, yTrue, sampleWeight } = caseOf(lossCases, steps);
  const { model, x } = network(yPred.shape, steps.activation);
  model.compile({
    optimizer: { type: 'sgd', learningRate: 0.05, momentum: 0.9 },
    loss: losses.losses.make({ type: className, ...options, reduction: camelCase(steps.reduction) }),
    metrics: [],
    threads: 1,
  });
  const weights = steps.weighted ? { sampleWeight: goldenTensor(sampleWeight) } : {};
  const batchSize = yPred.shape[0] as number;
  return expectSteps(model, steps, () =>
    model.fit(x, goldenTensor(yTrue), { ...quiet, ...weights, batchSize, epochs: 5 }),
  );
}

/** Two epochs of three batches with the metric of a record, plain and weighted. */
export function expectMetricSteps(steps: MetricSteps): Promise<void> {
  const { className, options, updates } = caseOf(metricCases, steps);
  const predictions = stacked(updates, 'yPred');
  const { model, x } = steps.labels
    ? { model: identity(), x: tensor(predictions.data, predictions.shape) }
    : network(predictions.shape, steps.activation);
  const { classAggregation: aggregation } = options;
  const spec = {
    type: className,
    ...options,
    ...(typeof aggregation === 'string' && { classAggregation: camelCase(aggregation) }),
  };
  const sparse = { type: 'sparseCategoricalCrossentropy', fromLogits: steps.logits };
  model.compile({
    optimizer: { type: 'sgd', learningRate: steps.labels ? 0 : 0.1 },
    loss: steps.loss === 'sparse' ? sparse : 'mse',
    metrics: [{ ...spec, name: 'metric' }],
    weightedMetrics: [{ ...spec, name: 'weighted' }],
    threads: 1,
  });
  const samples = predictions.shape[0] as number;
  const weights = numbers([samples], 5).data as Float32Array;
  return expectSteps(model, steps, () =>
    model.fit(x, goldenTensor(stacked(updates, 'yTrue')), {
      ...quiet,
      batchSize: samples / updates.length,
      epochs: 2,
      sampleWeight: fill([samples], (i) => Math.round((weights[i] as number) * 2 + 3)),
    }),
  );
}

/** All batches as one; a column where predictions have one axis only. */
function stacked(updates: MetricCase['updates'], key: 'yTrue' | 'yPred'): GoldenTensor {
  const parts = updates.map((update) => update[key]);
  const { shape, dtype } = parts[0] as GoldenTensor;
  const column = updates[0]?.yPred.shape.length === 1 ? [1] : [];
  return {
    shape: [parts.length * (shape[0] as number), ...shape.slice(1), ...column],
    data: parts.flatMap(({ data }) => data),
    ...(dtype && { dtype }),
  };
}

/** A dense layer of weight 1: predictions are the data. */
const identity = (): Sequential =>
  sequential([input({ shape: [1] }), layers.dense({ units: 1, kernelInitializer: 'ones' })]);

/** Six steps with the optimizer or the schedule of a record. */
export function expectOptimizerSteps(steps: OptimizerSteps): Promise<void> {
  const { model, x } = network([8, 2], 'linear');
  model.compile({ optimizer: optimizerOf(steps), loss: 'mse', metrics: [], threads: 1 });
  return expectSteps(model, steps, () =>
    model.fit(x, numbers([8, 2], 6), { ...quiet, batchSize: 8, epochs: 6 }),
  );
}

/** The recorded options, with steps large enough to see. */
function optimizerOf(steps: OptimizerSteps): optimizers.Optimizer {
  if (steps.schedule) {
    const { className, options } = caseOf(scheduleCases, steps);
    const learningRate = schedules.schedules.make({ className, config: options });
    return optimizers.sgd({ learningRate, momentum: 0.5 });
  }
  const { className, options, config } = caseOf(optimizerCases, steps);
  const learningRate = Math.max(config.learning_rate, 0.05);
  return optimizers.optimizers.make({ className, config: { learningRate, ...options } });
}
