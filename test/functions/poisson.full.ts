import { expect, test } from '@jest/globals';
import { poisson } from '../../examples/poisson.ts';

test("Poisson's equation is solved to 2% in 2000 steps", async () => {
  expect((await poisson(2000)).error).toBeLessThan(0.02);
});
