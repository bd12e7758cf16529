import { expect, test } from '@jest/globals';
import { fuzzConfigs } from './fuzz.ts';

test('150 configs changed at random: a model, or an error in plain words', async () => {
  const { valid, refused, faults } = await fuzzConfigs(150, 1);
  expect(faults).toEqual([]);
  expect(valid).toBeGreaterThan(5);
  expect(refused).toBeGreaterThan(50);
});
