import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { modelFromKeras, modelToKeras } from '../../src/formats/keras-model.ts';
import { loadModel, type Model } from '../../src/index.ts';
import { type GoldenTensor, goldenTensor, readGolden } from '../helpers/golden.ts';

interface Case {
  readonly name: string;
  /** As `model.to_json()` of Keras gives it. */
  readonly model: Record<string, unknown>;
  readonly inputs: readonly GoldenTensor[];
  readonly outputs: readonly GoldenTensor[];
}

const cases = readGolden<readonly Case[]>('operations.json');
const read = (config: unknown): Model =>
  modelFromKeras(config, { file: 'model.json', customObjects: {}, shared: new Map() });

async function expectOutputs(model: Model, { inputs, outputs }: Case): Promise<void> {
  const results = [await model.predict(inputs.map(goldenTensor))].flat();
  expect(results).toHaveLength(outputs.length);
  for (const [i, y] of results.entries()) {
    const expected = outputs[i] as GoldenTensor;
    expect(y.shape).toEqual(expected.shape);
    const worst = expected.data.map((v, k) => Math.abs(v - Number(y.data[k])) / Math.max(1, Math.abs(v)));
    expect(Math.max(0, ...worst)).toBeLessThan(1e-5);
  }
}

describe('ops between the layers of a file', () => {
  test.each(cases.map((c) => [c.name, c] as const))('%s', async (_, c) => {
    const model = read(c.model);
    await expectOutputs(model, c);
    await expectOutputs(read(JSON.parse(JSON.stringify(modelToKeras(model)))), c);
  });

  test('are written as Keras wrote them', () => {
    const { model } = cases[0] as Case;
    const layersOf = (written: unknown): unknown =>
      (written as { config: { layers: unknown[] } }).config.layers[1];
    expect(layersOf(modelToKeras(read(model)))).toEqual(layersOf(model));
  });

  test('are refused by name where they are not known', () => {
    const text = JSON.stringify((cases[0] as Case).model).replaceAll('NotEqual', 'Cholesky');
    expect(() => read(JSON.parse(text))).toThrow('the op "Cholesky" of Keras is not supported');
  });
});

test('a functional model with masks, as Keras saves it, masks; and so does what is saved of it', async () => {
  const record = readGolden<{ inputs: GoldenTensor[]; outputs: GoldenTensor[] }>('keras/masked.json');
  const loaded = await loadModel('test/golden/keras/masked.keras');
  await expectOutputs(loaded, { ...record, name: '', model: {} });
  const path = join(await mkdtemp(join(tmpdir(), 'tfk-')), 'again.keras');
  await loaded.save(path);
  await expectOutputs(await loadModel(path), { ...record, name: '', model: {} });
});
