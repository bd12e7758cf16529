import {
  type CompileOptions,
  input,
  layers,
  type Model,
  model,
  type SymbolicTensor,
} from '../../src/index.ts';
import { integers } from '../made-data.ts';
import type { Batch } from '../reference-model.ts';
import { encoderBlock } from '../transformer-encoder/model.ts';

const words = 500;
const [sourceLength, targetLength] = [12, 10];
const features = 16;

/** Words as vectors, with sines for their positions; word 0 is padding. */
function embed(text: SymbolicTensor): SymbolicTensor {
  const x = layers.embedding({ inputDim: words, outputDim: features, maskZero: true }).apply(text);
  return layers.add().apply([x, layers.sinePositionEncoding().apply(x)]);
}

/** One block: words look at those before them, then at the source, then each is transformed. */
function decoderBlock(x: SymbolicTensor, source: SymbolicTensor): SymbolicTensor {
  const normal = (a: SymbolicTensor, b: SymbolicTensor): SymbolicTensor =>
    layers.layerNormalization({ epsilon: 1e-6 }).apply(layers.add().apply([a, b]));
  const heads = { numHeads: 2, keyDim: 8 };
  const own = normal(x, layers.multiHeadAttention(heads).apply([x, x], { useCausalMask: true }));
  const crossed = normal(own, layers.multiHeadAttention(heads).apply([own, source]));
  const inner = layers.dense({ units: 32, activation: 'relu' }).apply(crossed);
  return normal(crossed, layers.dense({ units: features }).apply(inner));
}

export function build(): Model {
  const source = input({ shape: [sourceLength], dtype: 'int32', name: 'source' });
  const target = input({ shape: [targetLength], dtype: 'int32', name: 'target' });
  const y = decoderBlock(embed(target), encoderBlock(embed(source)));
  const next = layers.dense({ units: words, activation: 'softmax', name: 'next' }).apply(y);
  return model({ inputs: [source, target], outputs: next });
}

export const compile: CompileOptions = {
  optimizer: 'adam',
  loss: 'sparseCategoricalCrossentropy',
  metrics: ['accuracy'],
};

export const batch = (size: number): Batch => ({
  x: [integers(words, size, sourceLength), integers(words, size, targetLength)],
  y: [integers(words, size, targetLength)],
});
