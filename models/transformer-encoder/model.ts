import {
  type CompileOptions,
  input,
  layers,
  type Model,
  model,
  type SymbolicTensor,
} from '../../src/index.ts';
import { integers, pixels } from '../made-data.ts';
import type { Batch } from '../reference-model.ts';

const words = 1000;
const length = 20;
const features = 16;

/** One block: words look at each other, then each is transformed; both steps add to what was there. */
export function encoderBlock(x: SymbolicTensor): SymbolicTensor {
  const seen = layers.multiHeadAttention({ numHeads: 2, keyDim: 8, dropout: 0.1 }).apply([x, x]);
  const y = layers.layerNormalization({ epsilon: 1e-6 }).apply(layers.add().apply([x, seen]));
  const inner = layers.dense({ units: 32, activation: 'relu' }).apply(y);
  const outer = layers.dropout({ rate: 0.1 }).apply(layers.dense({ units: features }).apply(inner));
  return layers.layerNormalization({ epsilon: 1e-6 }).apply(layers.add().apply([y, outer]));
}

export function build(): Model {
  const text = input({ shape: [length], dtype: 'int32', name: 'text' });
  const embedded = layers.embedding({ inputDim: words, outputDim: features, maskZero: true }).apply(text);
  const places = layers.positionEmbedding({ sequenceLength: length }).apply(embedded);
  const y = encoderBlock(layers.add().apply([embedded, places]));
  const mean = layers.globalAveragePooling1d().apply(y);
  return model({ inputs: text, outputs: layers.dense({ units: 1, activation: 'sigmoid' }).apply(mean) });
}

export const compile: CompileOptions = {
  optimizer: 'adam',
  loss: 'binaryCrossentropy',
  metrics: ['accuracy'],
};

export const batch = (size: number): Batch => ({
  x: [integers(words, size, length)],
  y: [pixels(size, 1)],
});
