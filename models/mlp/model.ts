import { type CompileOptions, input, layers, type Model, sequential } from '../../src/index.ts';
import { integers, pixels } from '../made-data.ts';
import type { Batch } from '../reference-model.ts';

export const build = (): Model =>
  sequential([
    input({ shape: [784] }),
    layers.dense({ units: 512, activation: 'relu' }),
    layers.dropout({ rate: 0.2 }),
    layers.dense({ units: 512, activation: 'relu' }),
    layers.dropout({ rate: 0.2 }),
    layers.dense({ units: 10, activation: 'softmax' }),
  ]);

export const compile: CompileOptions = {
  optimizer: 'rmsprop',
  loss: 'sparseCategoricalCrossentropy',
  metrics: ['accuracy'],
};

export const batch = (size: number): Batch => ({ x: [pixels(size, 784)], y: [integers(10, size)] });
