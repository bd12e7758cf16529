import * as tfk from 'tfk';
import { decoderBlock, embedWords, encoderBlock } from '../support/transformer.ts';
import { learnTranslation, type Network, type TranslationOptions } from '../support/translation.ts';

const sizes = { features: 128, heads: 4, dropout: 0.2 };

/** One block reads the German sentence, one writes the English one. @source Vaswani et al. 2017 */
const network: Network = (german, english, words) => {
  const source = encoderBlock(embedWords(german, words.german, sizes.features), sizes);
  const target = embedWords(english, words.english, sizes.features);
  return tfk.layers.layerNormalization().apply(decoderBlock(target, source, sizes));
};

/** Translates from German with a small transformer. */
export const translateTransformer = (file: string, options: TranslationOptions) =>
  learnTranslation(file, network, options);

if (process.argv[1] === import.meta.filename) {
  console.log(
    await translateTransformer(process.argv[2] ?? '/usr/share/trans/de-en', { epochs: 10, verbose: 'auto' }),
  );
}
