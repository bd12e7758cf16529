import * as z from 'zod';
import { deferred } from '../../core/deferred.ts';
import { tensor } from '../../core/tensor.ts';
import { constant, type Value } from '../../ir/graph.ts';
import { logicalAnd, mul, sqrt, where } from '../../ops/index.ts';
import { randomNormal } from '../random-normal.ts';
import { registerLayer } from '../registry.ts';
import { boxes } from './boxes.ts';
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
    /** Probability that a box is erased, or two between which it is drawn; one number is the largest. */
    factor: factorOption(0, 1).default(1),
    /** Part of the image that the box takes up. */
    scale: factorOption(0, 1).default([0.02, 0.33]),
    /** What the box is filled with: one number, one for each of three channels, or noise. */
    fillValue: z
      .union([z.number(), z.array(z.number()).length(3)])
      .nullable()
      .default(null),
    valueRange: valueRangeOption,
  }),
);

/**
 * Some images with a box erased, each its own, while training; otherwise the identity.
 * @source Zhong et al., "Random erasing data augmentation", AAAI 2020
 */
export class RandomErasing extends RandomImageLayer<typeof schema> {
  static override readonly className = 'RandomErasing';
  static override readonly schema = schema;

  protected augment(x: Value): Value {
    const { factor, scale } = this.options;
    const side = (): Value => sqrt(this.draw(x, rangeOf(scale, 0)));
    const box = boxes(x.shape, [side(), side()], [this.draw(x, [0, 1]), this.draw(x, [0, 1])]);
    return where(logicalAnd(box, this.chosen(x, rangeOf(factor, 0))), this.#fill(x), x);
  }

  #fill(x: Value): Value {
    const { fillValue, valueRange, seed } = this.options;
    const fill =
      fillValue === null
        ? mul(randomNormal(x.shape, seed), valueRange[1])
        : constant(tensor(fillValue).cast(x.dtype));
    return clipTo(fill, valueRange);
  }
}

/** Some images with a box erased while training. @see {@link RandomErasing} */
export const randomErasing = (options: z.input<typeof schema> = {}): RandomErasing =>
  new RandomErasing(options);
registerLayer(RandomErasing, [
  { inputs: [[null, 4, 3, 2]] },
  { options: { factor: [1, 1], scale: 0.5, fillValue: [1, 2, 3] }, inputs: [[null, 4, 5, 3]] },
]);
