import { expect, test } from '@jest/globals';
import { killedAndWhole } from './killed-run.ts';

test('a run killed at two random moments and resumed ends like one that was left alone', async () => {
  const { whole, broken } = await killedAndWhole(2, 5);
  for (const remains of broken) expect(remains).toEqual(whole);
});
