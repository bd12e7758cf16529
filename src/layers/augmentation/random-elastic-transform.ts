import type * as z from 'zod';
import { deferred } from '../../core/deferred.ts';
import type { Value } from '../../ir/graph.ts';
import { add, maximum, mul, reshape, where } from '../../ops/index.ts';
import { countUp, sampleImages } from '../../ops/sampling.ts';
import { randomNormal } from '../random-normal.ts';
import { registerLayer } from '../registry.ts';
import { blurred } from './colors.ts';
import {
  clipTo,
  factorOption,
  RandomImageLayer,
  randomImageOptions,
  rangeOf,
  samplingOptions,
  valueRangeOption,
} from './image-layer.ts';

const schema = deferred(() =>
  randomImageOptions.extend({
    /** Probability that an image is changed, or two between which it is drawn; one number is the largest. */
    factor: factorOption(0, 1).default(1),
    /** How strongly, drawn for each batch; one number is the largest. */
    scale: factorOption(0, 1).default(1),
    ...samplingOptions,
    valueRange: valueRangeOption,
  }),
);

/** Keeps a deviation above 0. */
const epsilon = 1e-6;

/**
 * Some images as if drawn on rubber while training: pixels come from `p + alpha * d`, with blurred noise `d`; otherwise the
 * identity.
 * @source Simard et al., "Best practices for convolutional neural networks", ICDAR 2003
 */
export class RandomElasticTransform extends RandomImageLayer<typeof schema> {
  static override readonly className = 'RandomElasticTransform';
  static override readonly schema = schema;

  protected augment(x: Value): Value {
    const { factor, scale, seed, valueRange } = this.options;
    const [batch, height, width] = x.shape as readonly [number, number, number];
    const [least, most] = rangeOf(scale, 0);
    const strength = this.drawShape([], [least, most]);
    const side = Math.min(height, width) * 0.05;
    const sigma = maximum(mul(strength, side), epsilon);
    // three deviations to both sides, for the largest one
    const size = Math.floor(6 * side * most) | 1;
    const alpha = mul(strength, Math.max(height, width) * 0.1);
    const shift = (): Value => {
      const noise = mul(randomNormal([batch, height, width, 1], seed), sigma);
      const smooth = blurred(noise, [size, size], [sigma, sigma]);
      return mul(reshape(smooth, [batch, height, width]), alpha);
    };
    const rows = add(shift(), countUp(height, [1, height, 1]));
    const y = sampleImages(x, rows, add(shift(), countUp(width, [1, 1, width])), this.options);
    return clipTo(where(this.chosen(x, rangeOf(factor, 0)), y, x), valueRange);
  }
}

/** Some images as if drawn on rubber while training. @see {@link RandomElasticTransform} */
export const randomElasticTransform = (options: z.input<typeof schema> = {}): RandomElasticTransform =>
  new RandomElasticTransform(options);
registerLayer(RandomElasticTransform, [{ options: { valueRange: [-4, 4] }, inputs: [[null, 6, 5, 2]] }]);
