import { basename } from 'node:path';
import * as z from 'zod';
import type { TensorType } from '../core/shape.ts';
import type { Tensor } from '../core/tensor.ts';
import { ConfigError, FormatError } from '../errors.ts';
import type { Model } from '../models/model.ts';
import { readBytes, writeFileAtomic } from './atomic.ts';
import { besideOf } from './beside.ts';
import { type AttributeValue, type Hdf5Reader, type Hdf5Writer, readHdf5, writeHdf5 } from './hdf5.ts';
import { readWeights, writeWeights } from './keras-weights.ts';

/** What is written, in order. */
class Recorder implements Hdf5Writer {
  readonly datasets: [path: string, tensor: Tensor][] = [];
  readonly attributes: [path: string, name: string, value: AttributeValue][] = [];

  group(): void {}

  attribute(path: string, name: string, value: AttributeValue): void {
    this.attributes.push([path, name, value]);
  }

  dataset(path: string, tensor: Tensor): void {
    this.datasets.push([path, tensor]);
  }
}

const groupOf = (path: string): string => path.slice(0, path.lastIndexOf('/'));

/**
 * Writes weights in parts of at most `maxBytes`, as Keras's `save_weights("name.weights.json")` does: the JSON file says
 * which part `name_00000.weights.h5`, ... has which layer.
 * @throws {@link ConfigError} when one weight alone is larger than a part
 */
export async function writeSharded(model: Model, path: string, maxBytes: number): Promise<void> {
  const recorder = new Recorder();
  writeWeights(recorder, model);
  const shards = intoShards(recorder.datasets, maxBytes);
  const stem = basename(path, '.weights.json');
  const weightMap: Record<string, string | string[]> = {};
  for (const [i, datasets] of shards.entries()) {
    const name = `${stem}_${String(i).padStart(5, '0')}.weights.h5`;
    const groups = new Set(datasets.map(([of]) => groupOf(of)));
    const bytes = await writeHdf5((file) => {
      for (const [of, tensor] of datasets) file.dataset(of, tensor);
      for (const [of, key, value] of recorder.attributes) if (groups.has(of)) file.attribute(of, key, value);
    });
    await writeFileAtomic(besideOf(path, name), bytes);
    for (const group of groups) {
      const before = weightMap[`/${group}`];
      weightMap[`/${group}`] = before === undefined ? name : [...[before].flat(), name];
    }
  }
  const total = recorder.datasets.reduce((sum, [, { data }]) => sum + data.byteLength, 0);
  const config = { metadata: { total_size: total }, weight_map: weightMap };
  await writeFileAtomic(path, Buffer.from(JSON.stringify(config, null, 4)));
}

function intoShards(datasets: Recorder['datasets'], maxBytes: number): Recorder['datasets'][] {
  const shards: Recorder['datasets'][] = [[]];
  let size = 0;
  for (const dataset of datasets) {
    const { byteLength } = dataset[1].data;
    if (byteLength > maxBytes) {
      throw new ConfigError(
        `saveWeights: "${dataset[0]}" has ${byteLength} bytes, more than a part may have. Raise maxShardSize.`,
        { op: 'saveWeights', argument: 'maxShardSize', received: String(byteLength) },
      );
    }
    if (size + byteLength > maxBytes) {
      shards.push([]);
      size = 0;
    }
    shards.at(-1)?.push(dataset);
    size += byteLength;
  }
  return shards;
}

const indexSchema = z.looseObject({
  weight_map: z.record(z.string(), z.union([z.string(), z.array(z.string())])),
});

/**
 * Reads weights that lie in parts beside a `.weights.json`.
 * @throws {@link FormatError} when a file is corrupt, or the weights do not fit; the model is unchanged then
 */
export async function readSharded(model: Model, path: string): Promise<void> {
  const index = indexSchema.safeParse(parseJson(await readBytes(path), path));
  if (!index.success) throw new FormatError(`${path}: expected a "weight_map".`, { op: 'keras' });
  const shards = new Set(Object.values(index.data.weight_map).flat());
  const merged = new Map<string, Tensor>();
  for (const shard of shards) {
    const file = besideOf(path, shard);
    await readHdf5(file, (reader) => {
      for (const of of reader.paths()) {
        if (reader.kind(of) === 'dataset') merged.set(of.replace(/^\//, ''), reader.dataset(of));
      }
    });
  }
  readWeights(new MergedReader(merged), model, path);
}

function parseJson(bytes: Uint8Array, path: string): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    throw new FormatError(`${path}: no valid JSON: ${String(error)}.`, { op: 'keras', cause: error });
  }
}

/** Data sets of several files as if they were in one. */
class MergedReader implements Hdf5Reader {
  readonly #datasets: ReadonlyMap<string, Tensor>;

  constructor(datasets: ReadonlyMap<string, Tensor>) {
    this.#datasets = datasets;
  }

  paths(): string[] {
    return [...this.#datasets.keys()];
  }

  keys(group: string): string[] {
    const names = this.paths().filter((path) => path.startsWith(`${group}/`));
    return [...new Set(names.map((path) => path.slice(group.length + 1).split('/')[0] as string))];
  }

  kind(path: string): 'group' | 'dataset' | undefined {
    if (this.#datasets.has(path)) return 'dataset';
    return this.keys(path).length > 0 ? 'group' : undefined;
  }

  attributeNames(): string[] {
    return [];
  }

  attribute(): undefined {
    return undefined;
  }

  type(path: string): TensorType {
    const { dtype, shape } = this.dataset(path);
    return { dtype, shape };
  }

  dataset(path: string): Tensor {
    const tensor = this.#datasets.get(path);
    if (tensor !== undefined) return tensor;
    throw new FormatError(`the parts have no "${path}".`, { op: 'keras', received: path });
  }
}
