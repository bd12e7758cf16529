import type * as z from 'zod';
import { deferred } from '../../core/deferred.ts';
import type { Value } from '../../ir/graph.ts';
import { add, mul } from '../../ops/index.ts';
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
    /** How much brighter, as a part of the range of values; one number is also how much darker. */
    factor: factorOption(-1, 1),
    valueRange: valueRangeOption,
  }),
);

/**
 * Every image brighter or darker while training: `y = x + b`, cut off at the ends of the range.
 * @source keras/src/layers/preprocessing/image_preprocessing/random_brightness.py
 */
export class RandomBrightness extends RandomImageLayer<typeof schema> {
  static override readonly className = 'RandomBrightness';
  static override readonly schema = schema;

  protected augment(x: Value): Value {
    const { factor, valueRange } = this.options;
    const delta = mul(this.draw(x, rangeOf(factor)), valueRange[1] - valueRange[0]);
    return clipTo(add(x, delta), valueRange);
  }
}

/** Every image brighter or darker while training. @see {@link RandomBrightness} */
export const randomBrightness = (options: z.input<typeof schema>): RandomBrightness =>
  new RandomBrightness(options);
registerLayer(RandomBrightness, [
  { options: { factor: 0.5, valueRange: [-4, 4] }, inputs: [[null, 3, 2, 2]] },
]);
