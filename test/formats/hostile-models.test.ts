import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import * as tfk from '../../src/index.ts';
import { fuzz, outcome } from '../helpers/fuzz.ts';

const folder = mkdtempSync(join(tmpdir(), 'tfk-hostile-'));
afterAll(() => rmSync(folder, { recursive: true }));
const at = (name: string): string => join(folder, name);

const build = (): tfk.Model =>
  tfk.sequential([
    tfk.input({ shape: [4] }),
    tfk.layers.dense({ units: 3, activation: 'relu', name: 'first' }),
    tfk.layers.dense({ units: 2, name: 'last' }),
  ]);

describe('mutated files are read or refused, never more', () => {
  beforeAll(async () => {
    const model = build();
    await model.export(at('m.onnx'));
    await mkdir(at('web'));
    await model.export(at('web/model.json'));
    await model.saveWeights(at('w.safetensors'));
    await model.saveWeights(at('w.npz'));
    await model.saveWeights(at('w.weights.json'));
    await writeFile(at('m.h5'), readFileSync(join(process.cwd(), 'test/golden/keras/legacy-functional.h5')));
  });

  const load = async (path: string): Promise<void> => {
    const model = await tfk.loadModel(path);
    if (model.inputs.every(({ shape }) => shape.length === 2 && (shape[1] ?? 0) <= 8))
      model.summary({ print: null });
  };
  const intoModel = async (path: string): Promise<void> => build().loadWeights(path);

  test('ONNX', () => fuzz(at('m.onnx'), 200, load));
  test('model.json', () => fuzz(at('web/model.json'), 150, load));
  test('weights of TensorFlow.js', async () => {
    await writeFile(at('web/group1-shard1of1.bin'), new Uint8Array(3));
    expect(await outcome(() => load(at('web')))).toBe('refused');
  });
  test('.h5', () => fuzz(at('m.h5'), 60, load));
  test('.safetensors', () => fuzz(at('w.safetensors'), 200, intoModel));
  test('.npz', () => fuzz(at('w.npz'), 100, intoModel));
  test('.weights.json', () => fuzz(at('w.weights.json'), 100, intoModel));
});
