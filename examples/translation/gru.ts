import * as tfk from 'tfk';
import { features, learnTranslation, type Network, type TranslationOptions } from '../support/translation.ts';

const { layers } = tfk;

/**
 * A GRU reads the German sentence in both directions, another writes the English one; at each word it looks back at the words
 * that were read. @source Luong et al. 2015
 */
const network: Network = (german, english) => {
  const reader = layers.gru({ units: features / 2, returnSequences: true, returnState: true });
  const [read, ...states] = layers.bidirectional({ layer: reader }).applyMulti(german);
  const initialState = [layers.concatenate().apply(states)];
  const written = layers.gru({ units: features, returnSequences: true }).apply(english, { initialState });
  return [read as tfk.SymbolicTensor, written];
};

/** Translates from German with a sequence-to-sequence model with attention. */
export const translateGru = (file: string, options: TranslationOptions) =>
  learnTranslation(file, network, options);

if (process.argv[1] === import.meta.filename) {
  console.log(
    await translateGru(process.argv[2] ?? '/usr/share/trans/de-en', { epochs: 8, verbose: 'auto' }),
  );
}
