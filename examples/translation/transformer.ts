import * as tfk from 'tfk';
import { decoderBlock, encoderBlock } from '../support/transformer.ts';
import { features, learnTranslation, type Network, type TranslationOptions } from '../support/translation.ts';

const { add, conv1d, layerNormalization, rescaling, sinePositionEncoding } = tfk.layers;
const sizes = { features, heads: 4, dropout: 0.1 };

/** Pieces that know their neighbours (of a text that is being written: those before) and their place. @source Mohamed et al. 2019 */
const placed = (x: tfk.SymbolicTensor, padding: 'same' | 'causal') => {
  const neighbours = conv1d({ filters: features, kernelSize: 5, padding }).apply(x);
  const places = rescaling({ scale: 0.3 }).apply(sinePositionEncoding().apply(x)); // waves as high as the vectors
  return add().apply([x, neighbours, places]);
};

/** Vectors as small as those of a GRU: their products are not scaled, and an attention that begins sharp learns little. */
const small = (x: tfk.SymbolicTensor) =>
  layerNormalization({ gammaInitializer: tfk.initializers.constant({ value: 0.3 }) }).apply(x);

/** One block reads the German sentence, one writes the English one. @source Vaswani et al. 2017 */
const network: Network = (german, english) => {
  const read = small(encoderBlock(placed(german, 'same'), sizes));
  return [read, small(decoderBlock(placed(english, 'causal'), read, sizes))];
};

/** Translates from German with a small transformer. */
export const translateTransformer = (file: string, options: TranslationOptions) =>
  learnTranslation(file, network, options);

if (process.argv[1] === import.meta.filename) {
  console.log(
    await translateTransformer(process.argv[2] ?? '/usr/share/trans/de-en', { epochs: 8, verbose: 'auto' }),
  );
}
