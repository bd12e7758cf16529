import { type CompileOptions, input, layers, type Model, sequential } from '../../src/index.ts';
import { pixels } from '../made-data.ts';
import type { Batch } from '../reference-model.ts';

export const build = (): Model =>
  sequential([
    input({ shape: [28, 28, 1] }),
    layers.conv2d({ filters: 16, kernelSize: 3, padding: 'same', activation: 'relu' }),
    layers.maxPooling2d({ poolSize: 2, padding: 'same' }),
    layers.conv2d({ filters: 8, kernelSize: 3, strides: 2, padding: 'same', activation: 'relu' }),
    layers.conv2dTranspose({ filters: 8, kernelSize: 3, strides: 2, padding: 'same', activation: 'relu' }),
    layers.upSampling2d({ size: 2 }),
    layers.conv2d({ filters: 1, kernelSize: 3, padding: 'same', activation: 'sigmoid' }),
  ]);

export const compile: CompileOptions = { optimizer: 'adam', loss: 'binaryCrossentropy' };

export const batch = (size: number): Batch => {
  const x = pixels(size, 28, 28, 1);
  return { x: [x], y: [x] };
};
