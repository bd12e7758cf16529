import { snakeCase } from '../core/registry.ts';
import { formatShape, type Shape, sameShape } from '../core/shape.ts';
import type { Tensor } from '../core/tensor.ts';
import { FormatError } from '../errors.ts';
import type { Layer } from '../layers/layer.ts';
import { keepsState } from '../layers/layer-state.ts';
import { restoreWeight, type Weight, withoutAdapters } from '../layers/weight.ts';
import { Model } from '../models/model.ts';
import { type Optimizer, slotPlaces } from '../optimizers/index.ts';
import type { Hdf5Reader, Hdf5Writer } from './hdf5.ts';

/** A layer's own weights and the group of the file that holds them. */
interface WeightGroup {
  readonly path: string;
  readonly name: string;
  readonly weights: readonly Weight[];
  readonly layer: Layer;
}

/**
 * All groups of a model. Members of a model are numbered by class, in order: `layers/dense`, `layers/dense_1`; a layer
 * that was seen before has no group of its own.
 */
export function weightGroups(model: Layer): WeightGroup[] {
  const groups: WeightGroup[] = [];
  const seen = new Set<Layer>();
  const visit = (layer: Layer, path: string): void => {
    if (seen.has(layer)) return;
    seen.add(layer);
    groups.push({ path, name: layer.name, weights: withoutAdapters(layer.ownWeights), layer });
    const counts = new Map<string, number>();
    for (const member of layer instanceof Model ? layer.layers : layer.sublayers) {
      const name =
        layer instanceof Model ? numbered(snakeCase(member.className), counts) : layer.attributeOf(member);
      const inside = layer instanceof Model ? `layers/${name}` : name;
      visit(member, path === '' ? inside : `${path}/${inside}`);
    }
  };
  visit(model, '');
  return groups;
}

function numbered(name: string, counts: Map<string, number>): string {
  const count = counts.get(name) ?? 0;
  counts.set(name, count + 1);
  return count === 0 ? name : `${name}_${count}`;
}

/** The group that holds the variables of a layer. */
const variablesOf = (path: string): string => (path === '' ? 'vars' : `${path}/vars`);

/** Writes all weights under Keras's paths. */
export function writeWeights(file: Hdf5Writer, model: Layer): void {
  for (const { path, name, weights, layer } of weightGroups(model)) {
    writeVariables(
      file,
      path,
      name,
      weights.map((w) => w.merged),
    );
    const named = keepsState(layer) ? Object.entries(layer.fileState.tensors ?? {}) : [];
    for (const [key, tensor] of named) file.dataset(`${variablesOf(path)}/${key}`, tensor);
  }
}

/** Writes what an optimizer remembers. */
export function writeOptimizer(file: Hdf5Writer, name: string, variables: readonly Tensor[]): void {
  writeVariables(file, 'optimizer', name, variables);
}

function writeVariables(file: Hdf5Writer, path: string, name: string, tensors: readonly Tensor[]): void {
  const group = variablesOf(path);
  file.group(group);
  file.attribute(group, 'name', name);
  for (const [i, tensor] of tensors.entries()) file.dataset(`${group}/${i}`, tensor);
}

/**
 * Reads all weights of a built model; groups that the model does not have are left alone. Nothing is changed unless
 * everything fits.
 * @throws {@link FormatError} when a weight is missing or has another shape
 */
export function readWeights(file: Hdf5Reader, model: Layer, label: string): void {
  const found = weightGroups(model).flatMap(({ path, name, weights }) => {
    const group = variablesOf(path);
    const count = countVariables(file, group);
    if (count !== weights.length) {
      const names = weights.map((w) => w.name).join(', ');
      throw new FormatError(
        `${label}: layer "${name}": expected ${weights.length} weights${names && ` (${names})`} in "${group}". ` +
          `Received ${count}. Is the file of a model with the same layers in the same order?`,
        { op: 'keras', expected: String(weights.length), received: String(count) },
      );
    }
    return weights.map((weight, i) => ({ weight, path: `${group}/${i}` }));
  });
  for (const { weight, path } of found)
    checkShape(file, path, weight.shape, `weight "${weight.path}"`, label);
  for (const { weight, path } of found) restoreWeight(weight, file.dataset(path));
}

/** {@link optimizerTensors} of a `.keras` file. */
export function readOptimizer(
  file: Hdf5Reader,
  optimizer: Optimizer,
  weights: readonly Weight[],
  label: string,
): Tensor[] | undefined {
  const group = variablesOf('optimizer');
  const paths = Array.from({ length: countVariables(file, group) }, (_, i) => `${group}/${i}`);
  return optimizerTensors(file, paths, optimizer, weights, label);
}

/**
 * The variables of an optimizer, in its order; `undefined` when the file has none for all of the weights, as it was
 * saved before training or with other layers frozen.
 * @param paths - where they are
 * @param weights - those that are trained
 * @throws {@link FormatError} when a variable has another shape
 */
export function optimizerTensors(
  file: Hdf5Reader,
  paths: readonly string[],
  optimizer: Optimizer,
  weights: readonly Weight[],
  label: string,
): Tensor[] | undefined {
  const shapes = variableShapes(optimizer, weights);
  if (paths.length !== shapes.length) return undefined;
  for (const [i, path] of paths.entries()) {
    checkShape(file, path, shapes[i] as Shape, `variable ${i} of the optimizer`, label);
  }
  return paths.map((path) => file.dataset(path));
}

/** Shapes of an optimizer's variables, before there are any. */
function variableShapes(optimizer: Optimizer, weights: readonly Weight[]): Shape[] {
  const counters = typeof optimizer.options.learningRate === 'number' ? [[], []] : [[]];
  const slots = slotPlaces(optimizer, weights).map(({ shape }) => shape);
  return [...counters, ...slots, ...(optimizer.shared?.slots ?? []).map(() => [])];
}

/** Puts variables that were read into the optimizer of a model, where there are any. */
export async function restoreOptimizer(model: Model, tensors: readonly Tensor[] | undefined): Promise<void> {
  const store = tensors && (await model.compiled?.ensureStore());
  for (const [i, variable] of (store?.state.variables ?? []).entries())
    variable.write(tensors?.[i] as Tensor);
}

const keysOf = (file: Hdf5Reader, group: string): readonly string[] =>
  file.kind(group) === 'group' ? file.keys(group) : [];

/** Weights have numbers, other state of a layer has names. */
const isNumber = (key: string): boolean => /^\d+$/.test(key);

/** State of a layer that is no weight, by name. */
export function namedVariables(file: Hdf5Reader, path: string): Record<string, Tensor> {
  const group = variablesOf(path);
  const names = keysOf(file, group).filter((key) => !isNumber(key));
  return Object.fromEntries(names.map((name) => [name, file.dataset(`${group}/${name}`)]));
}

const countVariables = (file: Hdf5Reader, group: string): number =>
  keysOf(file, group).filter(isNumber).length;

function checkShape(file: Hdf5Reader, path: string, shape: Shape, what: string, label: string): void {
  const received = file.type(path).shape;
  if (sameShape(received, shape)) return;
  throw new FormatError(
    `${label}: ${path}: expected shape ${formatShape(shape)} of ${what}. Received ${formatShape(received)}.`,
    { op: 'keras', expected: formatShape(shape), received: formatShape(received) },
  );
}
