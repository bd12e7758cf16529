import { allocate } from '../core/dtype.ts';
import { formatShape, type Shape, sameShape, sizeOf } from '../core/shape.ts';
import { Tensor } from '../core/tensor.ts';
import { FormatError } from '../errors.ts';
import type { Layer } from '../layers/layer.ts';
import { Adaptable } from '../layers/lora.ts';
import { resetAdapter, type Weight, withoutAdapters } from '../layers/weight.ts';
import { layersInside } from '../models/select-layers.ts';

/** The weights of one layer in a file, in order. */
export interface LayerWeights {
  readonly layer: string;
  readonly weights: readonly StoredTensor[];
}

/** A tensor that is read once it is known to fit. */
export interface StoredTensor {
  readonly name: string;
  readonly shape: Shape;
  read(): Tensor;
}

/** How weights of layers are found in a file. */
export interface MatchOptions {
  /** By the names of the layers; else by their order among those that have weights. */
  readonly byName: boolean;
  /** Whether layers that do not fit stay as they are. */
  readonly skipMismatch: boolean;
}

/** The weights of a layer in the order of files before Keras 3: those that are trained, then the others. */
export function legacyOrder(layer: Layer): readonly Weight[] {
  return inOrder(withoutAdapters(layer.weights), trainedByKeras(layer));
}

/** All weights of a layer in the order of Keras 3's `.h5` files, which have adapters, too, beside a kernel that is frozen. */
function withAdapters(layer: Layer): readonly Weight[] {
  const [isTrained, lost] = [trainedByKeras(layer), lostAdapters(layer)];
  const isAdapted = ({ adapter }: Weight): boolean =>
    adapter?.weights.some((part) => !lost.has(part)) ?? false;
  return inOrder(
    layer.weights.filter((weight) => !lost.has(weight)),
    (weight) => isTrained(weight) && !isAdapted(weight),
  );
}

/** Weights of adapters that do not come back from files, as the options of their layers do not tell of them. */
export const lostAdapters = (layer: Layer): ReadonlySet<Weight> =>
  new Set(
    allInside(layer)
      .filter((inner) => inner instanceof Adaptable && !inner.keepsLora)
      .flatMap(({ ownWeights }) => ownWeights.flatMap(({ adapter }) => adapter?.weights ?? [])),
  );

/** A layer and all inside it. */
const allInside = (layer: Layer): readonly Layer[] => [
  layer,
  ...layersInside(layer).map((inside) => inside.layer),
];

/** Whether Keras trains a weight of a layer: it freezes no single ones, as adapting a model does here. */
function trainedByKeras(layer: Layer): (weight: Weight) => boolean {
  const frozenLayers = allInside(layer).filter(({ trainable }) => !trainable);
  const frozen = new Set(frozenLayers.flatMap(({ weights }) => weights));
  return (weight) => weight.learnable && !frozen.has(weight);
}

const inOrder = (weights: readonly Weight[], first: (weight: Weight) => boolean): readonly Weight[] => [
  ...weights.filter(first),
  ...weights.filter((weight) => !first(weight)),
];

/** What an `.h5` file of Keras 3 has of a layer; adapters begin anew from the sums in the place of the kernels. */
export function legacyTensors(layer: Layer): readonly (readonly [path: string, tensor: Tensor])[] {
  const cleared = new Set(layer.weights.flatMap(({ adapter }) => adapter?.cleared ?? []));
  return withAdapters(layer).map((weight) => {
    const { path, dtype, shape, merged } = weight;
    return [path, cleared.has(weight) ? new Tensor(dtype, shape, allocate(dtype, sizeOf(shape))) : merged];
  });
}

/** The weights that a file has, in its order. */
function weightsIn({ weights }: LayerWeights, layer: Layer): readonly Weight[] {
  const all = withAdapters(layer);
  return weights.length === all.length ? all : legacyOrder(layer);
}

/**
 * Puts the weights of a file into layers. Nothing is changed unless everything fits, or mismatches are
 * skipped.
 * @throws {@link FormatError} naming the layer
 */
export function assignByLayer(
  candidates: readonly Layer[],
  stored: readonly LayerWeights[],
  { byName, skipMismatch }: MatchOptions,
  label: string,
): void {
  const layers = candidates.filter((layer) => layer.weights.length > 0);
  const filled = stored.filter(({ weights }) => weights.length > 0);
  if (!byName && layers.length !== filled.length) {
    throw new FormatError(
      `${label}: expected ${layers.length} layers with weights. Received ${filled.length}. ` +
        'Pass { byName: true } to load those of the same names.',
      { op: 'loadWeights', expected: String(layers.length), received: String(filled.length) },
    );
  }
  const pairs = layers.flatMap((layer, i): [Layer, LayerWeights][] => {
    const found = byName ? filled.find((group) => group.layer === layer.name) : filled[i];
    return found ? [[layer, found]] : [];
  });
  const fitting = pairs.flatMap(([layer, group]) => {
    const fault = mismatch(layer, group);
    if (fault === undefined) return [{ weights: weightsIn(group, layer), group }];
    if (skipMismatch) return [];
    throw new FormatError(`${label}: layer "${layer.name}": ${fault}`, {
      op: 'loadWeights',
      argument: layer.name,
    });
  });
  const writes = fitting.flatMap(({ weights, group }) =>
    weights.map((weight, i) => ({ weight, tensor: group.weights[i]?.read() as Tensor })),
  );
  for (const { weight } of writes) resetAdapter(weight);
  for (const { weight, tensor } of writes) weight.write(tensor);
}

function mismatch(layer: Layer, group: LayerWeights): string | undefined {
  const { layer: name, weights: stored } = group;
  const weights = weightsIn(group, layer);
  if (weights.length !== stored.length) {
    const names = stored.map((tensor) => tensor.name).join(', ');
    return `expected ${weights.length} weights. Received ${stored.length} of layer "${name}" (${names}).`;
  }
  const at = weights.findIndex((weight, i) => !sameShape(weight.shape, stored[i]?.shape ?? []));
  if (at === -1) return undefined;
  const [weight, tensor] = [weights[at] as Weight, stored[at] as StoredTensor];
  return `expected ${weight.name} of shape ${formatShape(weight.shape)}. Received "${tensor.name}" of shape ${formatShape(tensor.shape)}.`;
}
