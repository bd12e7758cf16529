import { formatShape, type Shape, sameShape } from '../core/shape.ts';
import type { Tensor } from '../core/tensor.ts';
import { FormatError } from '../errors.ts';
import type { Layer } from '../layers/layer.ts';
import { restoreWeight, type Weight, withoutAdapters } from '../layers/weight.ts';

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
export const legacyOrder = (layer: Layer): readonly Weight[] => [
  ...withoutAdapters(layer.weights).filter((w) => w.trainable || w.adapter),
  ...withoutAdapters(layer.weights).filter((w) => !w.trainable && !w.adapter),
];

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
    if (fault === undefined) return [{ weights: legacyOrder(layer), group }];
    if (skipMismatch) return [];
    throw new FormatError(`${label}: layer "${layer.name}": ${fault}`, {
      op: 'loadWeights',
      argument: layer.name,
    });
  });
  const writes = fitting.flatMap(({ weights, group }) =>
    weights.map((weight, i) => ({ weight, tensor: group.weights[i]?.read() as Tensor })),
  );
  for (const { weight, tensor } of writes) restoreWeight(weight, tensor);
}

function mismatch(layer: Layer, { layer: name, weights: stored }: LayerWeights): string | undefined {
  const weights = legacyOrder(layer);
  if (weights.length !== stored.length) {
    const names = stored.map((tensor) => tensor.name).join(', ');
    return `expected ${weights.length} weights. Received ${stored.length} of layer "${name}" (${names}).`;
  }
  const at = weights.findIndex((weight, i) => !sameShape(weight.shape, stored[i]?.shape ?? []));
  if (at === -1) return undefined;
  const [weight, tensor] = [weights[at] as Weight, stored[at] as StoredTensor];
  return `expected ${weight.name} of shape ${formatShape(weight.shape)}. Received "${tensor.name}" of shape ${formatShape(tensor.shape)}.`;
}
