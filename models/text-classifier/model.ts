import { type CompileOptions, input, layers, type Model, sequential } from '../../src/index.ts';
import { integers, pixels } from '../made-data.ts';
import type { Batch } from '../reference-model.ts';

const words = 1000;
const length = 20;

export const build = (): Model =>
  sequential([
    input({ shape: [length], dtype: 'int32' }),
    layers.embedding({ inputDim: words, outputDim: 16 }),
    layers.globalAveragePooling1d(),
    layers.dense({ units: 16, activation: 'relu' }),
    layers.dense({ units: 1, activation: 'sigmoid' }),
  ]);

export const compile: CompileOptions = {
  optimizer: 'adam',
  loss: 'binaryCrossentropy',
  metrics: ['accuracy'],
};

export const batch = (size: number): Batch => ({
  x: [integers(words, size, length)],
  y: [pixels(size, 1)],
});
