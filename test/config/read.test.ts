import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { readConfig, relocated } from '../../src/config/index.ts';
import { resolveSpec } from '../../src/config/spec.ts';
import { idOf } from '../../src/core/configured.ts';
import { ConfigError } from '../../src/errors.ts';
import { layerRegistry, layerSamples } from '../../src/layers/registry.ts';
import { withFiles } from '../data/files.ts';

const dense = { type: 'dense', units: 2 };
const good = {
  model: { layers: [dense] },
  data: { train: { npz: 'data/train.npz' } },
  compile: { loss: 'mse' },
  output: 'runs/x',
};

/** Reads a config of these keys. */
const read = (changes: Readonly<Record<string, unknown>>, settings: readonly string[] = []) =>
  withFiles({ 'c.json': JSON.stringify({ ...good, ...changes }) }, (folder) =>
    readConfig(join(folder, 'c.json'), settings),
  );

const layers = (layer: object) => ({ model: { layers: [dense, { ...dense, ...layer }] } });
const optimizer = (value: unknown) => ({ compile: { loss: 'mse', optimizer: value } });
const wrong: readonly (readonly [string, Readonly<Record<string, unknown>>, string])[] = [
  ['a key', { fits: {} }, 'fits: unknown key. Did you mean "fit"?'],
  ['a key further down', { fit: { epoch: 1 } }, 'fit.epoch: unknown key. Did you mean "epochs"?'],
  [
    'a spelling of Keras',
    { fit: { batch_size: 1 } },
    'fit.batch_size: unknown key. Did you mean "batchSize"?',
  ],
  [
    'a layer',
    layers({ type: 'densee' }),
    'model.layers.1.type: Unknown layer "densee". Did you mean "dense"?',
  ],
  ['an option of a layer', layers({ unit: 1 }), 'model.layers.1.unit: unknown key. Did you mean "units"?'],
  ['a value', layers({ units: 'many' }), 'model.layers.1.units: expected a whole number. Received "many".'],
  [
    'an option of an initializer',
    layers({ kernelInitializer: { type: 'heNormal', sede: 1 } }),
    'model.layers.1.kernelInitializer.sede: unknown key. Did you mean "seed"?',
  ],
  ['an optimizer', optimizer('adamm'), 'compile.optimizer: Unknown optimizer "adamm". Did you mean "adam"?'],
  [
    'an option of a schedule',
    optimizer({ type: 'sgd', learningRate: { type: 'cosineDecay', decaySteps: -1, initialLearningRate: 1 } }),
    'compile.optimizer.learningRate.decaySteps: expected a number of steps above 0. Received -1.',
  ],
  ['a loss', { compile: { loss: { a: 'msee' } } }, 'compile.loss.a: Unknown loss "msee".'],
  ['a metric', { compile: { loss: 'mse', metrics: ['acuracy'] } }, 'Did you mean "accuracy"?'],
  ['a source', { data: { train: { file: 'x' } } }, 'data.train: expected an object with "dataset", "csv"'],
  ['an option of a source', { data: { train: { npz: 'x', limt: 1 } } }, 'data.train.limt: unknown key.'],
  [
    'a callback',
    { callbacks: [{ type: 'earlyStoping' }] },
    'callbacks.0.type: Unknown callback "earlyStoping".',
  ],
  ['a model', { model: 3 }, 'model: expected {"layers": [...]}'],
  ['nothing', { output: undefined }, 'output: expected string. Received nothing.'],
];

describe('readConfig', () => {
  test.each(wrong)('names the key where %s is wrong', async (_what, changes, message) => {
    const error = await read(changes).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(ConfigError);
    expect((error as ConfigError).message).toContain(message);
  });

  test('tells everything that is wrong at once', async () => {
    await expect(read({ fit: { epoch: 1 }, seed: -1 })).rejects.toThrow(/seed: .*\n.*fit\.epoch: /);
  });

  test('fills in defaults; what it gives is a config again', async () => {
    const config = await read({ compile: { loss: 'mse', optimizer: 'adam', metrics: ['mae'] } });
    expect(config.compile.optimizer).toMatchObject({ type: 'adam', learningRate: 0.001, beta1: 0.9 });
    expect(config.fit).toMatchObject({ epochs: 1, batchSize: 32, shuffle: true });
    expect(config.compile.metrics).toEqual(['mae']); // the name is the key in logs
    expect(await read(JSON.parse(JSON.stringify(config)))).toEqual(config);
  });

  test.each([...layerSamples])('a resolved %s is resolved', (className, samples) => {
    const type = layerRegistry.names().find((name) => name === idOf(className)) ?? className;
    for (const { options = {} } of samples) {
      const once = resolveSpec('layer', { type, ...options });
      expect(Array.isArray(once)).toBe(false);
      expect(resolveSpec('layer', JSON.parse(JSON.stringify(once)))).toEqual(once);
    }
  });

  test('takes paths in the file from its folder, and those given beside it from the working folder', () =>
    withFiles({ 'a/c.json': JSON.stringify(good) }, async (folder) => {
      const path = join(folder, 'a', 'c.json');
      const inFile = await readConfig(path);
      expect(inFile.data.train).toMatchObject({ npz: join(folder, 'a', 'data', 'train.npz') });
      expect(inFile.output).toBe(join('runs', 'x'));
      const given = await readConfig(path, ['data.train.npz=b.npz', 'model=m.keras']);
      expect(given.data.train).toMatchObject({ npz: join(process.cwd(), 'b.npz') });
      expect(given.model).toBe(join(process.cwd(), 'm.keras'));
      expect(relocated(inFile, folder)).toMatchObject({
        data: { train: { npz: join('a', 'data', 'train.npz') } },
      });
    }));

  test('replaces values by dotted paths', async () => {
    const config = await read({ compile: { loss: 'mse', optimizer: 'sgd' } }, [
      'compile.optimizer.learningRate=0.5', // "sgd" is short for an object
      'model.layers.0.units=7',
      'fit.epochs=9',
    ]);
    expect(config).toMatchObject({
      compile: { optimizer: { type: 'sgd', learningRate: 0.5 } },
      model: { layers: [{ units: 7 }] },
      fit: { epochs: 9 },
    });
  });
});

describe('examples', () => {
  test('are configs that are right', async () => {
    const files = (await readdir('examples', { recursive: true })).filter((file) => file.endsWith('.json'));
    expect(files.length).toBeGreaterThan(8);
    for (const file of files) await expect(readConfig(join('examples', file))).resolves.toBeDefined();
  });
});
