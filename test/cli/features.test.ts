import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { runTfk } from './run-tfk.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tfk-features-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** A run's last line of JSON. */
async function result(args: readonly string[]): Promise<Record<string, unknown>> {
  const { code, stdout, stderr } = await runTfk([...args, '--json']);
  expect([code, stderr]).toEqual([0, '']);
  return JSON.parse(stdout) as Record<string, unknown>;
}

test('a column of texts becomes words', async () => {
  const [csv, config, output] = ['mails.csv', 'mails.json', 'mails'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  const lines = Array.from({ length: 40 }, (_, i) =>
    i % 2 ? `"Win money, NOW ${i}!",spam` : `lunch at noon ${i},ham`,
  );
  await writeFile(csv, `text,kind\n${lines.join('\n')}\n`);
  const words = { type: 'textVectorization', maxTokens: 50, outputSequenceLength: 6 };
  const text = { type: 'feature', dtype: 'string', preprocessor: words, outputMode: 'int' };
  const layers = [
    { type: 'embedding', inputDim: 50, outputDim: 4 },
    { type: 'globalAveragePooling1d' },
    { type: 'dense', units: 2, activation: 'softmax' },
  ];
  const settings = {
    model: { layers },
    data: { train: { csv, target: 'kind', featureSpace: { features: { text }, outputMode: 'dict' } } },
    compile: {
      optimizer: { type: 'adam', learningRate: 0.05 },
      loss: 'sparseCategoricalCrossentropy',
      metrics: ['accuracy'],
    },
    fit: { epochs: 12, batchSize: 8 },
    seed: 1,
    output,
  };
  await writeFile(config, JSON.stringify(settings));
  const trained = await result(['train', config]);
  expect((trained.train as { accuracy: number }).accuracy).toBeGreaterThan(0.95);
  expect((await readFile(join(output, 'features.keras'))).subarray(0, 2).toString()).toBe('PK');

  await writeFile(join(folder, 'new.csv'), 'text\nmoney now\n');
  const { stdout } = await runTfk([
    'predict',
    output,
    '--input',
    join(folder, 'new.csv'),
    '--classes',
    '--json',
  ]);
  expect(JSON.parse(stdout)).toEqual(['spam']);
});

test('what is wrong with a feature is said before anything is read', async () => {
  const config = join(folder, 'wrong.json');
  const featureSpace = { features: { age: { type: 'floatDiscretized', bins: 3 } } };
  await writeFile(
    config,
    JSON.stringify({
      model: { layers: [{ type: 'dense', units: 1 }] },
      data: { train: { csv: 'none.csv', target: 'y', featureSpace } },
      compile: { loss: 'meanSquaredError' },
      output: folder,
    }),
  );
  const { code, stderr } = await runTfk(['train', config]);
  expect(code).not.toBe(0);
  expect(stderr).toMatch(/data\.train\.featureSpace/);
  expect(stderr).toMatch(/bins/);
});
