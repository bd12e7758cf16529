import type * as z from 'zod';
import { deferred } from '../../core/deferred.ts';
import { tensor } from '../../core/tensor.ts';
import { constant, type Value } from '../../ir/graph.ts';
import { add, mul, sub } from '../../ops/index.ts';
import { registerLayer } from '../registry.ts';
import { filtered } from './colors.ts';
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
    /** How sharp: 0 is smoothed, 0.5 changes nothing, 1 is sharpened. */
    factor: factorOption(0, 1),
    valueRange: valueRangeOption,
  }),
);

const smooth = tensor(
  [1, 1, 1, 1, 5, 1, 1, 1, 1].map((w) => w / 13),
  [3, 3],
  'float32',
);

/**
 * Every image smoother or sharper while training: `y = x + (1 - 2 f) (smooth - x)`; otherwise the identity.
 * @source keras/src/layers/preprocessing/image_preprocessing/random_sharpness.py
 */
export class RandomSharpness extends RandomImageLayer<typeof schema> {
  static override readonly className = 'RandomSharpness';
  static override readonly schema = schema;

  protected augment(x: Value): Value {
    const { factor, valueRange } = this.options;
    const change = sub(filtered(x, constant(smooth.cast(x.dtype))), x);
    const share = sub(1, mul(this.draw(x, rangeOf(factor, 0)), 2));
    return clipTo(add(x, mul(share, change)), valueRange);
  }
}

/** Every image smoother or sharper while training. @see {@link RandomSharpness} */
export const randomSharpness = (options: z.input<typeof schema>): RandomSharpness =>
  new RandomSharpness(options);
registerLayer(RandomSharpness, [{ options: { factor: 1, valueRange: [-4, 4] }, inputs: [[null, 3, 4, 2]] }]);
