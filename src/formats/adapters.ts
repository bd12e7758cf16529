import { formatShape, type Shape, sameShape } from '../core/shape.ts';
import { scalar, type Tensor } from '../core/tensor.ts';
import { ConfigError, FormatError } from '../errors.ts';
import { Adaptable } from '../layers/lora.ts';
import { resetAdapter, type Weight } from '../layers/weight.ts';
import type { Model } from '../models/model.ts';
import { layersInside } from '../models/select-layers.ts';
import { writeFileAtomic } from './atomic.ts';
import { readSafetensors, safetensorsChunks } from './safetensors.ts';
import { requireBuilt } from './save.ts';

/** A layer that can be adapted, its weight that low-rank updates are of, and the names in files of what they are made of. */
interface Target {
  readonly layer: Adaptable;
  readonly weight: Weight;
  readonly names: { readonly a: string; readonly b: string; readonly alpha: string };
}

/** All layers that can be adapted, each once, at the first of its places. */
function targetsOf(model: Model): Target[] {
  const targets = new Map<Adaptable, Target>();
  for (const { path, layer } of layersInside(model)) {
    const [weight] = layer.ownWeights;
    if (!(layer instanceof Adaptable) || weight === undefined || targets.has(layer)) continue;
    const stem = `${path}/lora_${weight.name}`;
    targets.set(layer, { layer, weight, names: { a: `${stem}_a`, b: `${stem}_b`, alpha: `${stem}_alpha` } });
  }
  return [...targets.values()];
}

/** All weights by the places of their layers. */
const placedWeights = (model: Model): Map<Weight, string> =>
  new Map(
    layersInside(model)
      .toReversed() // the first of several places counts
      .flatMap(({ path, layer }) =>
        layer.ownWeights.map((weight) => [weight, `${path}/${weight.name}`] as const),
      ),
  );

/**
 * Writes low-rank updates, `dense/lora_kernel_a`, `_b` and `_alpha`, and all other weights that are trained.
 * @throws {@link ConfigError} for another ending, or a model that trains nothing
 */
export async function saveAdapters(model: Model, path: string): Promise<void> {
  checkEnding('saveAdapters', path);
  requireBuilt(model, 'saveAdapters');
  const adapted = targetsOf(model).filter(({ weight }) => weight.adapter !== undefined);
  const saved = new Set([
    ...adapted.flatMap(({ weight }) => weight.adapter?.weights ?? []),
    ...model.trainableWeights,
  ]);
  if (saved.size === 0) {
    throw new ConfigError(
      `saveAdapters: model "${model.name}" has no adapters and trains nothing. Call model.enableLora(rank) first.`,
      { op: 'saveAdapters' },
    );
  }
  const tensors = [...placedWeights(model)]
    .filter(([weight]) => saved.has(weight))
    .map(([weight, name]) => [name, weight.storage] as const);
  const alphas = adapted.map(({ layer, names }) => [names.alpha, scalar(layer.lora?.alpha ?? 1)] as const);
  await writeFileAtomic(path, safetensorsChunks([...tensors, ...alphas]));
}

/**
 * Reads what {@link saveAdapters} wrote; layers are adapted as the file says.
 * @throws {@link FormatError} when the file is corrupt, or its weights do not fit; the model is unchanged then
 */
export async function loadAdapters(model: Model, path: string): Promise<void> {
  checkEnding('loadAdapters', path);
  requireBuilt(model, 'loadAdapters');
  const file = new AdapterFile(await readSafetensors(path), path);
  const updates = targetsOf(model).flatMap((target) => file.update(target));
  const others = [...placedWeights(model)].flatMap(([weight, name]) => {
    const tensor = file.take(name, weight.shape);
    return tensor ? [{ weight, tensor }] : [];
  });
  file.end();
  for (const update of updates) adapt(update);
  for (const { weight, tensor } of others) weight.write(tensor);
}

/** A low-rank update as a file has it. */
interface Update {
  readonly target: Target;
  readonly alpha: number;
  readonly factors: readonly [a: Tensor, b: Tensor];
}

/** Tensors that are taken from a file one after the other. */
class AdapterFile {
  readonly #tensors: Map<string, Tensor>;
  readonly #path: string;

  constructor(tensors: Map<string, Tensor>, path: string) {
    this.#tensors = tensors;
    this.#path = path;
  }

  take(name: string, shape: Shape): Tensor | undefined {
    const tensor = this.#tensors.get(name);
    this.#tensors.delete(name);
    if (tensor === undefined || sameShape(tensor.shape, shape)) return tensor;
    throw this.#misfit(`"${name}" has shape ${formatShape(tensor.shape)}, not ${formatShape(shape)}`);
  }

  /** The update of a layer, none or one. */
  update(target: Target): Update[] {
    const { weight, names } = target;
    const rank = this.#tensors.get(names.b)?.shape[0];
    if (rank === undefined || rank < 1) return [];
    const a = this.take(names.a, [...weight.shape.slice(0, -1), rank]);
    const b = this.take(names.b, [rank, weight.shape.at(-1) as number]);
    const alpha = this.take(names.alpha, [])?.data[0];
    if (a && b && Number(alpha) > 0) return [{ target, alpha: Number(alpha), factors: [a, b] }];
    throw this.#misfit(`"${names.b}" is there without "${names.a}" or "${names.alpha}"`);
  }

  /** @throws {@link FormatError} when something was not taken */
  end(): void {
    const [name] = this.#tensors.keys();
    if (name !== undefined) throw this.#misfit(`the model has no "${name}"`);
  }

  #misfit(fault: string): FormatError {
    return new FormatError(`${this.#path}: expected adapters of this model. Received others: ${fault}.`, {
      op: 'loadAdapters',
      received: fault,
    });
  }
}

/** Gives a layer a low-rank update, in the place of the one it may have. */
function adapt({ target: { layer, weight }, alpha, factors }: Update): void {
  const [a, b] = factors;
  const rank = b.shape[0] as number;
  if (layer.lora && (layer.lora.rank !== rank || layer.lora.alpha !== alpha)) {
    resetAdapter(weight); // the kernel stays as it was
    layer.mergeLora();
  }
  if (layer.lora === undefined) layer.enableLora(rank, { alpha });
  for (const [i, tensor] of [a, b].entries()) weight.adapter?.weights[i]?.write(tensor);
}

function checkEnding(op: string, path: string): void {
  if (path.endsWith('.safetensors')) return;
  throw new ConfigError(`${op}: expected a path that ends in .safetensors. Received ${path}.`, {
    op,
    argument: 'path',
    expected: '.safetensors',
    received: path,
  });
}
