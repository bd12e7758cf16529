// Writes the models that check_with_keras.py reads: node .dist/test/formats/write-keras-samples.js FOLDER
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as tfk from '../../src/index.ts';
import { type KerasSample, kerasSamples, layerModels, lowRank } from './keras-samples.ts';

const plain = ({ shape, dtype, data }: tfk.Tensor): object => ({
  shape,
  dtype,
  data: Array.from(data, Number),
});

const asList = (tensors: tfk.Tensor | tfk.Tensor[]): tfk.Tensor[] =>
  Array.isArray(tensors) ? tensors : [tensors];

async function train(model: tfk.Model, { x, y }: KerasSample): Promise<void> {
  for (let step = 0; step < 3 && y.length > 0; step++) await model.trainOnBatch(x, y);
}

/** A model after three steps, with what it predicts, and its weights after three more. */
async function write(sample: KerasSample, folder: string): Promise<void> {
  const model = sample.make();
  await train(model, sample);
  const path = join(folder, sample.name);
  await model.save(`${path}.keras`);
  await model.save(`${path}.h5`);
  await model.save(`${path}.weights.h5`);
  const outputs = asList(await model.predict(sample.x));
  await train(model, sample);
  const record = {
    inputs: sample.x.map(plain),
    targets: sample.y.map(plain),
    outputs: outputs.map(plain),
    steps: sample.y.length > 0 ? 3 : 0,
    weightsAfter: model.getWeights().map(plain),
  };
  await writeFile(`${path}.json`, JSON.stringify(record));
  model.dispose();
}

tfk.setRandomSeed(3);
const [, , folder = 'keras-samples'] = process.argv;
await mkdir(folder, { recursive: true });
for (const sample of [...kerasSamples, lowRank, ...layerModels]) await write(sample, folder);
