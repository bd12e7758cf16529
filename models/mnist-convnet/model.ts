import { type CompileOptions, input, layers, type Model, sequential } from '../../src/index.ts';
import { oneHot, pixels } from '../made-data.ts';
import type { Batch } from '../reference-model.ts';

export const build = (): Model =>
  sequential([
    input({ shape: [28, 28, 1] }),
    layers.conv2d({ filters: 32, kernelSize: 3, activation: 'relu' }),
    layers.maxPooling2d({ poolSize: 2 }),
    layers.conv2d({ filters: 64, kernelSize: 3, activation: 'relu' }),
    layers.maxPooling2d({ poolSize: 2 }),
    layers.flatten(),
    layers.dropout({ rate: 0.5 }),
    layers.dense({ units: 10, activation: 'softmax' }),
  ]);

export const compile: CompileOptions = {
  optimizer: 'adam',
  loss: 'categoricalCrossentropy',
  metrics: ['accuracy'],
};

export const batch = (size: number): Batch => ({ x: [pixels(size, 28, 28, 1)], y: [oneHot(size, 10)] });
