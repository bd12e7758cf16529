import { ConfiguredRegistry } from '../core/configured.ts';
import type { DType } from '../core/dtype.ts';
import type { PartialShape } from '../core/shape.ts';
import type { Layer } from './layer.ts';

/** An example use of a layer: the generated tests run it. */
export interface LayerSample {
  readonly options?: Readonly<Record<string, unknown>>;
  /** Shapes of the inputs, the batch size `null`. */
  readonly inputs: readonly PartialShape[];
  /** Element type of the inputs; float32 by default. Integers are drawn from [0, 4). */
  readonly dtype?: DType;
  /** Output shape, if it is worth stating. */
  readonly output?: PartialShape;
}

/** Layer classes by name. */
export const layerRegistry = new ConfiguredRegistry<Layer>('layer');
const samples = new Map<string, readonly LayerSample[]>();
/** Example uses by class name. */
export const layerSamples: ReadonlyMap<string, readonly LayerSample[]> = samples;

type LayerClass = Parameters<typeof layerRegistry.register>[0];

/** Makes a layer class known to configs, saved models and the generated tests. */
export function registerLayer(
  type: LayerClass,
  examples: readonly LayerSample[] = [],
  ...aliases: readonly string[]
): void {
  layerRegistry.register(type, ...aliases);
  samples.set(type.className, examples);
}
