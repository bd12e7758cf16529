import * as z from 'zod';
import { deferred } from '../../core/deferred.ts';
import type { Value } from '../../ir/graph.ts';
import { flip, lessEqual, where } from '../../ops/index.ts';
import { registerLayer } from '../registry.ts';
import { RandomImageLayer, randomImageOptions } from './image-layer.ts';

const schema = deferred(() =>
  randomImageOptions.extend({
    /** `horizontal` changes left and right, `vertical` top and bottom, or both at once. */
    mode: z.enum(['horizontal', 'vertical', 'horizontalAndVertical']).default('horizontalAndVertical'),
  }),
);

const axes = { horizontal: [2], vertical: [1], horizontalAndVertical: [1, 2] };

/**
 * Mirrors every other image while training, each with probability 1/2; otherwise the identity.
 * @source keras/src/layers/preprocessing/image_preprocessing/random_flip.py
 */
export class RandomFlip extends RandomImageLayer<typeof schema> {
  static override readonly className = 'RandomFlip';
  static override readonly schema = schema;

  protected augment(x: Value): Value {
    return where(lessEqual(this.draw(x, [0, 1]), 0.5), flip(x, axes[this.options.mode]), x);
  }
}

/** Mirrors every other image while training. @see {@link RandomFlip} */
export const randomFlip = (options: z.input<typeof schema> = {}): RandomFlip => new RandomFlip(options);
registerLayer(RandomFlip, [
  { inputs: [[null, 2, 3, 2]] },
  { options: { mode: 'horizontal', dataFormat: 'channelsFirst' }, inputs: [[null, 1, 3, 4]] },
]);
