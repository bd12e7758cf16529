import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { layerFromKeras } from '../../src/formats/keras-model.ts';
import * as tfk from '../../src/index.ts';
import { expectClose, type Tolerance } from '../helpers/close.ts';
import { type GoldenTensor, goldenTensor, readGolden } from '../helpers/golden.ts';

const tolerance: Tolerance = { rtol: 1e-5, atol: 1e-5 };
const { model: golden } = readGolden<{
  readonly model: {
    readonly numbers: GoldenTensor;
    readonly ids: GoldenTensor;
    readonly output: GoldenTensor;
  };
}>('preprocessing.json');
const x = [goldenTensor(golden.numbers), goldenTensor(golden.ids)];

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tfk-preprocessing-'));
});
afterAll(() => rm(folder, { recursive: true }));

test('a model with layers that learned from data comes from Keras, and goes back', async () => {
  const model = await tfk.loadModel(join(process.cwd(), 'test/golden/keras/preprocessing.keras'));
  const output = (await model.predict(x, { verbose: 0 })) as tfk.Tensor;
  expectClose(output.data, golden.output.data, tolerance, 'from Keras');
  const path = join(folder, 'model.keras');
  await model.save(path);
  const again = (await (await tfk.loadModel(path)).predict(x, { verbose: 0 })) as tfk.Tensor;
  expectClose(again.data, output.data, { rtol: 0, atol: 0 }, 'from our file');
});

test('a model that reads texts says what to do', () => {
  const value = {
    module: 'keras.layers',
    class_name: 'InputLayer',
    config: { batch_shape: [null, 1], dtype: 'string' },
  };
  const read = (): unknown => layerFromKeras(value, { file: 'a', customObjects: {}, shared: new Map() }, 'a');
  expect(read).toThrow(tfk.FormatError);
  expect(read).toThrow(/reads texts.*FeatureSpace/);
});

test('a model with a function in its options is not written', async () => {
  const space = tfk.data.featureSpace({
    features: {
      text: {
        type: 'feature',
        dtype: 'string',
        preprocessor: tfk.layers.textVectorization({
          standardize: (text) => text.trim(),
          outputMode: 'count',
        }),
        outputMode: 'float',
      },
    },
  });
  space.adapt({ text: ['a b'] });
  await expect(space.save(join(folder, 'function.keras'))).rejects.toThrow(/function cannot be written/);
});
