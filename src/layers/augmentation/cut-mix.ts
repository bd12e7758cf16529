import type * as z from 'zod';
import { deferred } from '../../core/deferred.ts';
import type { Value } from '../../ir/graph.ts';
import { add, gather, sqrt, sub, where } from '../../ops/index.ts';
import { registerLayer } from '../registry.ts';
import { boxes } from './boxes.ts';
import { factorOption, RandomImageLayer, randomImageOptions, rangeOf } from './image-layer.ts';
import { perImage, randomBeta, randomOrder } from './mixing.ts';

const schema = deferred(() =>
  randomImageOptions.extend({
    /** Both parameters of the beta distribution of the boxes' areas, or two to draw between, for each batch. */
    factor: factorOption(0, 1).default(1),
  }),
);

/** Keeps parameters above 0. */
const epsilon = 1e-6;

/**
 * Every image with a box from another of the batch while training; otherwise the identity. Targets stay as they are.
 * @source Yun et al., "CutMix: regularization strategy to train strong classifiers with localizable features", ICCV 2019
 */
export class CutMix extends RandomImageLayer<typeof schema> {
  static override readonly className = 'CutMix';
  static override readonly schema = schema;

  protected augment(x: Value): Value {
    const { factor, seed } = this.options;
    const count = x.shape[0] as number;
    const alpha = add(this.drawShape([], rangeOf(factor, 0)), epsilon);
    const side = sqrt(sub(1, perImage(randomBeta(count, alpha, seed))));
    const box = boxes(x.shape, [side, side], [this.draw(x, [0, 1]), this.draw(x, [0, 1])]);
    return where(box, gather(x, randomOrder(count, seed), 0), x);
  }
}

/** Every image with a box from another of the batch while training. @see {@link CutMix} */
export const cutMix = (options: z.input<typeof schema> = {}): CutMix => new CutMix(options);
registerLayer(CutMix, [{ inputs: [[null, 4, 3, 2]] }]);
