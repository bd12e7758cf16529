import type * as z from 'zod';
import { deferred } from '../../core/deferred.ts';
import type { Value } from '../../ir/graph.ts';
import { add, clip, concat, div, mul, sub } from '../../ops/index.ts';
import { registerLayer } from '../registry.ts';
import { hsvOf, planesOf, rgbOf } from './colors.ts';
import {
  factorOption,
  RandomImageLayer,
  randomImageOptions,
  rangeOf,
  rescaled,
  valueRangeOption,
} from './image-layer.ts';

const schema = deferred(() =>
  randomImageOptions.extend({
    /** `f` multiplies saturation by `f / (1 - f)`: 0 is gray, 0.5 changes nothing, 1 is as colorful as can be. */
    factor: factorOption(0, 1),
    valueRange: valueRangeOption,
  }),
);

/** Keeps quotients finite. */
const epsilon = 1e-7;

/**
 * Every image more or less colorful while training; otherwise the identity.
 *
 * Saturation ends at 1; in Keras it goes on, to negative colors, where the range of values is larger than that.
 * @source keras/src/layers/preprocessing/image_preprocessing/random_saturation.py
 */
export class RandomSaturation extends RandomImageLayer<typeof schema> {
  static override readonly className = 'RandomSaturation';
  static override readonly schema = schema;

  protected augment(x: Value): Value {
    const { factor, valueRange } = this.options;
    const f = this.draw(x, rangeOf(factor, 0));
    const times = div(f, add(sub(1, f), epsilon));
    const [hue, saturation, value] = hsvOf(planesOf(rescaled(x, valueRange, [0, 1])));
    const y = concat(rgbOf([hue, clip(mul(saturation, times), 0, 1), value]), 3);
    return rescaled(y, [0, 1], valueRange);
  }
}

/** Every image more or less colorful while training. @see {@link RandomSaturation} */
export const randomSaturation = (options: z.input<typeof schema>): RandomSaturation =>
  new RandomSaturation(options);
registerLayer(RandomSaturation, [
  { options: { factor: [0.2, 0.8], valueRange: [-4, 4] }, inputs: [[null, 3, 2, 3]] },
]);
