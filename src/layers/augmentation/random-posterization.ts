import * as z from 'zod';
import { deferred } from '../../core/deferred.ts';
import { tensor } from '../../core/tensor.ts';
import { constant, type Value } from '../../ir/graph.ts';
import { cast, div, floor, gather, minimum, mul } from '../../ops/index.ts';
import { integerFrom } from '../options.ts';
import { registerLayer } from '../registry.ts';
import { RandomImageLayer, randomImageOptions, rangeOf, rescaled, valueRangeOption } from './image-layer.ts';

const bits = integerFrom(1).max(8, 'expected a whole number of at most 8');
const schema = deferred(() =>
  randomImageOptions.extend({
    /** Bits that each color keeps: drawn from the first number to below the second; one number is the second. */
    factor: z.union([bits, z.tuple([bits, bits])]),
    valueRange: valueRangeOption,
  }),
);

/**
 * Fewer shades in every image while training: of 8 bits, the lower ones become 0; otherwise the identity.
 * @source keras/src/layers/preprocessing/image_preprocessing/random_posterization.py
 */
export class RandomPosterization extends RandomImageLayer<typeof schema> {
  static override readonly className = 'RandomPosterization';
  static override readonly schema = schema;

  protected augment(x: Value): Value {
    const { factor, valueRange } = this.options;
    const [least, end] = rangeOf(factor, 1);
    const steps = Array.from({ length: Math.max(end - least, 1) }, (_, i) => 2 ** (8 - least - i));
    const drawn = cast(minimum(floor(this.draw(x, [0, steps.length])), steps.length - 1), 'int64');
    const step = gather(constant(tensor(steps, [steps.length], 'float32')), drawn);
    const shades = rescaled(x, valueRange, [0, 255]);
    return rescaled(mul(floor(div(floor(shades), step)), step), [0, 255], valueRange);
  }
}

/** Fewer shades in every image while training. @see {@link RandomPosterization} */
export const randomPosterization = (options: z.input<typeof schema>): RandomPosterization =>
  new RandomPosterization(options);
registerLayer(RandomPosterization, [
  { options: { factor: [2, 5], valueRange: [-4, 4] }, inputs: [[null, 3, 2, 1]] },
  { options: { factor: 1 }, inputs: [[null, 2, 2, 1]], dtype: 'uint8' },
]);
