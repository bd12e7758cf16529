import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { exitCodes } from '../../src/cli/exit.ts';
import * as tfk from '../../src/index.ts';
import { expectClose } from '../helpers/close.ts';
import { normalData } from '../helpers/small-models.ts';
import { callTfk } from './run-tfk.ts';

const folder = mkdtempSync(join(tmpdir(), 'tfk-convert-'));
afterAll(() => rmSync(folder, { recursive: true }));
const at = (name: string): string => join(folder, name);

const x = normalData([3, 4]);
const outputs = async (model: tfk.Model) => ((await model.predict(x, { verbose: 0 })) as tfk.Tensor).data;

async function saved(): Promise<tfk.Model> {
  const model = tfk.sequential([
    tfk.input({ shape: [4] }),
    tfk.layers.dense({ units: 2, activation: 'tanh' }),
  ]);
  await model.save(at('model.keras'));
  return model;
}

describe('tfk convert and tfk export', () => {
  test('every model format becomes every other', async () => {
    const expected = await outputs(await saved());
    let from = at('model.keras');
    for (const to of ['a.onnx', 'web/model.json', 'b.keras', 'b.h5']) {
      const { code, stderr } = await callTfk('convert', from, at(to));
      expect({ code, stderr }).toEqual({ code: exitCodes.ok, stderr: `${at(to)} written.\n` });
      const actual = await outputs(await tfk.loadModel(at(to)));
      expectClose(actual, expected, { rtol: 1e-5, atol: 1e-6 }, to);
      // an imported graph has no counterpart in TensorFlow.js
      if (!to.endsWith('.onnx')) from = at(to);
    }
    expect((await callTfk('convert', at('web'), at('c.onnx'))).code).toBe(exitCodes.ok);
  });

  test('weights alone', async () => {
    const model = await saved();
    for (const to of ['w.weights.h5', 'w.weights.json', 'w.safetensors', 'w.npz']) {
      expect((await callTfk('convert', at('model.keras'), at(to))).code).toBe(exitCodes.ok);
      const kernels = model.getWeights();
      model.setWeights(kernels.map((w) => tfk.tensor(new Float32Array(w.size), w.shape)));
      await model.loadWeights(at(to));
      expect(model.getWeights().map(({ data }) => data)).toEqual(kernels.map(({ data }) => data));
    }
  });

  test('export has options; both say what is wrong', async () => {
    await saved();
    const { code } = await callTfk(
      'export',
      at('model.keras'),
      at('d.onnx'),
      '--batch-size',
      '2',
      '--metadata',
      'a=b',
    );
    expect(code).toBe(exitCodes.ok);
    expect((await tfk.loadModel(at('d.onnx'))).inputs[0]?.shape).toEqual([null, 4]);
    expect((await callTfk('export', at('model.keras'), at('e.onnx'), '--metadata', 'a')).code).toBe(
      exitCodes.usage,
    );
    expect((await callTfk('export', at('model.keras'), at('e.txt'))).code).toBe(exitCodes.usage);
    expect((await callTfk('convert', at('model.keras'), at('e.txt'))).code).toBe(exitCodes.usage);
    expect((await callTfk('convert', at('none.keras'), at('e.onnx'))).code).toBe(exitCodes.data);
    expect((await callTfk('convert', at('model.keras'), at('d.onnx'), '--no-overwrite')).code).toBe(
      exitCodes.exists,
    );
    expect(existsSync(at('e.onnx'))).toBe(false);
  });
});
