import type * as z from 'zod';
import { deferred } from '../core/deferred.ts';
import { Layer, layerOptions, type PartialShapes } from './layer.ts';
import { layerRegistry } from './registry.ts';

/** Options of a layer around another one; subclasses extend them. */
export const wrapperOptions = deferred(() =>
  layerOptions.extend({
    /** The layer inside. */
    layer: layerRegistry.option(),
  }),
);

/** A layer that does something to another one. @source keras/src/layers/core/wrapper.py */
export abstract class Wrapper<
  S extends z.ZodType<z.output<typeof wrapperOptions>> = typeof wrapperOptions,
> extends Layer<S> {
  static override readonly schema: z.ZodType = wrapperOptions;

  constructor(options: z.input<S>) {
    super(options);
    this.track(this.layer, 'layer');
  }

  /** The layer inside. */
  get layer(): Layer {
    return this.options.layer;
  }

  protected override get castsInputs(): boolean {
    return false;
  }

  override build(shapes: PartialShapes): void {
    this.buildPart(this.layer, shapes);
  }
}
