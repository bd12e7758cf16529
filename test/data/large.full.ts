import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from '@jest/globals';

const bench = fileURLToPath(new URL('../../bench/large-data.js', import.meta.url));

test('600 MiB of images train with a heap of 256 MiB, and all in all below 600', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [bench, '600']);
  const { fileMiB, peakMiB } = JSON.parse(stdout);
  expect(fileMiB).toBeGreaterThan(500);
  expect(peakMiB).toBeLessThan(600);
});
