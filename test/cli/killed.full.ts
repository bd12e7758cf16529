import { expect, test } from '@jest/globals';
import { killedAndWhole } from './killed-run.ts';

test('a run killed at 50 random moments and resumed each time ends like one that was left alone', async () => {
  const { whole, broken } = await killedAndWhole(50, 11);
  for (const remains of broken) expect(remains).toEqual(whole);
});
