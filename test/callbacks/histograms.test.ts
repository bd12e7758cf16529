import { mkdtempSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { callbacks, input, layers, sequential, tensor } from '../../src/index.ts';
import { resumableModel, samples } from '../helpers/resumable-run.ts';

const base = mkdtempSync(join(tmpdir(), 'tfk-histograms-'));
afterAll(() => rmSync(base, { recursive: true }));

const recordsOf = async (path: string) =>
  (await readFile(path, 'utf8'))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));

test('every element of each weight is in a bucket, and every one of its gradient', async () => {
  const path = join(base, 'all.jsonl');
  const model = resumableModel();
  await model.fit(samples.x, samples.y, {
    epochs: 3,
    batchSize: 10,
    verbose: 0,
    callbacks: [callbacks.histograms({ path, freq: 2, buckets: 7 })],
  });
  const records = await recordsOf(path);
  expect(records.map(({ epoch }) => epoch)).toEqual([0, 2]);
  const sum = (counts: readonly number[]) => counts.reduce((a, b) => a + b, 0);
  for (const weight of model.weights)
    expect(sum(records[1].weights[weight.path].counts)).toBe(weight.storage.size);
  for (const weight of model.trainableWeights)
    expect(sum(records[1].gradients[weight.path].counts)).toBe(weight.storage.size);
});

test('the gradient is that of the last step', async () => {
  // y = w x with w = 0: the gradient of mean((y - t)^2) is -2 t x
  const model = sequential([
    input({ shape: [1] }),
    layers.dense({ units: 1, useBias: false, kernelInitializer: 'zeros' }),
  ]);
  model.compile({ optimizer: { type: 'sgd', learningRate: 0 }, loss: 'meanSquaredError' });
  const seen: number[] = [];
  const look = callbacks.lambda({
    onEpochEnd: () => {
      seen.push(...(look.run.gradient(model.weights[0] as never) ?? []));
    },
  });
  await model.fit(tensor([[3]]), tensor([[5]]), { verbose: 0, callbacks: [look] });
  expect(seen).toEqual([-30]);
  const repeated = callbacks.lambda({
    onEpochEnd: () => expect(repeated.run.gradient(model.weights[0] as never)).toBeUndefined(),
  });
  model.compile({ optimizer: 'sgd', loss: 'meanSquaredError', stepsPerExecution: 2 });
  const [x, y] = [tensor([[1], [2], [3], [4]]), tensor([[1], [2], [3], [4]])];
  await model.fit(x, y, { batchSize: 2, verbose: 0, callbacks: [repeated] });
});

test('a run that goes on records each epoch once', async () => {
  const [path, backupDir] = [join(base, 'resumed.jsonl'), join(base, 'backup')];
  const attempt = (dies: boolean) =>
    resumableModel().fit(samples.x, samples.y, {
      epochs: 3,
      verbose: 0,
      callbacks: [
        callbacks.backupAndRestore({ backupDir }),
        callbacks.histograms({ path }),
        callbacks.lambda({
          onEpochEnd(epoch) {
            if (dies && epoch === 1) throw new Error('died');
          },
        }),
      ],
    });
  await expect(attempt(true)).rejects.toThrow('died');
  await attempt(false);
  expect((await recordsOf(path)).map(({ epoch }) => epoch)).toEqual([0, 1, 2]);
});
