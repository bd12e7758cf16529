import * as z from 'zod';
import { deferred } from '../../core/deferred.ts';
import { snakeCase } from '../../core/registry.ts';
import type { Value } from '../../ir/graph.ts';
import { type CallOptions, Layer, layerOptions, type Values } from '../layer.ts';
import { layerRegistry, registerLayer } from '../registry.ts';

const schema = deferred(() =>
  layerOptions.extend({
    /** The layers, in the order in which they are applied. */
    layers: z.array(layerRegistry.option()).min(1),
  }),
);

/**
 * Layers one after the other as one layer, e.g. all that augments images.
 * @source keras/src/layers/preprocessing/pipeline.py
 */
export class Pipeline extends Layer<typeof schema> {
  static override readonly className = 'Pipeline';
  static override readonly schema = schema;

  constructor(options: z.input<typeof schema>) {
    super(options);
    const counts = new Map<string, number>();
    for (const layer of this.layers) {
      const name = snakeCase(layer.className);
      const count = counts.get(name) ?? 0;
      counts.set(name, count + 1);
      this.track(layer, `_pipeline_layers/${count === 0 ? name : `${name}_${count}`}`);
    }
  }

  /** The layers inside. */
  get layers(): readonly Layer[] {
    return this.options.layers;
  }

  protected override get castsInputs(): boolean {
    return false;
  }

  call(inputs: Values, { training }: CallOptions): readonly Value[] {
    return this.layers.reduce<readonly Value[]>(
      (values, layer) => layer.invoke(values, { training }),
      inputs,
    );
  }
}

/** Layers one after the other as one layer. @see {@link Pipeline} */
export const pipeline = (options: z.input<typeof schema>): Pipeline => new Pipeline(options);
registerLayer(Pipeline, [
  {
    options: { layers: [{ type: 'rescaling', scale: 0.5 }, { type: 'randomFlip' }, { type: 'randomFlip' }] },
    inputs: [[null, 2, 3, 1]],
  },
]);
