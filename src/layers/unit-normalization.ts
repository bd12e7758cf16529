import type * as z from 'zod';
import { deferred } from '../core/deferred.ts';
import type { Value } from '../ir/graph.ts';
import { maximum, mul, reduceSum, rsqrt, square } from '../ops/index.ts';
import { axesOption, axisList } from './axes.ts';
import { Layer, layerOptions, type Values } from './layer.ts';
import { registerLayer } from './registry.ts';

const schema = deferred(() =>
  layerOptions.extend({
    /** Axis or axes along which norms are taken. */
    axis: axesOption(-1),
  }),
);

/**
 * Norm 1 along `axis`: `y = x / sqrt(sum(x^2))`.
 * @source keras/src/layers/normalization/unit_normalization.py
 */
export class UnitNormalization extends Layer<typeof schema> {
  static override readonly className = 'UnitNormalization';
  static override readonly schema = schema;

  protected override get supportsMasking(): boolean {
    return true;
  }

  call([x]: Values): Value {
    return toUnitNorm(x, axisList(this.options.axis), 1e-12);
  }
}

/**
 * `x` with L2 norms of 1 along `axes`; norms below `epsilon` count as `epsilon`, so that zeros stay zeros.
 */
export const toUnitNorm = (x: Value, axes: readonly number[], epsilon: number): Value =>
  mul(x, rsqrt(maximum(reduceSum(square(x), axes, true), epsilon * epsilon)));

/** Norm 1 along `axis`: `y = x / sqrt(sum(x^2))`. */
export const unitNormalization = (options: z.input<typeof schema> = {}): UnitNormalization =>
  new UnitNormalization(options);
registerLayer(UnitNormalization, [
  { inputs: [[null, 4]], output: [null, 4] },
  { options: { axis: [1, 2] }, inputs: [[null, 2, 3]], output: [null, 2, 3] },
]);
