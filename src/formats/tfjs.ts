import { mkdir } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import * as z from 'zod';
import { allocate, bytesOf, type DType, viewOf } from '../core/dtype.ts';
import { sizeOf } from '../core/shape.ts';
import { Tensor } from '../core/tensor.ts';
import { ConfigError, FormatError, TfkError } from '../errors.ts';
import type { Layer } from '../layers/layer.ts';
import { withBlankWeights } from '../layers/weight.ts';
import { Model } from '../models/model.ts';
import { version } from '../version.ts';
import { readBytes, writeFileAtomic } from './atomic.ts';
import { besideOf } from './beside.ts';
import { float16 } from './half.ts';
import { toJson } from './keras-json.ts';
import { modelFromKeras, modelToKeras } from './keras-model.ts';
import { KerasOperation } from './keras-operation.ts';
import { legacyConfig, modernConfig } from './legacy-config.ts';
import { assignByLayer, type LayerWeights, legacyOrder, type StoredTensor } from './named-weights.ts';
import type { LoadOptions } from './save.ts';

const dtypes = ['float32', 'int32', 'bool', 'uint8', 'uint16', 'float16'] as const;
const entrySchema = z.looseObject({
  name: z.string(),
  shape: z.array(z.int().min(0)),
  dtype: z.enum(['float32', 'int32', 'bool']),
  quantization: z
    .looseObject({ dtype: z.enum(dtypes), scale: z.number().default(1), min: z.number().default(0) })
    .optional(),
});
type Entry = z.output<typeof entrySchema>;
const fileSchema = z.looseObject({
  format: z.string().optional(),
  modelTopology: z.record(z.string(), z.unknown()),
  weightsManifest: z.array(z.looseObject({ paths: z.array(z.string()), weights: z.array(entrySchema) })),
});

/**
 * A model that TensorFlow.js (or its converter) saved as layers: `model.json` and the parts with the weights beside it,
 * quantized ones too. It is not compiled.
 * @throws {@link FormatError} when a file is corrupt or asks for what is not supported
 */
export async function loadTfjs(path: string, { customObjects = {} }: LoadOptions): Promise<Model> {
  const { modelTopology, weightsManifest, format } = parse(await readBytes(path), path);
  if (format === 'graph-model' || 'node' in modelTopology) {
    throw new FormatError(
      `${path}: a graph model of TensorFlow has no layers. Convert the original as tfjs_layers_model.`,
      { op: 'tfjs', expected: 'layers-model', received: 'graph-model' },
    );
  }
  const stored: StoredTensor[] = [];
  let bytes = 0;
  for (const { paths, weights } of weightsManifest) {
    const parts: Uint8Array[] = [];
    for (const part of paths) parts.push(await readBytes(besideOf(path, part)));
    const data = Buffer.concat(parts);
    bytes += data.length;
    stored.push(...cutIntoTensors(weights, data, path));
  }
  return located(path, () => {
    const config = modernConfig(modelTopology.model_config ?? modelTopology, path);
    const context = { file: path, customObjects, shared: new Map() };
    const model = withBlankWeights(4 * bytes, () => modelFromKeras(config, context));
    const layers = leavesOf(model);
    assignByLayer(layers, groupsOf(layers, stored, path), { byName: true, skipMismatch: false }, path);
    return model;
  });
}

function parse(bytes: Uint8Array, path: string): z.output<typeof fileSchema> {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    throw new FormatError(`${path}: no valid JSON: ${String(error)}.`, { op: 'tfjs', cause: error });
  }
  const parsed = fileSchema.safeParse(json);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new FormatError(
    `${path}: expected the model.json of TensorFlow.js. At "${issue?.path.join('.')}": ${issue?.message}.`,
    { op: 'tfjs', argument: issue?.path.join('.') ?? '', cause: parsed.error },
  );
}

/** The tensors that lie end to end in the parts of a group. */
function cutIntoTensors(entries: readonly Entry[], data: Uint8Array, path: string): StoredTensor[] {
  let offset = 0;
  const tensors = entries.map((entry): StoredTensor => {
    const { name, shape, quantization } = entry;
    const type = quantization?.dtype ?? entry.dtype;
    const length = sizeOf(shape) * (type === 'float16' ? 2 : bytesOf(type));
    const start = offset;
    offset += length;
    return { name, shape, read: () => decode(entry, new Uint8Array(data.subarray(start, start + length))) };
  });
  if (offset === data.length) return tensors;
  throw new FormatError(
    `${path}: expected ${offset} bytes of weights in the parts. Received ${data.length}.`,
    {
      op: 'tfjs',
      expected: String(offset),
      received: String(data.length),
    },
  );
}

/** `stored * scale + min` where quantized. */
function decode({ shape, dtype, quantization }: Entry, bytes: Uint8Array): Tensor {
  const size = sizeOf(shape);
  if (quantization === undefined) return new Tensor(dtype, shape, viewOf(dtype, bytes.buffer, 0, size));
  const { dtype: type, scale, min } = quantization;
  const stored = viewOf(type === 'float16' ? 'uint16' : type, bytes.buffer, 0, size);
  const result = allocate(dtype, size);
  for (let i = 0; i < size; i++) {
    const q = Number(stored[i]);
    const value = type === 'float16' ? float16(q) : q * scale + min;
    result[i] = dtype === 'float32' ? value : Math.round(value);
  }
  return new Tensor(dtype, shape, result);
}

/** Layers that are no models, those inside of nested models included. */
const leavesOf = (layer: Layer): Layer[] => [
  ...new Set(layer instanceof Model ? layer.layers.flatMap(leavesOf) : [layer]),
];

/** Weights are called `layer/kernel`, whatever the layer stands in. */
function groupsOf(layers: readonly Layer[], stored: readonly StoredTensor[], path: string): LayerWeights[] {
  return layers
    .filter((layer) => layer.weights.length > 0)
    .map((layer) => {
      const weights = stored.filter(({ name }) => name.startsWith(`${layer.name}/`));
      if (weights.length > 0) return { layer: layer.name, weights };
      throw new FormatError(`${path}: expected weights of layer "${layer.name}". Received none.`, {
        op: 'tfjs',
        argument: layer.name,
      });
    });
}

/** Parts are of this size, which browsers keep in their caches. */
const shardBytes = 4 * 2 ** 20;

/**
 * Writes a model for TensorFlow.js: `model.json`, and the weights in parts beside it.
 * @throws {@link ConfigError} for a path of another name, or a model without weights
 */
export async function exportTfjs(model: Model, path: string): Promise<void> {
  if (!model.built || basename(path) !== 'model.json') {
    throw new ConfigError(
      model.built
        ? `export: expected a path that ends in /model.json. Received ${path}.`
        : `export: model "${model.name}" has no weights yet. Give it an input, or call it on data first.`,
      { op: 'export', received: path },
    );
  }
  const leaves = leavesOf(model);
  const operation = leaves.find((layer) => layer instanceof KerasOperation);
  if (operation) {
    throw new ConfigError(
      `export: "${operation.name}" is an operation of Keras 3 and no layer, which TensorFlow.js does not have.`,
      { op: 'export', received: operation.name },
    );
  }
  const named = leaves.flatMap((layer) =>
    legacyOrder(layer).map((weight) => ({ name: storedName(layer, weight.name), tensor: weight.merged })),
  );
  const weights = named.map(({ name, tensor: { shape, dtype } }) => ({
    name,
    shape,
    dtype: storedType(name, dtype),
  }));
  const data = Buffer.concat(
    named.map(({ tensor: { data: d } }) => new Uint8Array(d.buffer, d.byteOffset, d.byteLength)),
  );
  const count = Math.max(1, Math.ceil(data.length / shardBytes));
  const paths = Array.from({ length: count }, (_, i) => `group1-shard${i + 1}of${count}.bin`);
  // Keras's numbers, floats among them, are written as it would
  const config = JSON.parse(toJson(modelToKeras(model))) as unknown;
  const json = {
    format: 'layers-model',
    generatedBy: `tfk ${version}`,
    convertedBy: null,
    modelTopology: { ...legacyConfig(config), keras_version: 'tfk', backend: 'tensor_flow.js' },
    weightsManifest: [{ paths, weights }],
  };
  await mkdir(dirname(path), { recursive: true });
  for (const [i, name] of paths.entries()) {
    await writeFileAtomic(besideOf(path, name), data.subarray(i * shardBytes, (i + 1) * shardBytes));
  }
  await writeFileAtomic(path, Buffer.from(JSON.stringify(json)));
}

/** TensorFlow.js finds weights by name; one it calls otherwise than Keras 3. */
const storedName = (layer: Layer, weight: string): string =>
  `${layer.name}/${layer.className === 'DepthwiseConv2D' && weight === 'kernel' ? 'depthwise_kernel' : weight}`;

function storedType(name: string, dtype: DType): string {
  if (dtype === 'float32' || dtype === 'int32' || dtype === 'bool') return dtype;
  throw new ConfigError(`export: weight "${name}" is ${dtype}, which TensorFlow.js does not have.`, {
    op: 'export',
  });
}

/** Whatever goes wrong while the file is read is the file's fault. */
function located<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof FormatError) throw error;
    if (error instanceof TfkError || error instanceof RangeError) {
      throw new FormatError(`${path}: ${error.message}`, { op: 'tfjs', cause: error });
    }
    throw error;
  }
}
