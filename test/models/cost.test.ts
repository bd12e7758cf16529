import { expect, test } from '@jest/globals';
import { ConfigError, costOf, input, layers, sequential } from '../../src/index.ts';

test('a dense layer: 2 m k n operations and m n for the bias', () => {
  const model = sequential([input({ shape: [5] }), layers.dense({ units: 3 })]);
  const cost = costOf(model, 7);
  expect(cost.flops).toBe(2 * 7 * 5 * 3 + 7 * 3);
  expect(cost.weights).toBe(4 * (5 * 3 + 3));
  // the product and its sum with the bias, each [7,3]
  expect(cost.predicting).toBe(4 * 2 * 7 * 3);
  expect(cost.training).toBe(cost.weights + 4 * 2 * 7 * 3);
});

test.each([
  [
    'conv2d',
    layers.conv2d({ filters: 4, kernelSize: 3, useBias: false }),
    [8, 8, 3],
    2 * (6 * 6 * 4) * (3 * 3 * 3),
  ],
  [
    'grouped conv2d',
    layers.conv2d({ filters: 4, kernelSize: 3, groups: 2, useBias: false }),
    [8, 8, 2],
    2 * (6 * 6 * 4) * (3 * 3 * 1),
  ],
  [
    'conv2dTranspose',
    layers.conv2dTranspose({ filters: 4, kernelSize: 2, strides: 2, useBias: false }),
    [5, 5, 3],
    2 * (5 * 5 * 3) * (2 * 2 * 4),
  ],
] as const)('%s: two operations for each product', (_, layer, shape, flops) => {
  expect(costOf(sequential([input({ shape: [...shape] }), layer]), 1).flops).toBe(flops);
});

test('an LSTM: its products at each step', () => {
  const model = sequential([input({ shape: [6, 3] }), layers.lstm({ units: 4 })]);
  const products = 2 * 6 * 4 * 4 * (3 + 4);
  const { flops } = costOf(model, 1);
  expect(flops).toBeGreaterThanOrEqual(products);
  expect(flops).toBeLessThan(1.5 * products);
});

test('memory to predict is that of the largest pair, memory to train that of all', () => {
  const narrow = Array.from({ length: 10 }, () => layers.dense({ units: 8, useBias: false }));
  const cost = costOf(sequential([input({ shape: [8] }), ...narrow]), 4);
  expect(cost.predicting).toBe(4 * 2 * 4 * 8);
  expect(cost.training).toBe(cost.weights + 4 * 10 * 4 * 8);
});

test('sizes that depend on the data are refused', () => {
  const model = sequential([input({ shape: [null, 3] }), layers.globalAveragePooling1d()]);
  expect(() => costOf(model, 1)).toThrow(ConfigError);
});
