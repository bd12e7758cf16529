import { copyFileSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import * as tfk from '../../src/index.ts';
import { fuzz } from '../helpers/fuzz.ts';

const outside = mkdtempSync(join(tmpdir(), 'tfk-hostile-full-'));
const folder = join(outside, 'inside');
afterAll(() => rmSync(outside, { recursive: true }));
const at = (name: string): string => join(folder, name);
const golden = (name: string): string => join(process.cwd(), 'test/golden', name);

const count = 300;
const written = ['m.weights.h5', 'm.safetensors', 'm.npz', 'm.weights.json'];
const recorded = {
  'm.keras': 'keras/sequential-convnet.keras',
  'm.h5': 'keras/legacy-sequential.h5',
  'm.onnx': 'pytorch/encoder.onnx',
};

describe(`${count} mutations of real files for every reader: read or refused, and nothing written elsewhere`, () => {
  let model: tfk.Model;
  beforeAll(async () => {
    await mkdir(at('web'), { recursive: true });
    for (const [name, source] of Object.entries(recorded)) copyFileSync(golden(source), at(name));
    model = await tfk.loadModel(at('m.keras'));
    for (const name of written) await model.saveWeights(at(name));
    await model.export(at('web/model.json'));
    await model.export(at('apart.onnx'), { externalData: true });
  });

  const load = async (path: string): Promise<void> => (await tfk.loadModel(path)).dispose();
  test.each([...Object.keys(recorded), 'web/model.json', 'apart.onnx'])('%s', (name) =>
    fuzz(at(name), count, load),
  );
  test.each(written)('%s', (name) => fuzz(at(name), count, (path) => model.loadWeights(path)));

  test('nothing lies beside the folder', () => {
    expect(readdirSync(outside)).toEqual(['inside']);
  });
});
