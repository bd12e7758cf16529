import * as z from 'zod';
import { deferred } from '../core/deferred.ts';
import type { Value } from '../ir/graph.ts';
import { add, mul, neg } from '../ops/index.ts';
import { type CallOptions, Layer, layerOptions, type Values } from './layer.ts';
import { randomNormal } from './random-normal.ts';
import { registerLayer } from './registry.ts';
import { randomBernoulli } from './trace.ts';

const seed = z.int().nullable().default(null);
const rate = z.number().min(0).lt(1);

const noiseSchema = deferred(() =>
  layerOptions.extend({
    /** Standard deviation of the noise. */
    stddev: z.number().nonnegative(),
    seed,
  }),
);
/**
 * Normal noise while training: `y = x + stddev * n`.
 * @source keras/src/layers/regularization/gaussian_noise.py
 */
export class GaussianNoise extends Layer<typeof noiseSchema> {
  static override readonly className = 'GaussianNoise';
  static override readonly schema = noiseSchema;

  protected override get supportsMasking(): boolean {
    return true;
  }

  call([x]: Values, { training }: CallOptions): Value {
    const { stddev, seed: ownSeed } = this.options;
    return training && stddev > 0 ? add(x, mul(randomNormal(x.shape, ownSeed), stddev)) : x;
  }
}
/** Normal noise while training: `y = x + stddev * n`. */
export const gaussianNoise = (options: z.input<typeof noiseSchema>): GaussianNoise =>
  new GaussianNoise(options);
registerLayer(GaussianNoise, [{ options: { stddev: 0.5 }, inputs: [[null, 3]], output: [null, 3] }]);

const gaussianSchema = deferred(() =>
  layerOptions.extend({
    /** As strong as {@link Dropout} of this rate: the deviation is `sqrt(rate / (1 - rate))`. */
    rate,
    seed,
  }),
);
/**
 * Normal factors of mean 1 while training: `y = x * (1 + sqrt(rate / (1 - rate)) * n)`.
 * @source Srivastava et al., JMLR 2014, section 10; keras/src/layers/regularization/gaussian_dropout.py
 */
export class GaussianDropout extends Layer<typeof gaussianSchema> {
  static override readonly className = 'GaussianDropout';
  static override readonly schema = gaussianSchema;

  protected override get supportsMasking(): boolean {
    return true;
  }

  call([x]: Values, { training }: CallOptions): Value {
    const { rate: dropped, seed: ownSeed } = this.options;
    if (!training || dropped === 0) return x;
    const deviation = Math.sqrt(dropped / (1 - dropped));
    return mul(x, add(mul(randomNormal(x.shape, ownSeed), deviation), 1));
  }
}
/** Normal factors of mean 1 while training. @see {@link GaussianDropout} */
export const gaussianDropout = (options: z.input<typeof gaussianSchema>): GaussianDropout =>
  new GaussianDropout(options);
registerLayer(GaussianDropout, [{ options: { rate: 0.5, seed: 1 }, inputs: [[null, 3]], output: [null, 3] }]);

const alphaSchema = deferred(() =>
  layerOptions.extend({
    /** Fraction of the elements that is dropped, in [0, 1). */
    rate,
    /** Shape of the mask, broadcast to the input's; `null` sizes follow the input. */
    noiseShape: z.array(z.int().nullable()).nullable().default(null),
    seed,
  }),
);
/** What `selu` tends to far below 0: minus `alpha * scale` of that function. */
const saturated = -1.6732632423543772 * 1.0507009873554805;

/**
 * Dropout for `selu`: while training, a random fraction `rate` of the elements becomes the lower limit of
 * `selu`, and all are scaled and shifted so that mean 0 and variance 1 stay.
 * @source Klambauer et al., NeurIPS 2017; keras/src/layers/regularization/alpha_dropout.py
 */
export class AlphaDropout extends Layer<typeof alphaSchema> {
  static override readonly className = 'AlphaDropout';
  static override readonly schema = alphaSchema;

  protected override get supportsMasking(): boolean {
    return true;
  }

  call([x]: Values, { training }: CallOptions): Value {
    const { rate: dropped, noiseShape, seed: ownSeed } = this.options;
    if (!training || dropped === 0) return x;
    const shape = noiseShape === null ? x.shape : noiseShape.map((n, axis) => n ?? (x.shape[axis] as number));
    const kept = randomBernoulli(shape, 1 - dropped, 1, ownSeed ?? undefined);
    const scale = 1 / Math.sqrt((1 - dropped) * (1 + dropped * saturated ** 2));
    const mixed = add(mul(x, kept), mul(add(neg(kept), 1), saturated));
    return add(mul(mixed, scale), -scale * saturated * dropped);
  }
}
/** Dropout for `selu`, which keeps mean and variance. @see {@link AlphaDropout} */
export const alphaDropout = (options: z.input<typeof alphaSchema>): AlphaDropout => new AlphaDropout(options);
registerLayer(AlphaDropout, [
  { options: { rate: 0.5 }, inputs: [[null, 3]], output: [null, 3] },
  { options: { rate: 0.25, noiseShape: [null, 1, 3] }, inputs: [[null, 2, 3]] },
]);
