import {
  type CompileOptions,
  input,
  layers,
  type Model,
  model,
  optimizers,
  regularizers,
  type SymbolicTensor,
} from '../../src/index.ts';
import { oneHot, pixels } from '../made-data.ts';
import type { Batch } from '../reference-model.ts';

const blocks = 3;

function convolve(x: SymbolicTensor, filters: number, kernelSize: number, strides: number): SymbolicTensor {
  return layers
    .conv2d({
      filters,
      kernelSize,
      strides,
      padding: 'same',
      kernelInitializer: 'heNormal',
      kernelRegularizer: regularizers.l2({ l2: 1e-4 }),
    })
    .apply(x);
}

const normalize = (x: SymbolicTensor): SymbolicTensor => layers.batchNormalization().apply(x);
const relu = (x: SymbolicTensor): SymbolicTensor => layers.activation({ activation: 'relu' }).apply(x);

/** Two convolutions beside a shortcut; where the size changes the shortcut is a convolution too. */
function block(x: SymbolicTensor, filters: number, shrinks: boolean): SymbolicTensor {
  const strides = shrinks ? 2 : 1;
  const first = relu(normalize(convolve(x, filters, 3, strides)));
  const second = normalize(convolve(first, filters, 3, 1));
  const shortcut = shrinks ? convolve(x, filters, 1, strides) : x;
  return relu(layers.add().apply([shortcut, second]));
}

export function build(): Model {
  const x = input({ shape: [32, 32, 3] });
  let y = relu(normalize(convolve(x, 16, 3, 1)));
  for (let stack = 0; stack < 3; stack++) {
    for (let i = 0; i < blocks; i++) y = block(y, 16 * 2 ** stack, stack > 0 && i === 0);
  }
  const features = layers.flatten().apply(layers.averagePooling2d({ poolSize: 8 }).apply(y));
  const outputs = layers
    .dense({ units: 10, activation: 'softmax', kernelInitializer: 'heNormal' })
    .apply(features);
  return model({ inputs: x, outputs });
}

export const compile: CompileOptions = {
  optimizer: optimizers.adam({ learningRate: 1e-3 }),
  loss: 'categoricalCrossentropy',
  metrics: ['accuracy'],
};

export const batch = (size: number): Batch => ({ x: [pixels(size, 32, 32, 3)], y: [oneHot(size, 10)] });
