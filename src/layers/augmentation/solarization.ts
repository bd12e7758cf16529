import type * as z from 'zod';
import { deferred } from '../../core/deferred.ts';
import type { Value } from '../../ir/graph.ts';
import { add, clip, less, mul, sub, where } from '../../ops/index.ts';
import { registerLayer } from '../registry.ts';
import {
  type Factor,
  factorOption,
  RandomImageLayer,
  randomImageOptions,
  rangeOf,
  rescaled,
  valueRangeOption,
} from './image-layer.ts';

const schema = deferred(() =>
  randomImageOptions.extend({
    /** How much brighter images become first, as a part of the range of values. */
    additionFactor: factorOption(0, 1).default(0),
    /** Values from which on colors are inverted, as a part of the range. */
    thresholdFactor: factorOption(0, 1).default(0),
    valueRange: valueRangeOption,
  }),
);

/**
 * Bright colors inverted while training: with `z = x + a`, `y = z < t ? z : high - z`; otherwise the identity. Both `a` and
 * `t` are drawn for every image.
 * @source keras/src/layers/preprocessing/image_preprocessing/solarization.py
 */
export class Solarization extends RandomImageLayer<typeof schema> {
  static override readonly className = 'Solarization';
  static override readonly schema = schema;

  protected augment(x: Value): Value {
    const { additionFactor, thresholdFactor, valueRange } = this.options;
    const shade = (factor: Factor): Value => mul(this.draw(x, rangeOf(factor, 0)), 255);
    const brighter = clip(add(rescaled(x, valueRange, [0, 255]), shade(additionFactor)), 0, 255);
    const y = where(less(brighter, shade(thresholdFactor)), brighter, sub(255, brighter));
    return rescaled(y, [0, 255], valueRange);
  }
}

/** Bright colors inverted while training. @see {@link Solarization} */
export const solarization = (options: z.input<typeof schema> = {}): Solarization => new Solarization(options);
registerLayer(Solarization, [
  {
    options: { additionFactor: 0.2, thresholdFactor: [0.4, 0.6], valueRange: [0, 1] },
    inputs: [[null, 3, 2, 3]],
  },
]);
