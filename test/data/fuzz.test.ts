import { expect, test } from '@jest/globals';
import { fuzzFiles } from './fuzz.ts';

test('150 data files damaged at random: what can be read, or an error in plain words', async () => {
  const { valid, refused, faults } = await fuzzFiles(150, 1);
  expect(faults).toEqual([]);
  expect(valid).toBeGreaterThan(10);
  expect(refused).toBeGreaterThan(50);
});
