import type * as z from 'zod';
import { deferred } from '../../core/deferred.ts';
import type { Value } from '../../ir/graph.ts';
import { add, cast, clip, concat, greater, mul, sub } from '../../ops/index.ts';
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
    /** How far hues move around the circle of colors, one way or the other: `1` is half of it. */
    factor: factorOption(0, 1),
    valueRange: valueRangeOption,
  }),
);

/**
 * The hues of every image moved around the circle of colors while training; otherwise the identity.
 * @source keras/src/layers/preprocessing/image_preprocessing/random_hue.py
 */
export class RandomHue extends RandomImageLayer<typeof schema> {
  static override readonly className = 'RandomHue';
  static override readonly schema = schema;

  protected augment(x: Value): Value {
    const { factor, valueRange } = this.options;
    const back = cast(greater(this.draw(x, [0, 1]), 0.5), x.dtype);
    const shift = mul(mul(this.draw(x, rangeOf(factor, 0)), sub(1, mul(back, 2))), 0.5);
    const [hue, saturation, value] = hsvOf(planesOf(rescaled(x, valueRange, [0, 1])));
    const y = concat(rgbOf([add(hue, shift), saturation, value]), 3);
    return rescaled(clip(y, 0, 1), [0, 1], valueRange);
  }
}

/** The hues of every image moved around the circle of colors. @see {@link RandomHue} */
export const randomHue = (options: z.input<typeof schema>): RandomHue => new RandomHue(options);
registerLayer(RandomHue, [{ options: { factor: 0.5, valueRange: [-4, 4] }, inputs: [[null, 3, 2, 3]] }]);
