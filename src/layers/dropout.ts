import * as z from 'zod';
import { deferred } from '../core/deferred.ts';
import type { Value } from '../ir/graph.ts';
import { mul } from '../ops/index.ts';
import { type CallOptions, Layer, layerOptions, type Values } from './layer.ts';
import { registerLayer } from './registry.ts';
import { randomBernoulli } from './trace.ts';

const schema = deferred(() =>
  layerOptions.extend({
    /** Fraction of the elements that is dropped, in [0, 1). */
    rate: z.number().min(0).lt(1),
    /** Shape of the mask, broadcast to the input's; `null` sizes follow the input. */
    noiseShape: z.array(z.int().nullable()).nullable().default(null),
    seed: z.int().nullable().default(null),
  }),
);

/**
 * Dropout: while training, sets a random fraction `rate` of the elements to 0 and scales the others by `1/(1 - rate)`;
 * otherwise the identity.
 * @source Srivastava et al., JMLR 2014; keras/src/layers/regularization/dropout.py
 */
export class Dropout extends Layer<typeof schema> {
  static override readonly className = 'Dropout';
  static override readonly schema = schema;

  protected override get supportsMasking(): boolean {
    return true;
  }

  call([x]: Values, { training }: CallOptions): Value {
    const { rate, noiseShape, seed } = this.options;
    if (!training || rate === 0) return x;
    const shape = noiseShape === null ? x.shape : noiseShape.map((n, axis) => n ?? (x.shape[axis] as number));
    return mul(x, randomBernoulli(shape, 1 - rate, 1 / (1 - rate), seed ?? undefined));
  }
}

/** Dropout of a fraction `rate` of the elements while training. @see {@link Dropout} */
export const dropout = (options: z.input<typeof schema>): Dropout => new Dropout(options);
registerLayer(Dropout, [
  { options: { rate: 0.5 }, inputs: [[null, 4]] },
  { options: { rate: 0.25, noiseShape: [null, 1, 3] }, inputs: [[null, 2, 3]] },
]);
