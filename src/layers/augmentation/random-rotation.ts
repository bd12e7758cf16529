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
import { turned } from './projections.ts';

const schema = deferred(() =>
  randomImageOptions.extend({
    /** Parts of a full turn: `0.1` turns by up to 36 degrees, one way or the other. */
    factor: factorOption(-1, 1),
    ...samplingOptions,
  }),
);

/**
 * Turns every image about its centre by an angle of its own while training; otherwise the identity.
 * @source keras/src/layers/preprocessing/image_preprocessing/random_rotation.py
 */
export class RandomRotation extends RandomImageLayer<typeof schema> {
  static override readonly className = 'RandomRotation';
  static override readonly schema = schema;

  protected augment(x: Value): Value {
    const angle = mul(this.draw(x, rangeOf(this.options.factor), [1, 1]), 2 * Math.PI);
    return projectImages(x, turned(angle, x.shape[1] as number, x.shape[2] as number), this.options);
  }
}

/** Turns every image by an angle of its own while training. @see {@link RandomRotation} */
export const randomRotation = (options: z.input<typeof schema>): RandomRotation =>
  new RandomRotation(options);
registerLayer(RandomRotation, [
  { options: { factor: 0.25 }, inputs: [[null, 4, 3, 2]] },
  { options: { factor: [-0.1, 0.5], interpolation: 'nearest', fillMode: 'wrap' }, inputs: [[null, 3, 3, 1]] },
]);
