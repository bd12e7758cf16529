import { type CompileOptions, input, layers, type Model, model } from '../../src/index.ts';
import { integers, oneHot, pixels } from '../made-data.ts';
import type { Batch } from '../reference-model.ts';

const words = 200;
const length = 12;
const tags = 8;
const departments = 4;

export function build(): Model {
  const text = input({ shape: [length], dtype: 'int32', name: 'text' });
  const marked = input({ shape: [tags], name: 'tags' });
  const vectors = layers.embedding({ inputDim: words, outputDim: 16 }).apply(text);
  const read = layers.globalMaxPooling1d().apply(vectors);
  const all = layers.concatenate().apply([read, marked]);
  const hidden = layers.dense({ units: 32, activation: 'relu' }).apply(all);
  return model({
    inputs: [text, marked],
    outputs: [
      layers.dense({ units: 1, activation: 'sigmoid', name: 'priority' }).apply(hidden),
      layers.dense({ units: departments, name: 'department' }).apply(hidden),
    ],
  });
}

export const compile: CompileOptions = {
  optimizer: 'rmsprop',
  loss: {
    priority: 'binaryCrossentropy',
    department: { type: 'categoricalCrossentropy', fromLogits: true },
  },
  lossWeights: { priority: 1, department: 0.2 },
  metrics: { department: ['accuracy'] },
};

export const batch = (size: number): Batch => ({
  x: [integers(words, size, length), pixels(size, tags)],
  y: [pixels(size, 1), oneHot(size, departments)],
});
