import type * as z from 'zod';
import { deferred } from '../../core/deferred.ts';
import type { Value } from '../../ir/graph.ts';
import { mul, sub } from '../../ops/index.ts';
import { projectImages } from '../../ops/sampling.ts';
import { registerLayer } from '../registry.ts';
import {
  factorOption,
  RandomImageLayer,
  randomImageOptions,
  rangeOf,
  samplingOptions,
} from './image-layer.ts';

const factor = factorOption(-1, 1).refine((f) => Math.min(...[f].flat()) > -1, {
  error: 'expected factors above -1',
});
const schema = deferred(() =>
  randomImageOptions.extend({
    /** How much more of the image's height is seen: `0.2` from a fifth less (zoomed in) to a fifth more. */
    heightFactor: factor,
    /** The same for the width; `null` keeps the proportions. */
    widthFactor: factor.nullable().default(null),
    ...samplingOptions,
  }),
);

/**
 * Zooms into every image, or out, by a factor of its own while training; otherwise the identity.
 * @source keras/src/layers/preprocessing/image_preprocessing/random_zoom.py
 */
export class RandomZoom extends RandomImageLayer<typeof schema> {
  static override readonly className = 'RandomZoom';
  static override readonly schema = schema;

  protected augment(x: Value): Value {
    const { heightFactor, widthFactor } = this.options;
    const [, height, width] = x.shape as readonly [number, number, number];
    const zoom = (range: Parameters<typeof rangeOf>[0]): Value => {
      const [low, high] = rangeOf(range);
      return this.draw(x, [1 + low, 1 + high], [1, 1]);
    };
    const down = zoom(heightFactor);
    const across = widthFactor === null ? down : zoom(widthFactor);
    const begin = (scale: Value, size: number): Value => mul(sub(1, scale), (size - 1) / 2);
    return projectImages(
      x,
      { a: [across, 0, begin(across, width)], b: [0, down, begin(down, height)] },
      this.options,
    );
  }
}

/** Zooms into every image, or out, while training. @see {@link RandomZoom} */
export const randomZoom = (options: z.input<typeof schema>): RandomZoom => new RandomZoom(options);
registerLayer(RandomZoom, [
  { options: { heightFactor: 0.5 }, inputs: [[null, 4, 3, 2]] },
  { options: { heightFactor: [0.1, 0.2], widthFactor: 0.3, fillMode: 'nearest' }, inputs: [[null, 3, 4, 1]] },
]);
