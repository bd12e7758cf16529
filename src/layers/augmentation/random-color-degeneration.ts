import type * as z from 'zod';
import { deferred } from '../../core/deferred.ts';
import type { Value } from '../../ir/graph.ts';
import { add, mul, sub } from '../../ops/index.ts';
import { registerLayer } from '../registry.ts';
import { grayOf } from './colors.ts';
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
    /** How much of the color goes, from 0 to 1; below 0 the image becomes more colorful. */
    factor: factorOption(-1, 1),
    valueRange: valueRangeOption,
  }),
);

/**
 * Every image mixed with its gray version while training: `y = x + f (gray - x)`; otherwise the identity.
 * @source keras/src/layers/preprocessing/image_preprocessing/random_color_degeneration.py
 */
export class RandomColorDegeneration extends RandomImageLayer<typeof schema> {
  static override readonly className = 'RandomColorDegeneration';
  static override readonly schema = schema;

  protected augment(x: Value): Value {
    const { factor, valueRange } = this.options;
    return clipTo(add(x, mul(this.draw(x, rangeOf(factor)), sub(grayOf(x), x))), valueRange);
  }
}

/** Every image mixed with its gray version while training. @see {@link RandomColorDegeneration} */
export const randomColorDegeneration = (options: z.input<typeof schema>): RandomColorDegeneration =>
  new RandomColorDegeneration(options);
registerLayer(RandomColorDegeneration, [
  { options: { factor: 0.5, valueRange: [-4, 4] }, inputs: [[null, 3, 2, 3]] },
]);
