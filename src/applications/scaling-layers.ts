/** Layers that two of Keras's applications define for themselves; files refer to them by these names. */

import * as z from 'zod';
import { deferred } from '../core/deferred.ts';
import type { Value } from '../ir/graph.ts';
import { initializers } from '../layers/initializers.ts';
import { Layer, layerOptions, type Values } from '../layers/layer.ts';
import { positiveInteger } from '../layers/options.ts';
import { registerLayer } from '../layers/registry.ts';
import type { Weight } from '../layers/weight.ts';
import { add, mul } from '../ops/index.ts';

const layerScaleSchema = deferred(() =>
  layerOptions.extend({
    /** What all factors start at. */
    initValues: z.number(),
    /** Number of channels. */
    projectionDim: positiveInteger,
  }),
);
/**
 * A trained factor for each channel: `y = x * gamma`. Weights: `gamma [channels]`.
 * @source Touvron et al. 2021, arXiv 2103.17239; keras/src/applications/convnext.py
 */
export class LayerScale extends Layer<typeof layerScaleSchema> {
  static override readonly className = 'LayerScale';
  static override readonly schema = layerScaleSchema;
  #gamma!: Weight;

  override build(): void {
    const { initValues, projectionDim } = this.options;
    const initializer = initializers.make({ type: 'constant', value: initValues });
    this.#gamma = this.addWeight('gamma', [projectionDim], { initializer });
  }

  call([x]: Values): Value {
    return mul(x, this.#gamma.value);
  }
}
registerLayer(LayerScale, [
  { options: { initValues: 0.5, projectionDim: 3 }, inputs: [[null, 2, 3]], output: [null, 2, 3] },
]);

const customScaleSchema = deferred(() => layerOptions.extend({ scale: z.number() }));
/**
 * A sum whose second part is scaled: `y = a + scale * b`.
 * @source keras/src/applications/inception_resnet_v2.py
 */
export class CustomScaleLayer extends Layer<typeof customScaleSchema> {
  static override readonly className = 'CustomScaleLayer';
  static override readonly schema = customScaleSchema;

  protected override get arity(): { readonly min: number; readonly max: number } {
    return { min: 2, max: 2 };
  }

  call([a, b]: Values): Value {
    return add(a, mul(b as Value, this.options.scale));
  }
}
const pair = [null, 3] as const;
registerLayer(CustomScaleLayer, [{ options: { scale: 0.5 }, inputs: [pair, pair], output: pair }]);
