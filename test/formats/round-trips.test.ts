import { mkdtempSync, rmSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, describe, expect, test } from '@jest/globals';
import { loadModel, type Model, type Tensor } from '../../src/index.ts';
import { expectClose } from '../helpers/close.ts';
import { type GoldenTensor, goldenTensor, readGolden } from '../helpers/golden.ts';

const folder = mkdtempSync(join(tmpdir(), 'tfk-round-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Models of every kind that real Keras saved, in `test/golden/keras`. */
const models = [
  'trained-convolutions', // sequential
  'trained-shared-inputs', // several inputs and outputs, shared and nested layers
  'nested-model',
  'trained-sequences', // recurrent
  'trained-masked-attention',
  'trained-vocabulary', // lookup and statistics
] as const;

const whole = ['model.keras', 'model.h5', 'model.onnx', 'web/model.json'] as const;
const weightsAlone = ['w.keras', 'w.h5', 'w.weights.h5', 'w.weights.json', 'w.safetensors', 'w.npz'] as const;

/** What a format does not have. */
const refused: Readonly<Record<string, RegExp>> = {
  'trained-masked-attention web/model.json': /"not_equal" is an operation of Keras 3/, // of the mask
};

const opened: Model[] = [];
afterEach(() => {
  for (const model of opened.splice(0)) model.dispose();
});
async function open(path: string): Promise<Model> {
  const model = await loadModel(path);
  opened.push(model);
  return model;
}

const original = (name: string): Promise<Model> => open(`test/golden/keras/${name}.keras`);
const inputsOf = (name: string): Tensor[] =>
  readGolden<{ inputs: GoldenTensor[] }>(`keras/${name}.json`).inputs.map(goldenTensor);
const predict = async (model: Model, x: readonly Tensor[]): Promise<Tensor[]> =>
  [await model.predict(x, { verbose: 0 })].flat();

async function pathFor(name: string, file: string): Promise<string> {
  const path = join(folder, name, file);
  await mkdir(dirname(path), { recursive: true });
  return path;
}

async function write(model: Model, path: string): Promise<void> {
  if (/\.onnx$|\.json$/.test(path) && !path.endsWith('.weights.json')) await model.export(path);
  else if (/\.keras$|(?<!\.weights)\.h5$/.test(path)) await model.save(path);
  else await model.saveWeights(path);
}

/** All numbers of a model's weights, in order of size: formats arrange them differently. */
const sorted = (model: Model): number[] =>
  model.weights.flatMap(({ storage }) => Array.from(storage.data, Number)).sort((a, b) => a - b);

/** What a model predicts, made once. */
const predicted = new Map<string, Promise<Tensor[]>>();
function expectedOf(name: string): Promise<Tensor[]> {
  const known = predicted.get(name);
  if (known !== undefined) return known;
  const outputs = original(name).then((model) => predict(model, inputsOf(name)));
  predicted.set(name, outputs);
  return outputs;
}

describe.each(models)('%s', (name) => {
  test.each(whole)('to %s and back: the same weights, the same outputs', async (file) => {
    const [model, x] = [await original(name), inputsOf(name)];
    const path = await pathFor(name, file);
    const reason = refused[`${name} ${file}`];
    if (reason) {
      await expect(write(model, path)).rejects.toThrow(reason);
      return;
    }
    await write(model, path);
    const back = await open(path);
    const [expected, actual] = [await expectedOf(name), await predict(back, x)];
    expect(actual.map(({ shape }) => shape)).toEqual(expected.map(({ shape }) => shape));
    if (file === 'model.onnx') {
      // kernels lie in another order and sums are taken in another, but nothing is rounded
      const again = await pathFor(name, 'again.onnx');
      await write(back, again);
      expect(sorted(await open(again))).toEqual(sorted(back));
      for (const [i, { data }] of expected.entries())
        expectClose(actual[i]?.data ?? [], data, { rtol: 1e-5, atol: 1e-6 }, `output ${i}`);
    } else {
      expect(back.getWeights()).toEqual(model.getWeights());
      expect(actual).toEqual(expected);
    }
  });

  test.each(weightsAlone)('weights to %s and back, bit for bit', async (file) => {
    const [model, other, x] = [await original(name), await original(name), inputsOf(name)];
    const path = await pathFor(name, file);
    await write(model, path);
    for (const { storage } of other.weights) (storage.data as Float32Array).fill(0);
    await other.loadWeights(path);
    expect(other.getWeights()).toEqual(model.getWeights());
    expect(await predict(other, x)).toEqual(await expectedOf(name));
  });
});
