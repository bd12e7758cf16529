import { existsSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { datasets } from '../../src/data/index.ts';

const folder = [`${process.env.TFK_DATA}/fashion-mnist`, '/usr/share/datasets/fashion-mnist'].find(
  existsSync,
);
if (folder === undefined) console.warn('fashion-mnist is not installed: its test is skipped.');

(folder === undefined ? test.skip : test)('the real Fashion-MNIST', async () => {
  const { train, test: held } = await datasets.fashionMnist();
  expect([train.x.shape, train.y.shape]).toEqual([[60000, 28, 28, 1], [60000]]);
  expect([held.x.shape, held.y.shape]).toEqual([[10000, 28, 28, 1], [10000]]);
  const counts = new Array<number>(10).fill(0);
  for (const label of train.y.data) counts[Number(label)] = (counts[Number(label)] ?? 0) + 1;
  expect(counts).toEqual(new Array(10).fill(6000));
  const pixels = train.x.data;
  let sum = 0;
  for (let i = 0; i < pixels.length; i++) sum += pixels[i] as number;
  // The published mean of the training images.
  expect(sum / train.x.size).toBeCloseTo(0.286, 3);
});
