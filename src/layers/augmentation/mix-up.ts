import * as z from 'zod';
import { deferred } from '../../core/deferred.ts';
import type { Value } from '../../ir/graph.ts';
import { add, gather, mul, sub } from '../../ops/index.ts';
import { scalarConstant } from '../../ops/support.ts';
import { registerLayer } from '../registry.ts';
import { RandomImageLayer, randomImageOptions } from './image-layer.ts';
import { perImage, randomBeta, randomOrder } from './mixing.ts';

const schema = deferred(() =>
  randomImageOptions.extend({
    /** Both parameters of the beta distribution of weights: small ones mix little. */
    alpha: z.number().positive().default(0.2),
  }),
);

/**
 * Every image mixed with another of the batch while training: `y = w x + (1 - w) x'`; otherwise the identity. Targets stay
 * as they are.
 * @source Zhang et al., "mixup: beyond empirical risk minimization", ICLR 2018
 */
export class MixUp extends RandomImageLayer<typeof schema> {
  static override readonly className = 'MixUp';
  static override readonly schema = schema;

  protected augment(x: Value): Value {
    const { alpha, seed } = this.options;
    const count = x.shape[0] as number;
    const others = gather(x, randomOrder(count, seed), 0);
    const weight = perImage(randomBeta(count, scalarConstant(alpha, 'float32'), seed));
    return add(others, mul(weight, sub(x, others)));
  }
}

/** Every image mixed with another of the batch while training. @see {@link MixUp} */
export const mixUp = (options: z.input<typeof schema> = {}): MixUp => new MixUp(options);
registerLayer(MixUp, [{ inputs: [[null, 3, 2, 2]] }]);
