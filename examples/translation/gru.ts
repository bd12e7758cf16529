import * as tfk from 'tfk';
import { learnTranslation, type Network, type TranslationOptions } from '../support/translation.ts';

const { layers } = tfk;
const features = 128;

/**
 * A GRU reads the German sentence in both directions, another writes the English one; at each word it looks back at the words
 * that were read. @source Luong et al. 2015
 */
const network: Network = (german, english, sizes) => {
  const embed = (words: tfk.SymbolicTensor, inputDim: number) =>
    layers
      .dropout({ rate: 0.3 })
      .apply(layers.embedding({ inputDim, outputDim: features, maskZero: true }).apply(words));
  const reader = layers.gru({ units: features / 2, returnSequences: true, returnState: true });
  const [read, ...states] = layers.bidirectional({ layer: reader }).applyMulti(embed(german, sizes.german));
  const initialState = [layers.concatenate().apply(states)];
  const writer = layers.gru({ units: features, returnSequences: true });
  const written = writer.apply(embed(english, sizes.english), { initialState });
  const seen = layers.attention({ useScale: true }).apply([written, read as tfk.SymbolicTensor]);
  const both = layers.concatenate().apply([written, seen]);
  return layers
    .dropout({ rate: 0.3 })
    .apply(layers.dense({ units: features, activation: 'tanh' }).apply(both));
};

/** Translates from German with a sequence-to-sequence model with attention. */
export const translateGru = (file: string, options: TranslationOptions) =>
  learnTranslation(file, network, options);

if (process.argv[1] === import.meta.filename) {
  console.log(
    await translateGru(process.argv[2] ?? '/usr/share/trans/de-en', { epochs: 10, verbose: 'auto' }),
  );
}
