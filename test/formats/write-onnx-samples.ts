// Writes the models that check_with_onnx.py reads: node .dist/test/formats/write-onnx-samples.js FOLDER
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { referenceModels } from '../../models/index.ts';
import * as tfk from '../../src/index.ts';
import { kerasSamples, layerModels } from './keras-samples.ts';

const plain = ({ shape, dtype, data }: tfk.Tensor): object => ({
  shape,
  dtype,
  data: Array.from(data, Number),
});

async function write(
  name: string,
  model: tfk.Model,
  x: readonly tfk.Tensor[],
  folder: string,
): Promise<void> {
  const path = join(folder, `${name}.onnx`);
  try {
    await model.export(path);
  } catch (error) {
    if (!(error instanceof tfk.ConfigError)) throw error;
    console.log(`${name}: for one batch size. ${error.message}`);
    await model.export(path, { batchSize: x[0]?.shape[0] ?? 1 });
  }
  const outputs = [await model.predict(x, { verbose: 0 })].flat();
  const inputs = Object.fromEntries(model.inputNames.map((key, i) => [key, plain(x[i] as tfk.Tensor)]));
  await writeFile(join(folder, `${name}.json`), JSON.stringify({ inputs, outputs: outputs.map(plain) }));
  model.dispose();
}

tfk.setRandomSeed(3);
const [, , folder = 'onnx-samples'] = process.argv;
await mkdir(folder, { recursive: true });
for (const sample of [...kerasSamples, ...layerModels]) {
  const model = sample.make();
  await model.predict(sample.x, { verbose: 0 });
  await write(sample.name, model, sample.x, folder);
}
for (const [name, reference] of Object.entries(referenceModels))
  await write(name, reference.build(), reference.batch(3).x, folder);
