import * as z from 'zod';
import { parseOptions } from '../core/configured.ts';
import { dtypeFromOnnx, isFloat, onnxDtype } from '../core/dtype.ts';
import { formatShape, type PartialShape } from '../core/shape.ts';
import { Tensor } from '../core/tensor.ts';
import { ConfigError, FormatError, TfkError } from '../errors.ts';
import { input as leaf, type Value } from '../ir/graph.ts';
import { activation } from '../layers/activation.ts';
import { input } from '../layers/input.ts';
import type { SymbolicTensor } from '../layers/symbolic.ts';
import { Functional } from '../models/functional.ts';
import type { Model } from '../models/model.ts';
import { foldNormalization } from '../onnx/fold-normalization.ts';
import { cutGraph, hoistConstants } from '../onnx/graph-edit.ts';
import {
  decodeModel,
  encodeModel,
  type GraphProto,
  type ModelProto,
  type TensorProto,
  type ValueInfoProto,
} from '../onnx/proto.ts';
import { readDecoded } from '../onnx/read.ts';
import { protoFromTensor, tensorFromProto } from '../onnx/tensors.ts';
import { readBatchNormalization } from '../ops/onnx-normalization.ts';
import { readBytes } from './atomic.ts';
import { readExternalData } from './onnx-external.ts';
import { OnnxGraph, type OnnxGraphOptions, openReshape, withReaders } from './onnx-graph.ts';

const optionsSchema = z.strictObject({
  /** Values to put out instead of the file's own outputs: any that the file names. */
  outputs: z.array(z.string()).min(1).readonly().optional(),
  /** Weights to hold fixed: those whose name a pattern finds. */
  freeze: z
    .array(z.union([z.string(), z.instanceof(RegExp)]))
    .readonly()
    .default([]),
  /** Shapes of inputs, where the graph does not work with unknown sizes: `{ x: [null, 3, 224, 224] }`. */
  inputShapes: z.record(z.string(), z.array(z.int().min(0).nullable())).default({}),
  /** Inputs that are fixed to a value, so that shapes may depend on them. */
  constants: z.record(z.string(), z.instanceof(Tensor)).default({}),
  /**
   * `live`: while training, statistics of the batch, as in Keras; `fixed`: those of the file; `folded`: these made part of
   * the weights of the convolution or matrix product before, where there is one.
   */
  batchNormalization: z.enum(['live', 'fixed', 'folded']).default('live'),
});
/** How an ONNX file becomes a model. */
export type OnnxLoadOptions = z.input<typeof optionsSchema>;
type Options = z.output<typeof optionsSchema>;

/**
 * A trainable model of an ONNX file: one {@link OnnxGraph} between inputs and outputs named as in the file. Stored float32
 * tensors of at least one axis become weights, unless a shape depends on them.
 * @throws {@link FormatError} when the file is corrupt, or uses what is not supported
 */
export async function loadOnnx(path: string, options: OnnxLoadOptions = {}): Promise<Model> {
  const given = parseOptions(optionsSchema, options, 'loadModel: onnx');
  const bytes = await readBytes(path);
  const model = await readExternalData(
    located(path, () => decodeModel(bytes)),
    path,
  );
  return located(path, () => importOnnx(model, given));
}

function importOnnx(model: ModelProto, options: Options): Model {
  const hoisted = withFixedInputs(hoistConstants(model.graph), options.constants);
  const cut = cutGraph(hoisted, options.outputs ?? hoisted.outputs.map(({ name }) => name));
  const stored = new Map(hoisted.initializers.map((proto) => [proto.name, proto]));
  const graph = { ...cut, inputs: cut.inputs.filter(({ name }) => !stored.has(name)) };
  if (graph.inputs.length === 0) {
    throw new FormatError('ONNX: the file has no inputs; a model needs one.', { op: 'onnx' });
  }
  const { batchNormalization } = options;
  if (batchNormalization === 'folded') {
    const { facts } = inspect({ ...model, graph }, options);
    return assemble({ ...model, graph: foldNormalization(graph, facts.statistics) }, options);
  }
  return assemble({ ...model, graph }, options);
}

/** The model of a graph that has all its weights as initializers. */
function assemble(model: ModelProto, options: Options): Model {
  const { graph } = model;
  const { shapes, facts, writtenFor } = inspect(model, options);
  const weights = graph.initializers.filter(isWeight).filter(({ name }) => !facts.fixed.has(name));
  const isStored = new Set(weights.map(({ name }) => name));
  const structure: GraphProto = {
    ...graph,
    initializers: graph.initializers.filter(({ name }) => !isStored.has(name)),
  };
  const layer = new OnnxGraph({
    name: layerName(graph.name || 'onnx_graph'),
    graph: Buffer.from(
      encodeModel({ ...model, docString: '', metadataProps: [], graph: structure }),
    ).toString('base64'),
    weights: weights.map((proto) => weightOption(proto, facts.statistics, options)),
    batchNormalization: options.batchNormalization === 'live' ? 'live' : 'fixed',
    writtenFor,
  });
  const inputs = graph.inputs.map((info, i) => inputOf(info, shapes[i] as PartialShape, layer.name));
  const outputs = layer.applyMulti(inputs).map((y, i) => outputOf(y, graph.outputs[i]?.name ?? '', inputs));
  const byName = new Map(layer.ownWeights.map((weight) => [weight.name, weight]));
  for (const proto of weights) byName.get(proto.name)?.write(tensorFromProto(proto));
  return new Functional({ name: `${layer.name}_model`, inputs, outputs });
}

/** Inputs become stored tensors. */
function withFixedInputs(graph: GraphProto, constants: Options['constants']): GraphProto {
  const names = Object.keys(constants);
  checkInputNames(graph, names, 'constants');
  const fixed = Object.entries(constants).map(([name, tensor]) => protoFromTensor(name, tensor));
  return {
    ...graph,
    inputs: graph.inputs.filter(({ name }) => !names.includes(name)),
    initializers: [...graph.initializers.filter(({ name }) => !names.includes(name)), ...fixed],
  };
}

function checkInputNames(graph: GraphProto, names: readonly string[], option: string): void {
  const known = graph.inputs.map(({ name }) => name);
  const unknown = names.find((name) => !known.includes(name));
  if (unknown === undefined) return;
  throw new ConfigError(
    `loadModel: onnx.${option}: the file has no input "${unknown}". Its inputs: ${known.join(', ')}.`,
    { op: 'loadModel', argument: option, expected: known.join(', '), received: unknown },
  );
}

const isWeight = ({ elementType, dims }: TensorProto): boolean =>
  elementType === onnxDtype('float32') && dims.length > 0 && !dims.includes(0);

function weightOption(
  { name, dims }: TensorProto,
  statistics: Facts['statistics'],
  { freeze }: Options,
): OnnxGraphOptions['weights'][number] {
  const frozen = freeze.some((pattern) => new RegExp(pattern).test(name));
  return { name, shape: [...dims], learnable: !statistics.has(name), frozen };
}

/** What is known of weights once the graph has been read. */
interface Facts {
  /** Weights whose elements decide about shapes, so that they must stay as they are. */
  readonly fixed: ReadonlySet<string>;
  /** Running means and variances, with the number of axes of what they normalize. */
  readonly statistics: ReadonlyMap<string, number>;
}

/**
 * Reads the graph to find out about its weights, and whether the batch size can stay open. A batch size that the file
 * fixes is opened where the graph then gives as many results as samples.
 */
function inspect(
  model: ModelProto,
  { inputShapes }: Options,
): {
  readonly shapes: readonly PartialShape[];
  readonly facts: Facts;
  /** The batch size that was opened. */
  readonly writtenFor: number | null;
} {
  const { graph } = model;
  const weights = graph.initializers.filter(isWeight);
  checkInputNames(graph, Object.keys(inputShapes), 'inputShapes');
  const declared = graph.inputs.map((info) => inputShapes[info.name] ?? declaredShape(info));
  const opened = graph.inputs.map((info, i): PartialShape => {
    const shape = declared[i] as PartialShape;
    return info.name in inputShapes || shape.length === 0 ? shape : [null, ...shape.slice(1)];
  });
  const written = declared.find((shape, i) => shape[0] !== opened[i]?.[0])?.[0] ?? null;
  const found = written === null ? undefined : surveyOpened(model, weights, opened, written);
  if (found) return { shapes: opened, facts: found, writtenFor: written };
  return { shapes: declared, facts: survey(model, weights, declared).facts, writtenFor: null };
}

/** What is found with a batch size that the file does not have; `undefined` where the graph does not work with it. */
function surveyOpened(
  model: ModelProto,
  weights: readonly TensorProto[],
  shapes: readonly PartialShape[],
  written: number,
): Facts | undefined {
  try {
    const { facts, outputs } = survey(model, weights, shapes, written);
    return outputs.every((y) => y.shape[0] === standIn) ? facts : undefined;
  } catch (error) {
    if (error instanceof TfkError) return undefined;
    throw error;
  }
}

/** Stands for unknown sizes; a prime, so that it is not met by chance. */
const standIn = 1009;

/** Reads the graph with its weights as inputs, and notes what is asked of them. */
function survey(
  model: ModelProto,
  weights: readonly TensorProto[],
  shapes: readonly PartialShape[],
  writtenFor: number | null = null,
): { readonly facts: Facts; readonly outputs: readonly Value[] } {
  const stored = new Map<Value, { readonly name: string; readonly tensor: Tensor }>();
  const values = new Map<string, Value>();
  for (const proto of weights) {
    const tensor = tensorFromProto(proto);
    const value = leaf(proto.name, { dtype: tensor.dtype, shape: tensor.shape });
    stored.set(value, { name: proto.name, tensor });
    values.set(proto.name, value);
  }
  for (const [i, info] of model.graph.inputs.entries()) {
    const shape = (shapes[i] as PartialShape).map((n) => n ?? standIn);
    values.set(info.name, leaf(info.name, { dtype: inputDtype(info), shape }));
  }
  const fixed = new Set<string>();
  const statistics = new Map<string, number>();
  const known = (value: Value): Tensor | undefined => {
    const weight = stored.get(value);
    if (weight) fixed.add(weight.name);
    return weight?.tensor;
  };
  const readers = withReaders({
    BatchNormalization: (node) => {
      for (const position of [3, 4])
        statistics.set(stored.get(node.input(position))?.name ?? '', node.input(0).rank);
      return readBatchNormalization(node);
    },
    ...(writtenFor && { Reshape: openReshape(writtenFor, standIn) }),
  });
  const { graph } = readDecoded(model, readers, { values, known });
  return { facts: { fixed, statistics }, outputs: graph.outputs.map(({ value }) => value) };
}

function declaredShape({ name, type }: ValueInfoProto): PartialShape {
  if (type?.kind === 'tensor' && type.shape !== undefined) {
    return type.shape.map((dim) => (typeof dim === 'number' && dim > 0 ? dim : null));
  }
  throw new FormatError(
    `ONNX: input "${name}" is no tensor of a known rank. Give its shape: onnx: { inputShapes: { ${JSON.stringify(name)}: [null, 3] } }.`,
    { op: 'onnx', argument: 'inputShapes' },
  );
}

function inputDtype({ name, type }: ValueInfoProto): ReturnType<typeof dtypeFromOnnx> {
  if (type?.kind === 'tensor') return dtypeFromOnnx(type.elementType);
  throw new FormatError(
    `ONNX: input "${name}" is of type ${type?.what ?? 'unknown'}; only tensors are supported.`,
    {
      op: 'onnx',
    },
  );
}

function inputOf(info: ValueInfoProto, shape: PartialShape, taken: string): SymbolicTensor {
  if (shape.length === 0) {
    throw new FormatError(`ONNX: input "${info.name}" is a scalar; a model's inputs have a batch axis.`, {
      op: 'onnx',
      received: formatShape(shape),
    });
  }
  const [batchSize = null, ...sample] = shape;
  const name = layerName(info.name);
  return input({
    name: name === taken ? `${name}_input` : name,
    shape: sample,
    batchSize,
    dtype: inputDtype(info),
  });
}

/** An output under its own name; one of whole numbers has that of the graph. */
function outputOf(y: SymbolicTensor, name: string, inputs: readonly SymbolicTensor[]): SymbolicTensor {
  if (!isFloat(y.dtype)) return y;
  const taken = [y, ...inputs].map(({ origin }) => origin.call.layer.name);
  const own = layerName(name);
  return activation({ activation: 'linear', name: taken.includes(own) ? `${own}_output` : own }).apply(y);
}

/** Layers have no `/` in their names. */
const layerName = (name: string): string => name.replaceAll('/', '_');

/** Whatever goes wrong while the file is read names the file. */
function located<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    if (error instanceof TfkError || error instanceof RangeError) {
      const argument = error instanceof TfkError ? error.argument : undefined;
      throw new FormatError(`${path}: ${error.message}`, {
        op: 'onnx',
        cause: error,
        ...(argument !== undefined && { argument }),
      });
    }
    throw error;
  }
}
