import type * as z from 'zod';
import { deferred } from '../../core/deferred.ts';
import type { Value } from '../../ir/graph.ts';
import { add, mul, reduceMean, sub } from '../../ops/index.ts';
import { registerLayer } from '../registry.ts';
import {
  clipTo,
  factorOption,
  RandomImageLayer,
  randomImageOptions,
  rangeOf,
  valueRangeOption,
} from './image-layer.ts';

const schema = deferred(() =>
  randomImageOptions.extend({
    /** Contrast becomes `1 - factor[0]` to `1 + factor[1]` of what it was; one number is the second. */
    factor: factorOption(0, 1),
    valueRange: valueRangeOption,
  }),
);

/**
 * Contrast of every image changed while training: `y = (x - mean) * c + mean`, with the mean of each channel.
 * @source keras/src/layers/preprocessing/image_preprocessing/random_contrast.py
 */
export class RandomContrast extends RandomImageLayer<typeof schema> {
  static override readonly className = 'RandomContrast';
  static override readonly schema = schema;

  protected augment(x: Value): Value {
    const [less, more] = rangeOf(this.options.factor, 0);
    const mean = reduceMean(x, [1, 2], true);
    const y = add(mul(sub(x, mean), this.draw(x, [1 - less, 1 + more])), mean);
    return clipTo(y, this.options.valueRange);
  }
}

/** Contrast of every image changed while training. @see {@link RandomContrast} */
export const randomContrast = (options: z.input<typeof schema>): RandomContrast =>
  new RandomContrast(options);
registerLayer(RandomContrast, [
  { options: { factor: [0.5, 0.2], valueRange: [-4, 4] }, inputs: [[null, 3, 2, 2]] },
]);
