import type * as z from 'zod';
import { deferred } from '../../core/deferred.ts';
import type { Value } from '../../ir/graph.ts';
import { add, unstack, where } from '../../ops/index.ts';
import { perAxis } from '../options.ts';
import { registerLayer } from '../registry.ts';
import { blurred } from './colors.ts';
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
    /** Probability that an image is blurred, or two between which it is drawn; one number is the largest. */
    factor: factorOption(0, 1).default(1),
    /** Columns and rows of the kernel, odd. */
    kernelSize: perAxis(2)
      .refine((sizes) => sizes.every((n) => n % 2 === 1), { error: 'expected odd numbers' })
      .prefault(3),
    /** Deviation of the bell in pixels, drawn anew for each batch and axis. */
    sigma: factorOption(0, 1).default(1),
    valueRange: valueRangeOption,
  }),
);

/** Keeps a deviation above 0. */
const epsilon = 1e-6;

/**
 * Some images blurred while training; otherwise the identity.
 * @source keras/src/layers/preprocessing/image_preprocessing/random_gaussian_blur.py
 */
export class RandomGaussianBlur extends RandomImageLayer<typeof schema> {
  static override readonly className = 'RandomGaussianBlur';
  static override readonly schema = schema;

  protected augment(x: Value): Value {
    const { factor, kernelSize, sigma, valueRange } = this.options;
    const sigmas = unstack(add(this.drawShape([2], rangeOf(sigma, 0)), epsilon));
    const y = blurred(x, kernelSize as [number, number], sigmas as [Value, Value]);
    return clipTo(where(this.chosen(x, rangeOf(factor, 0)), y, x), valueRange);
  }
}

/** Some images blurred while training. @see {@link RandomGaussianBlur} */
export const randomGaussianBlur = (options: z.input<typeof schema> = {}): RandomGaussianBlur =>
  new RandomGaussianBlur(options);
registerLayer(RandomGaussianBlur, [
  { options: { kernelSize: [3, 5], valueRange: [-4, 4] }, inputs: [[null, 5, 4, 2]] },
]);
