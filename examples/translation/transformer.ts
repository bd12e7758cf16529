import * as tfk from 'tfk';
import { decoderBlock, encoderBlock } from '../support/transformer.ts';
import { features, learnTranslation, type Network, type TranslationOptions } from '../support/translation.ts';

const { add, layerNormalization, rescaling, sinePositionEncoding } = tfk.layers;
const sizes = { features, heads: 4, dropout: 0.2 };

/** Words that know their place; waves as high as the vectors of words. */
const placed = (x: tfk.SymbolicTensor) =>
  add().apply([x, rescaling({ scale: 0.3 }).apply(sinePositionEncoding().apply(x))]);

/** One block reads the German sentence, one writes the English one. @source Vaswani et al. 2017 */
const network: Network = (german, english) => {
  const read = layerNormalization().apply(encoderBlock(placed(german), sizes));
  return [read, layerNormalization().apply(decoderBlock(placed(english), read, sizes))];
};

/** Translates from German with a small transformer. */
export const translateTransformer = (file: string, options: TranslationOptions) =>
  learnTranslation(file, network, options);

if (process.argv[1] === import.meta.filename) {
  console.log(
    await translateTransformer(process.argv[2] ?? '/usr/share/trans/de-en', { epochs: 6, verbose: 'auto' }),
  );
}
