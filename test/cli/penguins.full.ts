import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { runTfk } from './run-tfk.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tfk-penguins-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** A run's last line of JSON. */
async function result(args: readonly string[]): Promise<Record<string, unknown>> {
  const { code, stdout, stderr } = await runTfk([...args, '--json']);
  expect([code, stderr]).toEqual([0, '']);
  return JSON.parse(stdout) as Record<string, unknown>;
}

test('penguins: columns of all types, some without values, are trained on, measured and predicted', async () => {
  const output = join(folder, 'penguins');
  const trained = await result(['train', 'examples/penguins/train.json', '--output', output]);
  const { accuracy } = trained.test as { accuracy: number };
  expect(accuracy).toBeGreaterThanOrEqual(0.97);
  expect(await result(['evaluate', output])).toMatchObject({ accuracy });

  const csv = join(folder, 'new.csv');
  await writeFile(csv, 'sex,island,beakLength,beakDepth,flipperLength,bodyMass\n,Biscoe,50,15,221,5500\n');
  const { stdout } = await runTfk(['predict', output, '--input', csv, '--classes', '--json']);
  expect(JSON.parse(stdout)).toEqual(['Gentoo']);
});
