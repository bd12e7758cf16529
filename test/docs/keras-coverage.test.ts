import { existsSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { coverageText, kerasCoverage } from '../helpers/keras-coverage.ts';
import { read } from './snippets.ts';

const coverage = kerasCoverage();
const { ops: _, ...classes } = coverage;

// A name that came or went: node dist/test/docs/write-keras-coverage.js
test('docs/keras-coverage.json says what there is of Keras', async () => {
  expect(coverageText(coverage)).toBe(await read('docs/keras-coverage.json'));
});

test('nearly all of it is there, and tested', () => {
  const entries = Object.values(classes).flat();
  const present = entries.filter((entry) => 'tests' in entry);
  const outside = entries.filter((entry) => 'absent' in entry && entry.absent.startsWith('out of scope'));
  const inScope = entries.length - outside.length;
  process.stdout.write(`${present.length} of ${inScope} names of Keras in scope are there\n`);
  expect(present.length / inScope).toBeGreaterThanOrEqual(0.98);
  for (const { name, tests } of present) {
    for (const file of tests) expect([name, existsSync(file)]).toEqual([name, true]);
  }
});
