import { existsSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { coverageText, kerasCoverage } from '../helpers/keras-coverage.ts';
import { read } from './snippets.ts';

const coverage = kerasCoverage();
const { ops: _, ...inScope } = coverage;

// A name that came or went: node dist/test/docs/write-keras-coverage.js
test('docs/keras-coverage.json says what there is of Keras', async () => {
  expect(coverageText(coverage)).toBe(await read('docs/keras-coverage.json'));
});

test('nearly all of it is there, and tested', () => {
  const entries = Object.values(inScope).flat();
  const present = entries.filter((entry) => 'tests' in entry);
  process.stdout.write(`${present.length} of ${entries.length} names of Keras are there\n`);
  for (const { name, tests } of present) {
    for (const file of tests) expect([name, existsSync(file)]).toEqual([name, true]);
  }
});
