import type * as z from 'zod';
import { deferred } from '../../core/deferred.ts';
import type { Value } from '../../ir/graph.ts';
import { cast, greater, mul, sub } from '../../ops/index.ts';
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
    /** How far a row moves to the side, in pixels for each row above it; to either side. */
    xFactor: factorOption(-1, 1).default(0),
    /** How far a column moves down, in pixels for each column before it. */
    yFactor: factorOption(-1, 1).default(0),
    ...samplingOptions,
  }),
);

/**
 * Shears every image by factors of its own while training; otherwise the identity.
 * @source keras/src/layers/preprocessing/image_preprocessing/random_shear.py
 */
export class RandomShear extends RandomImageLayer<typeof schema> {
  static override readonly className = 'RandomShear';
  static override readonly schema = schema;

  protected augment(x: Value): Value {
    const { xFactor, yFactor } = this.options;
    const side = sub(1, mul(cast(greater(this.draw(x, [0, 1], [1, 1]), 0.5), x.dtype), 2));
    const [across, down] = [xFactor, yFactor].map((f) => mul(this.draw(x, rangeOf(f), [1, 1]), side)) as [
      Value,
      Value,
    ];
    return projectImages(x, { a: [1, across, 0], b: [down, 1, 0] }, this.options);
  }
}

/** Shears every image by factors of its own while training. @see {@link RandomShear} */
export const randomShear = (options: z.input<typeof schema> = {}): RandomShear => new RandomShear(options);
registerLayer(RandomShear, [{ options: { xFactor: 0.5, yFactor: [0.1, 0.2] }, inputs: [[null, 4, 3, 2]] }]);
