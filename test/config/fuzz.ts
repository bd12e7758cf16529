import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  buildCallbacks,
  buildModel,
  compileModel,
  loadData,
  readConfig,
  sampleShapes,
} from '../../src/config/index.ts';
import { Random } from '../../src/core/random.ts';
import { writeNpz } from '../../src/formats/npz-writer.ts';
import { tensor } from '../../src/index.ts';
import { withFiles } from '../data/files.ts';
import { type Fuzzed, faultOf, type Json, mutateJson } from '../helpers/mutate.ts';

const examples = 'examples';

const images = (): Uint8Array =>
  writeNpz([
    ['x', tensor(new Float32Array(4 * 28 * 28), [4, 28, 28, 1])],
    ['y', tensor(Int32Array.of(0, 1, 2, 3))],
  ]);

/** The configs of the examples, which learn from small files here. */
async function baseConfigs(): Promise<Json[]> {
  const read = async (name: string): Promise<{ [key: string]: Json }> =>
    JSON.parse(await readFile(join(examples, name, 'train.json'), 'utf8'));
  const ofImages = { train: { npz: 'images.npz' }, validationSplit: 0.25 };
  const functional = {
    inputs: [{ name: 'in' }],
    layers: [
      { type: 'dense', name: 'a', units: 4, activation: 'leakyRelu', inputs: ['in'] },
      { type: 'dense', name: 'out', units: 3, kernelRegularizer: { type: 'l2', l2: 0.1 }, inputs: ['a'] },
    ],
    outputs: ['out'],
  };
  return [
    { ...(await read('mnist')), data: ofImages },
    { ...(await read('fashion-mnist')), data: ofImages },
    await read('iris'),
    JSON.parse(JSON.stringify(await read('penguins')).replaceAll(/(train|test)\.csv/g, 'penguins.csv')),
    { ...(await read('iris')), model: functional, callbacks: [{ type: 'earlyStopping', patience: 2 }] },
  ];
}

/** Reads a config and gets everything ready for the first step, as `tfk train` does. */
async function prepare(path: string, folder: string): Promise<void> {
  const config = await readConfig(path);
  const data = await loadData(config.data);
  const model = await buildModel(config.model, sampleShapes(data.train.x));
  compileModel(model, config);
  buildCallbacks(config, folder);
}

/** Runs configs that are changed at random. Every one shall be right, or be refused in plain words. */
export async function fuzzConfigs(count: number, seed: number): Promise<Fuzzed> {
  const text = (name: string): Promise<string> => readFile(join(examples, name), 'utf8');
  const files = {
    'images.npz': images(),
    'train.csv': await text('iris/train.csv'),
    'test.csv': await text('iris/test.csv'),
    'penguins.csv': await text('penguins/test.csv'),
  };
  return withFiles(files, async (folder) => {
    const random = new Random(seed);
    const bases = await baseConfigs();
    const path = join(folder, 'train.json');
    const result = { valid: 0, refused: 0, faults: [] as string[] };
    for (let i = 0; i < count; i++) {
      const base = bases[i % bases.length] as Json;
      const mutated = JSON.stringify(i < bases.length ? base : mutateJson(base, random));
      // the first ones are whole; now and then the text itself is damaged
      const at = random.integer(mutated.length);
      const damaged =
        i >= bases.length && random.integer(20) === 0
          ? mutated.slice(0, at) + mutated.slice(at + 1)
          : mutated;
      await writeFile(path, damaged);
      try {
        await prepare(path, folder);
        result.valid++;
      } catch (error) {
        result.refused++;
        const fault = i < bases.length ? String(error) : faultOf(error);
        if (fault) result.faults.push(`${fault}\n${damaged.slice(0, 3000)}`);
      }
    }
    return result;
  });
}
