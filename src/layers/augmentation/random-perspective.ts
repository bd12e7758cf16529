import * as z from 'zod';
import { deferred } from '../../core/deferred.ts';
import type { Value } from '../../ir/graph.ts';
import { mul, unstack, where } from '../../ops/index.ts';
import { projectImages } from '../../ops/sampling.ts';
import { registerLayer } from '../registry.ts';
import {
  factorOption,
  RandomImageLayer,
  randomImageOptions,
  rangeOf,
  samplingOptions,
} from './image-layer.ts';
import { type Corners, fromCorners } from './projections.ts';

const { interpolation, fillValue } = samplingOptions;
const schema = deferred(() =>
  randomImageOptions.extend({
    /** Probability that an image is changed, or two between which it is drawn; one number is the largest. */
    factor: factorOption(0, 1).default(1),
    /** How far corners move: up to half of it, as a part of the image's size. */
    scale: z.number().min(0).max(1).default(1),
    interpolation,
    fillValue,
  }),
);

/**
 * Images seen from the side while training: corners move, straight lines stay straight; otherwise the identity.
 * @source keras/src/layers/preprocessing/image_preprocessing/random_perspective.py
 */
export class RandomPerspective extends RandomImageLayer<typeof schema> {
  static override readonly className = 'RandomPerspective';
  static override readonly schema = schema;

  protected augment(x: Value): Value {
    const { factor, scale, interpolation, fillValue } = this.options;
    const [, height, width] = x.shape as readonly [number, number, number];
    const moves = unstack(this.draw(x, [1 - scale / 2, 1 + scale / 2], [8, 1, 1]), 1);
    const corners = [0, 1, 2, 3].map((i) => [
      mul(moves[2 * i] as Value, (i % 2) * (width - 1)),
      mul(moves[2 * i + 1] as Value, Math.floor(i / 2) * (height - 1)),
    ]) as unknown as Corners;
    const y = projectImages(x, fromCorners(corners, height, width), { interpolation, fillValue });
    return where(this.chosen(x, rangeOf(factor, 0)), y, x);
  }
}

/** Images seen from the side while training. @see {@link RandomPerspective} */
export const randomPerspective = (options: z.input<typeof schema> = {}): RandomPerspective =>
  new RandomPerspective(options);
registerLayer(RandomPerspective, [
  { inputs: [[null, 4, 3, 2]] },
  {
    options: { factor: [0.5, 1], scale: 0.3, interpolation: 'nearest', fillValue: 1 },
    inputs: [[null, 3, 5, 1]],
  },
]);
