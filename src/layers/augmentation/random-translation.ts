import type * as z from 'zod';
import { deferred } from '../../core/deferred.ts';
import type { Value } from '../../ir/graph.ts';
import { mul } from '../../ops/index.ts';
import { projectImages } from '../../ops/sampling.ts';
import { registerLayer } from '../registry.ts';
import {
  factorOption,
  RandomImageLayer,
  randomImageOptions,
  rangeOf,
  samplingOptions,
} from './image-layer.ts';

const schema = deferred(() =>
  randomImageOptions.extend({
    /** How far images move down, as a part of their height: `0.2` is up to a fifth, down or up. */
    heightFactor: factorOption(-1, 1),
    /** How far they move to the right, as a part of their width. */
    widthFactor: factorOption(-1, 1),
    ...samplingOptions,
  }),
);

/**
 * Moves every image by distances of its own while training; otherwise the identity.
 * @source keras/src/layers/preprocessing/image_preprocessing/random_translation.py
 */
export class RandomTranslation extends RandomImageLayer<typeof schema> {
  static override readonly className = 'RandomTranslation';
  static override readonly schema = schema;

  protected augment(x: Value): Value {
    const { heightFactor, widthFactor } = this.options;
    const [, height, width] = x.shape as readonly [number, number, number];
    const down = this.draw(x, rangeOf(heightFactor), [1, 1]);
    const right = this.draw(x, rangeOf(widthFactor), [1, 1]);
    return projectImages(x, { a: [1, 0, mul(right, -width)], b: [0, 1, mul(down, -height)] }, this.options);
  }
}

/** Moves every image by distances of its own while training. @see {@link RandomTranslation} */
export const randomTranslation = (options: z.input<typeof schema>): RandomTranslation =>
  new RandomTranslation(options);
registerLayer(RandomTranslation, [
  { options: { heightFactor: 0.5, widthFactor: [0, 0.5] }, inputs: [[null, 4, 3, 2]] },
  {
    options: { heightFactor: 0, widthFactor: 1, fillMode: 'constant', dataFormat: 'channelsFirst' },
    inputs: [[null, 2, 4, null]],
  },
]);
