import { ConfigError } from '../errors.ts';
import type { Layer } from '../layers/layer.ts';
import { Adaptable, type LoraOptions } from '../layers/lora.ts';
import { type LayerPattern, layersInside, selectLayers } from './select-layers.ts';

const isAdaptable = (layer: Layer): layer is Adaptable => layer instanceof Adaptable;

/** Layers of a model that low-rank updates are made for, at any depth. */
export const adaptableLayers = (model: Layer): readonly Adaptable[] =>
  [...new Set(layersInside(model).map(({ layer }) => layer))].filter(isAdaptable);

/**
 * Freezes a model and gives layers low-rank updates, which alone are trained.
 * @throws {@link ConfigError} when no layer can be adapted
 */
export function enableLora(
  model: Layer,
  rank: number,
  { layers: patterns = [], ...options }: LoraOptions & { readonly layers?: readonly LayerPattern[] },
): void {
  const targets = selectLayers(model, patterns)
    .filter(isAdaptable)
    .filter((layer) => layer.canEnableLora);
  if (targets.length === 0) {
    throw new ConfigError(
      `model "${model.name}": enableLora found no layer to adapt${patterns.length > 0 ? ` among ${patterns.join(', ')}` : ''}. ` +
        'Dense, EinsumDense, Embedding and convolution layers can be, once the model is built, without a constraint ' +
        'on the kernel, each once.',
      { op: model.name, argument: 'layers' },
    );
  }
  const before = adaptableLayers(model).filter((layer) => layer.lora !== undefined);
  for (const layer of targets) layer.enableLora(rank, options);
  trainOnlyAdapters(model, [...before, ...targets]);
}

/** Freezes all weights but those of low-rank updates. */
function trainOnlyAdapters(model: Layer, adapted: readonly Adaptable[]): void {
  for (const { layer } of layersInside(model)) layer.trainable = false;
  for (const layer of adapted) {
    layer.trainable = true;
    const adapters = new Set(layer.ownWeights.flatMap((weight) => weight.adapter?.weights ?? []));
    for (const weight of layer.ownWeights) weight.trainable = adapters.has(weight);
  }
}

/** Adds all low-rank updates of a model to their kernels for good. */
export function mergeLora(model: Layer): void {
  for (const layer of adaptableLayers(model)) layer.mergeLora();
}
