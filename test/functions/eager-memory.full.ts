import { expect, test } from '@jest/globals';
import { ops, Tensor } from '../../src/index.ts';

test('10,000 results of 4 MB, one after the other, leave memory as it was', () => {
  const x = new Tensor('float32', [2 ** 20], new Float32Array(2 ** 20).fill(1));
  const megabytesAfter = (calls: number): number => {
    for (let i = 0; i < calls; i++) ops.add(x, x);
    return process.memoryUsage().rss / 2 ** 20;
  };
  const early = megabytesAfter(2000);
  // as much as two collections of garbage bring back
  expect(megabytesAfter(8000)).toBeLessThan(early + 64);
});
