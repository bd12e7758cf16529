import {
  type CompileOptions,
  input,
  layers,
  type Model,
  model,
  type SymbolicTensor,
} from '../../src/index.ts';
import { oneHot, pixels } from '../made-data.ts';
import type { Batch } from '../reference-model.ts';

const normalized = (x: SymbolicTensor): SymbolicTensor =>
  layers.relu({ maxValue: 6 }).apply(layers.batchNormalization().apply(x));

/** A window for every channel, then a mix of the channels. */
function separable(x: SymbolicTensor, filters: number, strides: number): SymbolicTensor {
  const apart = normalized(
    layers.depthwiseConv2d({ kernelSize: 3, strides, padding: 'same', useBias: false }).apply(x),
  );
  return normalized(layers.conv2d({ filters, kernelSize: 1, useBias: false }).apply(apart));
}

export function build(): Model {
  const x = input({ shape: [32, 32, 3] });
  const stem = normalized(
    layers.conv2d({ filters: 16, kernelSize: 3, strides: 2, padding: 'same', useBias: false }).apply(x),
  );
  const features = separable(separable(stem, 32, 1), 64, 2);
  const pooled = layers.globalAveragePooling2d().apply(features);
  return model({ inputs: x, outputs: layers.dense({ units: 10, activation: 'softmax' }).apply(pooled) });
}

export const compile: CompileOptions = {
  optimizer: 'adam',
  loss: 'categoricalCrossentropy',
  metrics: ['accuracy'],
};

export const batch = (size: number): Batch => ({ x: [pixels(size, 32, 32, 3)], y: [oneHot(size, 10)] });
