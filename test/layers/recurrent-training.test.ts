import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import * as tfk from '../../src/index.ts';
import { layerRegistry } from '../../src/layers/registry.ts';
import type { Weight } from '../../src/layers/weight.ts';
import { expectClose } from '../helpers/close.ts';
import { type GoldenTensor, goldenTensor, readGolden } from '../helpers/golden.ts';

interface LayerSpec {
  readonly className: string;
  readonly config: Readonly<Record<string, unknown>>;
}
interface Training {
  readonly name: string;
  readonly layers: readonly LayerSpec[];
  readonly x: GoldenTensor;
  readonly y: GoldenTensor;
  readonly before: readonly GoldenTensor[];
  readonly losses: readonly number[];
  readonly after: readonly GoldenTensor[];
  readonly predictions: GoldenTensor;
}
interface Stateful {
  readonly name: string;
  readonly layers: readonly LayerSpec[];
  readonly weights: readonly GoldenTensor[];
  readonly batches: readonly GoldenTensor[];
  readonly outputs: readonly GoldenTensor[];
  readonly afterReset: GoldenTensor;
}

const golden = readGolden<{ trainings: readonly Training[]; stateful: readonly Stateful[] }>(
  'recurrent.json',
);
const tolerance = { rtol: 2e-4, atol: 5e-5 };
const models: tfk.Model[] = [];
afterEach(() => {
  for (const model of models.splice(0)) model.dispose();
});

function build(layers: readonly LayerSpec[], input: tfk.SymbolicTensor): tfk.Sequential {
  const model = tfk.sequential([input, ...layers.map((spec) => layerRegistry.make(spec))]);
  models.push(model);
  return model;
}

describe.each(golden.trainings.map((record) => [record.name, record] as const))(
  'training %s',
  (_, record) => {
    test('goes as in Keras, and a saved model predicts the same', async () => {
      const [x, y] = [goldenTensor(record.x), goldenTensor(record.y)];
      const model = build(record.layers, tfk.input({ shape: x.shape.slice(1) }));
      model.setWeights(record.before.map(goldenTensor));
      model.compile({ optimizer: { type: 'adam', learningRate: 0.05 }, loss: 'mse' });
      for (const loss of record.losses) {
        const logs = (await model.trainOnBatch(x, y)) as Readonly<Record<string, number>>;
        expectClose([logs.loss as number], [loss], tolerance, 'loss');
      }
      for (const [i, weight] of model.getWeights().entries()) {
        expectClose(
          weight.data,
          goldenTensor(record.after[i] as GoldenTensor).data,
          tolerance,
          `weight ${i}`,
        );
      }
      const predictions = (await model.predict(x)) as tfk.Tensor;
      expectClose(predictions.data, goldenTensor(record.predictions).data, tolerance, 'predictions');

      const folder = mkdtempSync(join(tmpdir(), 'tfk-recurrent-'));
      try {
        await model.save(join(folder, 'model.keras'));
        const loaded = await tfk.loadModel(join(folder, 'model.keras'));
        models.push(loaded);
        expect(loaded.weights.map((w) => w.path)).toEqual(model.weights.map((w) => w.path));
        expect(((await loaded.predict(x)) as tfk.Tensor).data).toEqual(predictions.data);
      } finally {
        rmSync(folder, { recursive: true });
      }
    });
  },
);

describe.each(golden.stateful.map((record) => [record.name, record] as const))('stateful %s', (_, record) => {
  test('carries states from batch to batch until they are reset, as in Keras', async () => {
    const batches = record.batches.map(goldenTensor);
    const [batchSize, ...shape] = (batches[0] as tfk.Tensor).shape as [number, ...number[]];
    const model = build(record.layers, tfk.input({ shape, batchSize }));
    expect(model.weights.length).toBe(record.weights.length);
    model.setWeights(record.weights.map(goldenTensor));
    for (const [i, batch] of batches.entries()) {
      const y = (await model.predict(batch)) as tfk.Tensor;
      expectClose(y.data, goldenTensor(record.outputs[i] as GoldenTensor).data, tolerance, `batch ${i}`);
    }
    model.resetStates();
    const y = (await model.predict(batches[1] as tfk.Tensor)) as tfk.Tensor;
    expectClose(y.data, goldenTensor(record.afterReset).data, tolerance, 'after a reset');
  });
});

test('training carries states too, in one call for several steps as well', async () => {
  const x = tfk.tensor(
    Float32Array.from({ length: 24 }, (_, i) => Math.sin(i)),
    [8, 3, 1],
  );
  const y = tfk.tensor(
    Float32Array.from({ length: 8 }, (_, i) => Math.cos(i)),
    [8, 1],
  );
  const states: (readonly number[])[] = [];
  let weights: tfk.Tensor[] | undefined;
  for (const stepsPerExecution of [1, 2]) {
    const model = tfk.sequential([
      tfk.input({ shape: [3, 1], batchSize: 2 }),
      tfk.layers.gru({ units: 2, stateful: true }),
      tfk.layers.dense({ units: 1 }),
    ]);
    models.push(model);
    weights ??= model.getWeights();
    model.setWeights(weights);
    model.compile({ optimizer: 'sgd', loss: 'mse', stepsPerExecution });
    await model.fit(x, y, { batchSize: 2, epochs: 1, shuffle: false, verbose: 0 });
    const [state] = model.states as [Weight];
    states.push([...(state.read().data as Float32Array)]);
  }
  expect(states[0]?.some((v) => v !== 0)).toBe(true);
  expectClose(states[1] ?? [], states[0] ?? [], tolerance, 'states');
});
