import * as tfk from 'tfk';
import { decoderBlock, encoderBlock } from '../support/transformer.ts';
import { features, learnTranslation, type Network, type TranslationOptions } from '../support/translation.ts';

const { add, conv1d, layerNormalization, rescaling, sinePositionEncoding } = tfk.layers;
const sizes = { features, heads: 4, dropout: 0.2 };

/** Pieces that know their neighbours (of a text that is being written: those before) and their place. @source Mohamed et al. 2019 */
const placed = (x: tfk.SymbolicTensor, padding: 'same' | 'causal') => {
  const neighbours = conv1d({ filters: features, kernelSize: 3, padding }).apply(x);
  const places = rescaling({ scale: 0.3 }).apply(sinePositionEncoding().apply(x)); // waves as high as the vectors
  return add().apply([x, neighbours, places]);
};

/** One block reads the German sentence, one writes the English one. @source Vaswani et al. 2017 */
const network: Network = (german, english) => {
  const read = layerNormalization().apply(encoderBlock(placed(german, 'same'), sizes));
  return [read, layerNormalization().apply(decoderBlock(placed(english, 'causal'), read, sizes))];
};

/** Translates from German with a small transformer. */
export const translateTransformer = (file: string, options: TranslationOptions) =>
  learnTranslation(file, network, options);

if (process.argv[1] === import.meta.filename) {
  console.log(
    await translateTransformer(process.argv[2] ?? '/usr/share/trans/de-en', { epochs: 6, verbose: 'auto' }),
  );
}
