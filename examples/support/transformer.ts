import * as tfk from 'tfk';

const { layers } = tfk;
type Symbolic = tfk.SymbolicTensor;

/** Sizes of a block. */
export interface BlockSizes {
  /** Of the vectors that come in and go out. */
  readonly features: number;
  readonly heads: number;
  /** Share of the numbers that is dropped while training. */
  readonly dropout: number;
}

/** Words as vectors that know their place: `[batch, time]` to `[batch, time, features]`; word 0 is padding, and masked. */
export function embedWords(words: Symbolic, vocabulary: number, features: number): Symbolic {
  const x = layers.embedding({ inputDim: vocabulary, outputDim: features, maskZero: true }).apply(words);
  const sequenceLength = words.shape[1] as number;
  const places = layers.positionEmbedding({ sequenceLength, initializer: 'uniform' }).apply(x); // as large as the words
  return layers.add().apply([x, places]);
}

/** Words look at all words, then each is transformed. */
export const encoderBlock = (x: Symbolic, sizes: BlockSizes): Symbolic =>
  feedForward(residual(x, sizes, attend(sizes)), sizes);

/** Words look at those before them, then at the words of another sequence, then each is transformed. */
export function decoderBlock(x: Symbolic, source: Symbolic, sizes: BlockSizes): Symbolic {
  const own = residual(x, sizes, attend(sizes, { useCausalMask: true }));
  const crossed = residual(own, sizes, (y) => attention(sizes).apply([y, source]));
  return feedForward(crossed, sizes);
}

/** `x + f(norm(x))`, which trains without a warm-up. @source Xiong et al. 2020 */
function residual(x: Symbolic, { dropout }: BlockSizes, f: (x: Symbolic) => Symbolic): Symbolic {
  const change = f(layers.layerNormalization().apply(x));
  return layers.add().apply([x, layers.dropout({ rate: dropout }).apply(change)]);
}

const attention = ({ features, heads, dropout }: BlockSizes) =>
  layers.multiHeadAttention({ numHeads: heads, keyDim: features / heads, dropout });

const attend =
  (sizes: BlockSizes, args = {}) =>
  (y: Symbolic): Symbolic =>
    attention(sizes).apply([y, y], args);

const feedForward = (x: Symbolic, sizes: BlockSizes): Symbolic =>
  residual(x, sizes, (y) => {
    const inner = layers.dense({ units: 2 * sizes.features, activation: 'relu' }).apply(y);
    return layers.dense({ units: sizes.features }).apply(inner);
  });
