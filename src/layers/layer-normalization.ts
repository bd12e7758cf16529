import type * as z from 'zod';
import { deferred } from '../core/deferred.ts';
import { normalizeAxes } from '../core/shape.ts';
import type { Value } from '../ir/graph.ts';
import { layerNormalize } from '../ops/layer-normalization.ts';
import { Affine, affineOptions, standardize } from './affine.ts';
import { axesOption, axisList } from './axes.ts';
import { knownSize, type PartialShapes, type Values } from './layer.ts';
import { registerLayer } from './registry.ts';

const schema = deferred(() =>
  affineOptions.extend({
    /** Axis or axes that are normalized together. */
    axis: axesOption(-1),
  }),
);

/**
 * Layer normalization: `y = gamma * (x - mean) / sqrt(variance + epsilon) + beta`, mean and variance taken
 * over `axis` of each sample. Weights: `gamma`, `beta`, each of the sizes of these axes.
 * @source Ba et al. 2016, arXiv:1607.06450; keras/src/layers/normalization/layer_normalization.py
 */
export class LayerNormalization extends Affine<typeof schema> {
  static override readonly className = 'LayerNormalization';
  static override readonly schema = schema;

  override build([shape]: PartialShapes): void {
    const axes = this.#axes(shape.length);
    this.addAffine(axes.map((axis) => knownSize(shape, axis, `size of axis ${axis}`)));
  }

  call([x]: Values): Value {
    const [axes, { epsilon }] = [this.#axes(x.rank), this.options];
    const first = x.rank - axes.length;
    if (!axes.every((axis, i) => axis === first + i)) {
      return this.affine(standardize(x, axes, epsilon), axes);
    }
    const [gamma, beta] = this.scaleAndShift(x.shape.slice(first), x.dtype);
    return layerNormalize(x, gamma, beta, first, epsilon)[0];
  }

  #axes(rank: number): readonly number[] {
    return normalizeAxes(axisList(this.options.axis), rank, 'axis');
  }
}

/** Layer normalization over `axis` of each sample. @see {@link LayerNormalization} */
export const layerNormalization = (options: z.input<typeof schema> = {}): LayerNormalization =>
  new LayerNormalization(options);
registerLayer(LayerNormalization, [
  { inputs: [[null, 4]], output: [null, 4] },
  { options: { axis: [-1, 1], scale: false }, inputs: [[null, 3, null, 2]], output: [null, 3, null, 2] },
  { options: { axis: 1, center: false, epsilon: 0.1 }, inputs: [[null, 3, 2]] },
]);
