import * as z from 'zod';
import { formatShape, sameShape } from '../core/shape.ts';
import type { Tensor } from '../core/tensor.ts';
import { ConfigError, FormatError } from '../errors.ts';
import { restoreWeight, type Weight, withoutAdapters } from '../layers/weight.ts';
import type { Model } from '../models/model.ts';
import { readBytes, writeFileAtomic } from './atomic.ts';
import { besideOf } from './beside.ts';
import { readNpz } from './npy.ts';
import { writeNpz } from './npz-writer.ts';
import { readSafetensors, safetensorsChunks } from './safetensors.ts';
import { exists, loadWeights as loadKeras, requireBuilt, type SaveOptions, saveModel } from './save.ts';
import { readSharded, writeSharded } from './sharded-weights.ts';

/** Options of {@link loadWeights}. */
export interface LoadWeightsOptions {
  /** Leaves weights as they are that the file lacks, or has in another shape. Default `false`. */
  readonly skipMismatch?: boolean;
  /** Of a legacy `.h5`: layers are found by their names, not by their order. Default `false`. */
  readonly byName?: boolean;
}

/** Options of {@link saveWeights}. */
export interface SaveWeightsOptions extends SaveOptions {
  /** Bytes of each part that a `.weights.json` refers to. Default 2 GiB. */
  readonly maxShardSize?: number;
}

const endings = '.weights.h5, .weights.json (in parts), .safetensors or .npz';

/**
 * Writes a model's weights; the ending of the path tells the format.
 * @throws {@link ConfigError} for another ending, a file that is there and `overwrite: false`, or a model without weights
 */
export async function saveWeights(
  model: Model,
  path: string,
  options: SaveWeightsOptions = {},
): Promise<void> {
  const { overwrite = true, maxShardSize = 2 ** 31 } = options;
  requireBuilt(model, 'saveWeights');
  if (path.endsWith('.weights.h5')) return saveModel(model, path, { overwrite });
  if (!overwrite && (await exists(path))) {
    throw new ConfigError(`${path} exists already. Pass { overwrite: true } to replace it.`, {
      op: 'saveWeights',
      argument: 'overwrite',
    });
  }
  if (path.endsWith('.weights.json')) return writeSharded(model, path, maxShardSize);
  const tensors = [...namedWeights(model)].map(([name, weight]) => [name, weight.merged] as const);
  if (path.endsWith('.safetensors')) return writeFileAtomic(path, safetensorsChunks(tensors));
  if (path.endsWith('.npz')) return writeFileAtomic(path, writeNpz(tensors));
  throw unknownEnding('saveWeights', path, endings);
}

/**
 * Reads weights into a model; the ending of the path tells the format. A `.safetensors.index.json` stands for the files
 * it lists. The model is unchanged when something does not fit.
 * @throws {@link FormatError} when the file is corrupt, or its weights do not fit
 */
export async function loadWeights(
  model: Model,
  path: string,
  options: LoadWeightsOptions = {},
): Promise<void> {
  requireBuilt(model, 'loadWeights');
  if (/\.keras$|\.weights\.h5$/.test(path)) return loadKeras(model, path);
  if (path.endsWith('.weights.json')) return readSharded(model, path);
  if (/\.(h5|hdf5)$/.test(path)) {
    const { loadLegacyWeights } = await import('./legacy-h5.ts');
    return loadLegacyWeights(model, path, options);
  }
  const tensors = await readNamed(path);
  assign(model, tensors, path, options.skipMismatch ?? false);
}

async function readNamed(path: string): Promise<Map<string, Tensor>> {
  if (path.endsWith('.safetensors')) return readSafetensors(path);
  if (path.endsWith('.npz')) return readNpz(path);
  if (path.endsWith('.safetensors.index.json')) return readIndexed(path);
  throw unknownEnding('loadWeights', path, `${endings}, .keras, .h5 or .safetensors.index.json`);
}

const indexSchema = z.looseObject({ weight_map: z.record(z.string(), z.string()) });

/** The tensors of all files that an index names; they lie beside it. */
async function readIndexed(path: string): Promise<Map<string, Tensor>> {
  const text = Buffer.from(await readBytes(path)).toString('utf8');
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new FormatError(`${path}: no valid JSON: ${String(error)}.`, { op: 'safetensors', cause: error });
  }
  const index = indexSchema.safeParse(json);
  if (!index.success) throw new FormatError(`${path}: expected a "weight_map".`, { op: 'safetensors' });
  const parts = new Set(Object.values(index.data.weight_map));
  const all = new Map<string, Tensor>();
  for (const part of parts) {
    for (const [name, tensor] of await readSafetensors(besideOf(path, part))) all.set(name, tensor);
  }
  return all;
}

/** Weights by the names they have in files: their paths inside the model. */
export function namedWeights(model: Model): Map<string, Weight> {
  const named = new Map<string, Weight>();
  for (const weight of withoutAdapters(model.weights)) {
    const { path } = weight;
    const name = path.startsWith(`${model.name}/`) ? path.slice(model.name.length + 1) : path;
    if (named.has(name)) {
      throw new ConfigError(
        `model "${model.name}": two weights are called "${name}". Name the layers apart.`,
        {
          argument: 'name',
        },
      );
    }
    named.set(name, weight);
  }
  return named;
}

/** Puts tensors into the weights of the same names; dots may stand for slashes, as in PyTorch. */
function assign(
  model: Model,
  tensors: ReadonlyMap<string, Tensor>,
  path: string,
  skipMismatch: boolean,
): void {
  const found: [Weight, Tensor][] = [];
  const faults: string[] = [];
  const isUnique = (weight: Weight): boolean =>
    model.weights.every((w) => w === weight || w.name !== weight.name);
  for (const [name, weight] of namedWeights(model)) {
    const tensor =
      tensors.get(name) ??
      tensors.get(name.replaceAll('/', '.')) ??
      (isUnique(weight) ? tensors.get(weight.name) : undefined);
    if (tensor === undefined) faults.push(`"${name}" is missing`);
    else if (!sameShape(tensor.shape, weight.shape)) {
      faults.push(`"${name}" has shape ${formatShape(tensor.shape)}, not ${formatShape(weight.shape)}`);
    } else found.push([weight, tensor]);
  }
  if (found.length === 0 || (faults.length > 0 && !skipMismatch)) {
    const names = [...tensors.keys()].slice(0, 10).join(', ');
    throw new FormatError(
      `${path}: expected the weights of model "${model.name}". Received others: ${faults.slice(0, 5).join('; ')}` +
        `${faults.length > 5 ? `; ${faults.length} in all` : ''}. The file has: ${names}. ` +
        'Pass { skipMismatch: true } to take what fits.',
      { op: 'loadWeights', received: faults[0] ?? '' },
    );
  }
  for (const [weight, tensor] of found) restoreWeight(weight, tensor);
}

const unknownEnding = (op: string, path: string, expected: string): ConfigError =>
  new ConfigError(`${op}: expected a path that ends in ${expected}. Received ${path}.`, {
    op,
    argument: 'path',
    expected,
    received: path,
  });
