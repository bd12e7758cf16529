import { expect, test } from '@jest/globals';
import { fuzzFiles } from './fuzz.ts';

test('1,000 data files damaged at random: what can be read, or an error in plain words', async () => {
  const { valid, refused, faults } = await fuzzFiles(1000, 2);
  expect(faults).toEqual([]);
  expect(valid).toBeGreaterThan(100);
  expect(refused).toBeGreaterThan(500);
});
