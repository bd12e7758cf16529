import { expect, test } from '@jest/globals';
import { fuzzConfigs } from './fuzz.ts';

test('10,000 configs changed at random: a model, or an error in plain words', async () => {
  const { valid, refused, faults } = await fuzzConfigs(10_000, 2);
  expect(faults).toEqual([]);
  expect(valid).toBeGreaterThan(300);
  expect(refused).toBeGreaterThan(3000);
});
