import * as z from 'zod';
import { deferred } from '../../core/deferred.ts';
import type { Value } from '../../ir/graph.ts';
import { add, mul, reshape, slice, softmax, sub } from '../../ops/index.ts';
import { scalarConstant } from '../../ops/support.ts';
import type { Layer } from '../layer.ts';
import { positiveInteger } from '../options.ts';
import { registerLayer } from '../registry.ts';
import {
  clipTo,
  factorOption,
  RandomImageLayer,
  randomImageOptions,
  rangeOf,
  samplingOptions,
  valueRangeOption,
} from './image-layer.ts';
import { logGamma, perImage, randomBeta } from './mixing.ts';
import { oneOf, shades, warps } from './rand-augment.ts';

const schema = deferred(() =>
  randomImageOptions.extend({
    valueRange: valueRangeOption,
    /** How many changed images are mixed. */
    numChains: positiveInteger.default(3),
    /** How many changes each of them gets, at most. */
    chainDepth: positiveInteger.default(3),
    /** How strong the changes are. */
    factor: factorOption(0, 1).default(0.3),
    /** Parameter of the distributions of weights. */
    alpha: z.number().positive().default(1),
    /** Whether brightness, color, contrast and sharpness change too. */
    allOps: z.boolean().default(true),
    interpolation: samplingOptions.interpolation,
  }),
);

/**
 * Every image mixed with versions of it that were changed several times, while training; otherwise the identity. In Keras
 * the images of a batch are all changed and mixed in the same way.
 * @source Hendrycks et al., "AugMix: a simple data processing method to improve robustness and uncertainty", ICLR 2020
 */
export class AugMix extends RandomImageLayer<typeof schema> {
  static override readonly className = 'AugMix';
  static override readonly schema = schema;
  readonly #ways: readonly Layer[];

  constructor(options: z.input<typeof schema>) {
    super(options);
    const { factor, allOps, ...common } = this.options;
    const range = rangeOf(factor, 0);
    this.#ways = [...warps(range, common), ...(allOps ? shades(range, common) : [])];
  }

  protected augment(x: Value): Value {
    const { alpha, numChains, seed, valueRange } = this.options;
    const count = x.shape[0] as number;
    const parameter = scalarConstant(alpha, 'float32');
    // gamma-distributed numbers over their sum: a Dirichlet distribution
    const logs = reshape(logGamma(count * numChains, parameter, seed), [count, numChains]);
    const weights = softmax(logs, 1);
    let mixed = mul(x, 0);
    for (let i = 0; i < numChains; i++) {
      mixed = add(mixed, mul(this.#chain(x), perImage(slice(weights, [i], [i + 1], [1]))));
    }
    const kept = perImage(randomBeta(count, parameter, seed));
    return clipTo(add(mixed, mul(kept, sub(x, mixed))), valueRange);
  }

  /** Images changed up to `chainDepth` times: one of the ways is to stay. */
  #chain(x: Value): Value {
    let y = x;
    for (let i = 0; i < this.options.chainDepth; i++) {
      y = oneOf(this.#ways, y, this.draw(x, [0, 1]), this.#ways.length + 1);
    }
    return y;
  }
}

/** Every image mixed with changed versions of it while training. @see {@link AugMix} */
export const augMix = (options: z.input<typeof schema> = {}): AugMix => new AugMix(options);
registerLayer(AugMix, [
  { options: { valueRange: [-4, 4], numChains: 2, chainDepth: 1 }, inputs: [[null, 3, 4, 3]] },
]);
