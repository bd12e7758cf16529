import * as z from 'zod';
import { deferred } from '../core/deferred.ts';
import type { Value } from '../ir/graph.ts';
import { cast, equal, expandDims, logicalNot, reduceMax, where } from '../ops/index.ts';
import { Layer, layerOptions, type Values } from './layer.ts';
import { setMask } from './masks.ts';
import { registerLayer } from './registry.ts';

const schema = deferred(() =>
  layerOptions.extend({
    /** A step all of whose features are this number does not count. */
    maskValue: z.number().default(0),
  }),
);

/**
 * Leaves out steps of a sequence: those of `[batch, time, features]` that are `maskValue` throughout become 0 and do not
 * count in the layers, losses and metrics that follow.
 * @source keras/src/layers/core/masking.py
 */
export class Masking extends Layer<typeof schema> {
  static override readonly className = 'Masking';
  static override readonly schema = schema;

  call([x]: Values): Value {
    const differs = cast(logicalNot(equal(x, this.options.maskValue)), 'float32');
    const mask = cast(reduceMax(differs, [-1]), 'bool');
    const y = where(expandDims(mask, -1), x, 0);
    setMask(y, mask);
    return y;
  }
}

/** Leaves out steps of a sequence that are `maskValue` throughout. @see {@link Masking} */
export const masking = (options: z.input<typeof schema> = {}): Masking => new Masking(options);
registerLayer(Masking, [
  { inputs: [[null, 3, 2]], output: [null, 3, 2] },
  { options: { maskValue: 1 }, inputs: [[null, null, 2]] },
]);
