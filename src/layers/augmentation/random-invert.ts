import type * as z from 'zod';
import { deferred } from '../../core/deferred.ts';
import type { Value } from '../../ir/graph.ts';
import { sub, where } from '../../ops/index.ts';
import { registerLayer } from '../registry.ts';
import {
  factorOption,
  RandomImageLayer,
  randomImageOptions,
  rangeOf,
  valueRangeOption,
} from './image-layer.ts';

const schema = deferred(() =>
  randomImageOptions.extend({
    /** Probability that an image is inverted, or two between which it is drawn; one number is the largest. */
    factor: factorOption(0, 1).default(1),
    valueRange: valueRangeOption,
  }),
);

/**
 * Some images as negatives while training: `y = low + high - x`; otherwise the identity. In Keras `low` must be 0.
 * @source keras/src/layers/preprocessing/image_preprocessing/random_invert.py
 */
export class RandomInvert extends RandomImageLayer<typeof schema> {
  static override readonly className = 'RandomInvert';
  static override readonly schema = schema;

  protected augment(x: Value): Value {
    const { factor, valueRange } = this.options;
    return where(this.chosen(x, rangeOf(factor, 0)), sub(valueRange[0] + valueRange[1], x), x);
  }
}

/** Some images as negatives while training. @see {@link RandomInvert} */
export const randomInvert = (options: z.input<typeof schema> = {}): RandomInvert => new RandomInvert(options);
registerLayer(RandomInvert, [{ options: { valueRange: [0, 1] }, inputs: [[null, 3, 2, 3]] }]);
