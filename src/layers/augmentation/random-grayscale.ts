import * as z from 'zod';
import { deferred } from '../../core/deferred.ts';
import type { Value } from '../../ir/graph.ts';
import { less, where } from '../../ops/index.ts';
import { registerLayer } from '../registry.ts';
import { grayOf } from './colors.ts';
import { RandomImageLayer, randomImageOptions } from './image-layer.ts';

const schema = deferred(() =>
  randomImageOptions.extend({
    /** Probability that an image becomes gray. */
    factor: z.number().min(0).max(1).default(0.5),
  }),
);

/**
 * Takes the color out of some images while training, three equal channels stay; otherwise the identity.
 * @source keras/src/layers/preprocessing/image_preprocessing/random_grayscale.py
 */
export class RandomGrayscale extends RandomImageLayer<typeof schema> {
  static override readonly className = 'RandomGrayscale';
  static override readonly schema = schema;

  protected augment(x: Value): Value {
    return where(less(this.draw(x, [0, 1]), this.options.factor), grayOf(x), x);
  }
}

/** Takes the color out of some images while training. @see {@link RandomGrayscale} */
export const randomGrayscale = (options: z.input<typeof schema> = {}): RandomGrayscale =>
  new RandomGrayscale(options);
registerLayer(RandomGrayscale, [
  { inputs: [[null, 3, 2, 3]] },
  { options: { factor: 1, dataFormat: 'channelsFirst' }, inputs: [[null, 1, 2, 2]] },
]);
