import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { runTfk } from './run-tfk.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tfk-tune-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** Accuracy on the test data of a run. */
async function accuracy(...args: readonly string[]): Promise<number> {
  const { code, stdout, stderr } = await runTfk(['train', ...args, '--json']);
  expect([code, stderr]).toEqual([0, '']);
  return (JSON.parse(stdout) as { test: { accuracy: number } }).test.accuracy;
}

interface Config {
  readonly model: { readonly layers: readonly object[]; readonly head: readonly object[] };
}
const read = async (path: string): Promise<Config> => JSON.parse(await readFile(path, 'utf8')) as Config;

test('digits 5 to 9 from a hundred pictures, by a net that knows 0 to 4', async () => {
  const [base, tune, scratch] = ['base', 'tune', 'scratch'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  expect(await accuracy('examples/fine-tuning/base.json', '--output', base)).toBeGreaterThan(0.97);
  const tuned = await accuracy(
    'examples/fine-tuning/tune.json',
    '--output',
    tune,
    '--set',
    `model.from=${base}`,
  );

  const [old, config] = [
    await read('examples/fine-tuning/base.json'),
    await read('examples/fine-tuning/tune.json'),
  ];
  const layers = [...old.model.layers.slice(0, -1), ...config.model.head];
  const path = join(folder, 'scratch.json');
  await writeFile(path, JSON.stringify({ ...config, $schema: undefined, model: { layers } }));
  const untaught = await accuracy(path, '--output', scratch);
  expect(tuned).toBeGreaterThan(0.85);
  expect(tuned).toBeGreaterThan(untaught + 0.2);
});
