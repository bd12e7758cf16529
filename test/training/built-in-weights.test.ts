import { describe, expect, test } from '@jest/globals';
import { getBackend, registerBackend } from '../../src/backend/registry.ts';
import { sizeOf } from '../../src/core/shape.ts';
import * as tfk from '../../src/index.ts';
import { callbacks, initializers, layers, optimizers } from '../../src/index.ts';
import { expectClose } from '../helpers/close.ts';

const network = (): tfk.Model => {
  const image = tfk.input({ shape: [4, 4, 8] });
  const convolved = layers.conv2d({ filters: 8, kernelSize: 3, padding: 'same' }).apply(image);
  const normalized = layers
    .batchNormalization({ movingMeanInitializer: initializers.randomUniform({ minval: 0, maxval: 1 }) })
    .apply(layers.activation({ activation: 'relu' }).apply(convolved));
  const rows = layers.reshape({ targetShape: [4, 32] }).apply(normalized);
  const read = layers.lstm({ units: 5, returnSequences: true }).apply(rows);
  const last = layers.gru({ units: 4 }).apply(read);
  return tfk.model({ inputs: image, outputs: layers.dense({ units: 2, name: 'head' }).apply(last) });
};
const waves = (shape: readonly number[], at: (i: number) => number): tfk.Tensor =>
  new tfk.Tensor(
    'float32',
    shape,
    Float32Array.from({ length: sizeOf(shape) }, (_, i) => at(i)),
  );
const x = waves([6, 4, 4, 8], (i) => Math.sin(i * 0.37));
const y = waves([6, 2], Math.cos);
const changedBy = (t: tfk.Tensor, f: (value: number) => number): tfk.Tensor =>
  new tfk.Tensor('float32', t.shape, Float32Array.from(t.data as Float32Array, f));
const tolerance = { rtol: 1e-4, atol: 1e-5 };

/** Predictions, several times in a row, beside those of the float64 interpreter with the same weights. */
async function expectTruth(model: tfk.Model): Promise<void> {
  const twin = network();
  twin.compile({ backend: 'reference' });
  twin.setWeights(model.getWeights());
  const truth = (await twin.predict(x, { batchSize: 4 })) as tfk.Tensor;
  for (let run = 0; run < 4; run++) {
    const predicted = (await model.predict(x, { batchSize: 4 })) as tfk.Tensor;
    expectClose(predicted.data, truth.data, tolerance, 'predictions');
  }
}

/** A model that has predicted before, so that its weights are built into its predictions. */
async function settledModel(optimizer: tfk.optimizers.Optimizer = optimizers.sgd({ learningRate: 0.1 })) {
  tfk.setRandomSeed(5);
  const model = network();
  model.compile({ optimizer, loss: 'mse' });
  await expectTruth(model);
  return model;
}

describe('predictions follow the weights', () => {
  test('after an epoch, and after each of several', async () => {
    const model = await settledModel();
    for (let epoch = 0; epoch < 4; epoch++) {
      await model.fit(x, y, { verbose: 0 });
      await expectTruth(model);
    }
  });

  test('after one batch, one prediction between two', async () => {
    const model = await settledModel();
    const seen = new Set<string>();
    for (let step = 0; step < 6; step++) {
      await model.trainOnBatch(x, y);
      seen.add(String(((await model.predict(x)) as tfk.Tensor).data));
    }
    expect(seen.size).toBe(6);
    await expectTruth(model);
  });

  test('after several steps in one native call', async () => {
    const model = await settledModel();
    model.compile({ optimizer: 'sgd', loss: 'mse', stepsPerExecution: 2 });
    await expectTruth(model);
    await model.fit(x, y, { batchSize: 2, verbose: 0 });
    await expectTruth(model);
  });

  test('after setWeights, and after one weight is written', async () => {
    const model = await settledModel();
    model.setWeights(model.getWeights().map((w) => changedBy(w, (v) => v / 2)));
    await expectTruth(model);
    const [kernel] = model.getLayer('head').weights;
    kernel?.write(changedBy(kernel.read(), () => 1));
    await expectTruth(model);
  });

  test('inside fit: validation and a callback', async () => {
    const model = await settledModel();
    const losses: unknown[] = [];
    const look = callbacks.lambda({
      async onEpochEnd(_epoch, logs) {
        losses.push(logs.val_loss);
        await expectTruth(model);
      },
    });
    const history = await model.fit(x, y, {
      epochs: 3,
      validationData: [x, y],
      verbose: 0,
      callbacks: [look],
    });
    expect(new Set(losses).size).toBe(3);
    expect(history.val_loss).toEqual(losses);
    const logs = await model.evaluate(x, y, { verbose: 0 });
    expect(logs.loss).toBeCloseTo(losses.at(-1) as number, 5);
  });

  test('with running means of weights, as training ends', async () => {
    const model = await settledModel(optimizers.sgd({ learningRate: 0.1, useEma: true, emaMomentum: 0.5 }));
    await model.fit(x, y, { batchSize: 4, verbose: 0 });
    await expectTruth(model);
  });

  test('when a model with the same layers is trained', async () => {
    const model = await settledModel();
    const other = tfk.model({ inputs: model.inputs, outputs: model.outputs });
    other.compile({ optimizer: 'sgd', loss: 'mse' });
    await other.fit(x, y, { verbose: 0 });
    await expectTruth(model);
  });

  test('with adapters: added, trained, merged', async () => {
    const model = await settledModel();
    const before = ((await model.predict(x)) as tfk.Tensor).data;
    const head = model.getLayer('head') as ReturnType<typeof layers.dense>;
    head.enableLora(1);
    expectClose(((await model.predict(x)) as tfk.Tensor).data, before, tolerance, 'predictions');
    model.compile({ optimizer: 'sgd', loss: 'mse' });
    await model.fit(x, y, { verbose: 0 });
    const trained = ((await model.predict(x)) as tfk.Tensor).data;
    expect(trained).not.toEqual(before);
    expectClose(((await model.predict(x)) as tfk.Tensor).data, trained, tolerance, 'predictions');
    head.mergeLora();
    expectClose(((await model.predict(x)) as tfk.Tensor).data, trained, tolerance, 'predictions');
    await expectTruth(model);
  });

  test('one batch after the other, with other numbers, rows and mistakes', async () => {
    const model = await settledModel();
    const twin = network();
    twin.compile({ backend: 'reference' });
    twin.setWeights(model.getWeights());
    const scaled = [1, -2, 3].map((factor) => changedBy(x, (v) => factor * v));
    for (const batch of [...scaled, x.rows(0, 3), x, x]) {
      const [predicted, truth] = (await Promise.all([
        model.predict(batch),
        twin.predict(batch),
      ])) as tfk.Tensor[];
      expectClose(predicted?.data ?? [], truth?.data ?? [], tolerance, 'predictions');
      expect(predicted?.shape).toEqual(truth?.shape);
    }
    await expect(model.predict(x.reshape([6, 8, 4, 4]))).rejects.toThrow(/shape/);
    await expect(model.predict(x, { batchSize: 0 })).rejects.toThrow(/batchSize/);
    const [first, second] = [model.predict(x), model.predict(x)];
    await expect(second).rejects.toThrow(/busy with predict/);
    const kept = (await first) as tfk.Tensor;
    const copy = [...kept.data];
    await model.predict(scaled[1] as tfk.Tensor);
    expect([...kept.data]).toEqual(copy);
  });

  test('several inputs and outputs, one batch after the other', async () => {
    const [a, b] = [tfk.input({ shape: [2] }), tfk.input({ shape: [2], dtype: 'int32' })];
    const sum = layers.add().apply([a, layers.rescaling({ scale: 10 }).apply(b)]);
    const model = tfk.model({ inputs: [a, b], outputs: [sum, layers.dense({ units: 1 }).apply(a)] });
    model.compile({});
    for (const n of [1, 2, 3, 4]) {
      const numbers = tfk.tensor(Int32Array.of(n, -n), [1, 2]);
      const [added, other] = (await model.predict([tfk.tensor([[n / 2, n]]), numbers])) as tfk.Tensor[];
      expect(added?.array()).toEqual([[10.5 * n, -9 * n]]);
      expect(other?.shape).toEqual([1, 1]);
    }
  });

  test.each([1, 2])(
    'frozen weights do not count as changed, at %i steps a run',
    async (stepsPerExecution) => {
      const model = await settledModel();
      const frozen = model.layers.filter((layer) => layer.name !== 'head');
      for (const layer of frozen) layer.trainable = false;
      model.compile({ optimizer: 'sgd', loss: 'mse', stepsPerExecution });
      const versions = () => frozen.flatMap(({ weights }) => weights.map((w) => w.version));
      const before = versions();
      await model.fit(x, y, { batchSize: 3, verbose: 0 });
      expect(versions()).toEqual(before);
      await expectTruth(model);
    },
  );

  test('of a stateful layer go on from batch to batch, and start anew', async () => {
    const model = tfk.sequential([
      tfk.input({ shape: [3, 2], batchSize: 2 }),
      layers.lstm({ units: 3, stateful: true }),
    ]);
    const batch = tfk.tensor([
      [
        [1, 2],
        [3, 4],
        [5, 6],
      ],
      [
        [0, 1],
        [1, 0],
        [1, 1],
      ],
    ]);
    const run = async () => [...((await model.predict(batch)) as tfk.Tensor).data];
    const first = await run();
    const second = await run();
    expect(second).not.toEqual(first);
    model.resetStates();
    expectClose(await run(), first, tolerance, 'first');
    expectClose(await run(), second, tolerance, 'second');
  });
});

test('many shapes do not each hold a copy of large weights', async () => {
  const copies: number[] = [];
  registerBackend('weighed', async () => {
    const backend = await getBackend();
    return {
      ...backend,
      compile: (graph, options) => {
        copies.push(options?.constants?.size ?? 0);
        return backend.compile(graph, options);
      },
    };
  });
  const model = tfk.sequential([
    tfk.input({ shape: [null], dtype: 'int32' }),
    layers.embedding({ inputDim: 3_000_000, outputDim: 8, embeddingsInitializer: 'zeros' }),
  ]);
  model.compile({ backend: 'weighed' });
  // 92 MiB: two copies always may be, a third is too much
  for (const length of [2, 3, 4, 5, 2]) await model.predict(tfk.tensor(new Int32Array(length), [1, length]));
  expect(copies).toEqual([1, 1, 0, 0]);
});
