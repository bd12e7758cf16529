import { describe, expect, test } from '@jest/globals';
import type { CompileOptions, FitOptions, Model, Tensor } from '../../src/index.ts';
import { expectClose, type Tolerance } from '../helpers/close.ts';
import { type GoldenTensor, goldenTensor, readGolden } from '../helpers/golden.ts';
import { type KerasConfig, modelFromKeras, ownObjects } from '../helpers/keras-model.ts';
import { ownSpelling } from '../helpers/layer-cases.ts';

type Figures = Readonly<Record<string, number>>;

/** A model that real Keras trained: what it was given and what came out. */
interface TrainingCase {
  readonly name: string;
  readonly model: KerasConfig;
  readonly initialWeights: readonly GoldenTensor[];
  readonly compile: Readonly<Record<string, unknown>>;
  readonly batchSize: number;
  readonly epochs: number;
  readonly x: readonly GoldenTensor[];
  readonly y: readonly GoldenTensor[];
  readonly validationData?: { readonly x: readonly GoldenTensor[]; readonly y: readonly GoldenTensor[] };
  readonly validationSplit?: number;
  readonly classWeight?: Readonly<Record<string, number>>;
  readonly sampleWeight?: GoldenTensor;
  readonly evaluateBefore: Figures;
  readonly history: Readonly<Record<string, readonly number[]>>;
  readonly finalWeights: readonly GoldenTensor[];
  readonly evaluate: Figures;
  readonly predict: readonly GoldenTensor[];
}

const cases = readGolden<readonly TrainingCase[]>('training.json');
/** Float32 against float32: both round, and the record keeps 7 digits. */
const tolerance: Tolerance = { rtol: 1e-5, atol: 2e-6 };
/** Where a gradient is near 0, Adam makes much of its rounding. */
const weightTolerance: Tolerance = { rtol: 2e-5, atol: 5e-6 };
/** Options of objects that name the object itself, or that only Keras has. */
const foreign = new Set(['name', 'dtype', 'jit_compile', 'axis', 'is_legacy_optimizer']);

/** `compile` arguments in our spelling. Keys of logs are Keras's, as the cases name them. */
const compileOptions = (compile: TrainingCase['compile']): CompileOptions =>
  Object.fromEntries(Object.entries(compile).map(([key, value]) => [key, own(value)])) as CompileOptions;

function own(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(own);
  if (value === null || typeof value !== 'object') return value;
  const { className, config } = value as { className: string; config: Record<string, unknown> };
  const isMetric = 'thresholds' in config || 'num_thresholds' in config;
  const kept = Object.entries(config).filter(
    ([key, v]) => v !== null && (!foreign.has(key) || (isMetric && key === 'name')),
  );
  return { className, config: ownSpelling(ownObjects(Object.fromEntries(kept))) };
}

function expectFigures(actual: Figures, expected: Figures, label: string): void {
  expect([label, ...Object.keys(actual).sort()]).toEqual([label, ...Object.keys(expected).sort()]);
  const keys = Object.keys(expected);
  keys.forEach((key) => {
    expectClose([actual[key] as number], [expected[key] as number], tolerance, `${label}: ${key}`);
  });
}

async function replay(record: TrainingCase, where: CompileOptions = {}): Promise<void> {
  const model: Model = modelFromKeras(record.model);
  const label = (what: string): string => `${record.name}: ${what}`;
  const [x, y] = [record.x.map(goldenTensor), record.y.map(goldenTensor)];
  const { batchSize, epochs, validationData, validationSplit, classWeight, sampleWeight } = record;
  expect(model.weights.map((w) => w.shape)).toEqual(record.initialWeights.map((w) => w.shape));
  model.setWeights(record.initialWeights.map(goldenTensor));
  model.compile({ ...compileOptions(record.compile), threads: 1, ...where });

  const before = await model.evaluate(x, y, { batchSize, verbose: 0 });
  expectFigures(before, record.evaluateBefore, label('evaluate before'));
  const options: FitOptions = {
    batchSize,
    epochs,
    shuffle: false,
    verbose: 0,
    ...(validationData && {
      validationData: [validationData.x.map(goldenTensor), validationData.y.map(goldenTensor)] as const,
    }),
    ...(validationSplit !== undefined && { validationSplit }),
    ...(classWeight && { classWeight }),
    ...(sampleWeight && { sampleWeight: goldenTensor(sampleWeight) }),
  };
  const history = await model.fit(x, y, options);
  expect(Object.keys(history).sort()).toEqual(Object.keys(record.history).sort());
  for (const [key, values] of Object.entries(record.history)) {
    expectClose(history[key] ?? [], values, tolerance, label(`history.${key}`));
  }
  const weights = model.getWeights();
  record.finalWeights.forEach((want, i) => {
    expectClose(weights[i]?.data ?? [], want.data, weightTolerance, label(`final ${want.name}`));
  });
  expectFigures(await model.evaluate(x, y, { batchSize, verbose: 0 }), record.evaluate, label('evaluate'));
  const predicted = [await model.predict(x, { batchSize })].flat();
  record.predict.forEach((want, i) => {
    expect(predicted[i]?.shape).toEqual(want.shape);
    expectClose((predicted[i] as Tensor).data, want.data, tolerance, label(`prediction ${i}`));
  });
  model.dispose();
}

describe('training as Keras trains', () => {
  test.each(cases)('$name', (record) => replay(record));

  const few = new Set(['dense_classifier_adamw', 'two_inputs_two_outputs', 'regularizers_and_constraints']);
  test.each(cases.filter((c) => few.has(c.name)))('$name, on the reference backend', (record) =>
    replay(record, { backend: 'reference' }),
  );

  const looped = new Set([
    'dense_classifier_clip_schedule',
    'dense_classifier_sample_weight',
    'batch_norm_convnet',
    'regularizers_and_constraints',
    'frozen_layer',
  ]);
  test.each(cases.filter((c) => looped.has(c.name)))('$name, two steps in a native call', (record) =>
    replay(record, { stepsPerExecution: 2 }),
  );

  test('batches of another size: evaluate gives the same', async () => {
    for (const record of cases.filter((c) => c.validationData !== undefined)) {
      const model = modelFromKeras(record.model);
      model.setWeights(record.finalWeights.map(goldenTensor));
      model.compile({ ...compileOptions(record.compile), threads: 1 });
      const [x, y] = [record.x.map(goldenTensor), record.y.map(goldenTensor)];
      for (const batchSize of [3, 10, 64]) {
        expectFigures(await model.evaluate(x, y, { batchSize, verbose: 0 }), record.evaluate, record.name);
      }
    }
  });
});
