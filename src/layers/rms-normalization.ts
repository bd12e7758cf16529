import * as z from 'zod';
import { deferred } from '../core/deferred.ts';
import { normalizeAxes } from '../core/shape.ts';
import type { Value } from '../ir/graph.ts';
import { add, mul, reduceMean, reshape, rsqrt, square } from '../ops/index.ts';
import { alignedShape } from './affine.ts';
import { axesOption, axisList } from './axes.ts';
import { ones } from './initializers.ts';
import { knownSize, Layer, layerOptions, type PartialShapes, type Values } from './layer.ts';
import { registerLayer } from './registry.ts';
import type { Weight } from './weight.ts';

const schema = deferred(() =>
  layerOptions.extend({
    /** Axis or axes that are normalized together. */
    axis: axesOption(-1),
    epsilon: z.number().positive().default(1e-6),
  }),
);

/**
 * Root mean square normalization: `y = scale * x / sqrt(mean(x^2) + epsilon)`, the mean taken over `axis` of
 * each sample. Weights: `scale`, of the sizes of these axes.
 * @source Zhang and Sennrich, NeurIPS 2019; keras/src/layers/normalization/rms_normalization.py
 */
export class RMSNormalization extends Layer<typeof schema> {
  static override readonly className = 'RMSNormalization';
  static override readonly schema = schema;
  #scale!: Weight;

  override build([shape]: PartialShapes): void {
    const sizes = this.#axes(shape.length).map((axis) => knownSize(shape, axis, `size of axis ${axis}`));
    this.#scale = this.addWeight('scale', sizes, { initializer: ones() });
  }

  call([x]: Values): Value {
    const axes = this.#axes(x.rank);
    const inverse = rsqrt(add(reduceMean(square(x), axes, true), this.options.epsilon));
    return mul(mul(x, inverse), reshape(this.#scale.value, alignedShape(x, axes)));
  }

  #axes(rank: number): readonly number[] {
    return normalizeAxes(axisList(this.options.axis), rank, 'axis');
  }
}

/** Root mean square normalization over `axis` of each sample. @see {@link RMSNormalization} */
export const rmsNormalization = (options: z.input<typeof schema> = {}): RMSNormalization =>
  new RMSNormalization(options);
registerLayer(RMSNormalization, [
  { inputs: [[null, 4]], output: [null, 4] },
  { options: { axis: [1, 2], epsilon: 0.1 }, inputs: [[null, 2, 3, null]], output: [null, 2, 3, null] },
]);
