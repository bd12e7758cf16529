/**
 * The messages of an ONNX file as plain objects, and their reader and writer.
 * Left out, and lost when read: quantization annotations, denotations, metadata below the model.
 * @source https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
 */
import type { Pieces } from '../core/event-loop.ts';
import { FormatError } from '../errors.ts';
import {
  counted,
  float,
  int,
  int64,
  later,
  type Message,
  mapped,
  message,
  nested,
  optional,
  repeated,
  required,
  string,
  unwritable,
} from './message.ts';
import {
  type StringStringEntryProto,
  stringEntryMessage,
  type TensorProto,
  tensorMessage,
} from './tensor-proto.ts';
import { Reader, Writer } from './wire.ts';

export type { StringStringEntryProto, TensorProto } from './tensor-proto.ts';

/** A model: a graph and the versions of the operators it uses. */
export interface ModelProto {
  readonly irVersion: number;
  readonly opsetImports: readonly OperatorSetIdProto[];
  readonly producerName: string;
  readonly producerVersion: string;
  readonly domain: string;
  readonly modelVersion: number;
  readonly docString?: string;
  readonly graph: GraphProto;
  readonly metadataProps: readonly StringStringEntryProto[];
  /** How many local functions the model had; they are not read. */
  readonly functions: number;
  /** How many training graphs the model had; they are not read. */
  readonly trainingInfos: number;
}

/** A domain of operators, `''` being ONNX's own, and its version. */
export interface OperatorSetIdProto {
  readonly domain: string;
  readonly version: number;
}

export interface GraphProto {
  readonly name: string;
  /** In an order in which they can run. */
  readonly nodes: readonly NodeProto[];
  readonly initializers: readonly TensorProto[];
  readonly inputs: readonly ValueInfoProto[];
  readonly outputs: readonly ValueInfoProto[];
  /** Types of other values. */
  readonly valueInfos: readonly ValueInfoProto[];
  readonly docString?: string;
  /** How many sparse initializers the graph had; they are not read. */
  readonly sparseInitializers: number;
}

/** One call of an operator. An input or output named `''` is left out. */
export interface NodeProto {
  readonly name: string;
  readonly domain: string;
  readonly opType: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: readonly AttributeProto[];
  readonly docString?: string;
}

/**
 * A named constant of a node. An integer is a number where that is exact (within 2^53), else a bigint;
 * a float has been rounded to 32 bits. `unsupported` keeps ONNX's number of the attribute's type.
 */
export type AttributeProto = { readonly name: string } & (
  | { readonly type: 'float'; readonly value: number }
  | { readonly type: 'int'; readonly value: number | bigint }
  | { readonly type: 'string'; readonly value: string }
  | { readonly type: 'tensor'; readonly value: TensorProto }
  | { readonly type: 'graph'; readonly value: GraphProto }
  | { readonly type: 'floats'; readonly value: readonly number[] }
  | { readonly type: 'ints'; readonly value: readonly (number | bigint)[] }
  | { readonly type: 'strings'; readonly value: readonly string[] }
  | { readonly type: 'tensors'; readonly value: readonly TensorProto[] }
  | { readonly type: 'graphs'; readonly value: readonly GraphProto[] }
  | { readonly type: 'unsupported'; readonly value: number }
);

/** A named value; the type may be missing inside a graph. */
export interface ValueInfoProto {
  readonly name: string;
  readonly type?: TypeProto;
  readonly docString?: string;
}

/** A type; a tensor without `shape` has an unknown rank. */
export type TypeProto =
  | { readonly kind: 'tensor'; readonly elementType: number; readonly shape?: readonly DimProto[] }
  | { readonly kind: 'unsupported'; readonly what: string };

/** A size, the name of an unknown size, or null. */
export type DimProto = number | string | null;

/**
 * Reads a model.
 * @throws {@link FormatError} when `data` is truncated, corrupt or no ONNX model
 */
export function decodeModel(data: Uint8Array): ModelProto {
  return modelMessage.read(new Reader(data));
}

/**
 * Writes a model. Tensors are copied once, into the result.
 * @throws {@link FormatError} when it holds what was not read in full, a tensor whose data do not fit its
 *   dims, or more than 2 GiB
 */
export function encodeModel(model: ModelProto): Uint8Array {
  return encode(modelMessage, model);
}

/**
 * Writes a model for a reader of all protobuf, in pieces: the graph comes in many parts, which such a reader joins.
 * @throws {@link FormatError} as {@link encodeModel}
 */
export function* encodingModel(model: ModelProto): Pieces<Uint8Array> {
  const writer = new Writer();
  modelMessage.write(writer, { ...model, graph: { ...model.graph, nodes: [] } });
  for (const node of model.graph.nodes) {
    yield;
    modelOfNodesMessage.write(writer, { graph: { nodes: [node] } });
  }
  return writer.finish();
}

/**
 * Reads a tensor that is a file of its own.
 * @throws {@link FormatError} when `data` is truncated, corrupt or no ONNX tensor
 */
export function decodeTensor(data: Uint8Array): TensorProto {
  return tensorMessage.read(new Reader(data));
}

/**
 * Writes a tensor as a file of its own.
 * @throws {@link FormatError} when its data do not fit its dims
 */
export function encodeTensor(tensor: TensorProto): Uint8Array {
  return encode(tensorMessage, tensor);
}

function encode<T>(codec: Message<T>, value: T): Uint8Array {
  const writer = new Writer();
  codec.write(writer, value);
  return writer.finish();
}

interface DimFields {
  readonly size: number | undefined;
  readonly symbol: string | undefined;
}
const dimMessage: Message<DimProto> = mapped(
  message<DimFields>({ size: optional(1, int), symbol: optional(2, string) }),
  ({ size, symbol }) => size ?? (symbol || null),
  (dim) => ({
    size: typeof dim === 'number' ? dim : undefined,
    symbol: typeof dim === 'string' ? dim : undefined,
  }),
);
const shapeMessage = message<{ readonly dims: readonly DimProto[] }>({
  dims: repeated(1, nested(dimMessage)),
});

interface TensorTypeFields {
  readonly elementType: number;
  readonly shape: { readonly dims: readonly DimProto[] } | undefined;
}
const tensorTypeMessage = message<TensorTypeFields>({
  elementType: required(1, int, 0),
  shape: optional(2, nested(shapeMessage)),
});

const otherTypes = ['sequence', 'map', 'opaque', 'sparseTensor', 'optional'] as const;
type TypeFields = { readonly tensor: TensorTypeFields | undefined } & {
  readonly [K in (typeof otherTypes)[number]]: number;
};
const typeMessage: Message<TypeProto> = mapped(
  message<TypeFields>({
    tensor: optional(1, nested(tensorTypeMessage)),
    sequence: counted(4, 'a sequence type'),
    map: counted(5, 'a map type'),
    opaque: counted(7, 'an opaque type'),
    sparseTensor: counted(8, 'a sparse tensor type'),
    optional: counted(9, 'an optional type'),
  }),
  typeFromFields,
  typeToFields,
);

function typeFromFields(fields: TypeFields): TypeProto {
  const { tensor } = fields;
  if (tensor === undefined) {
    return { kind: 'unsupported', what: otherTypes.find((other) => fields[other] > 0) ?? 'none' };
  }
  const { elementType, shape } = tensor;
  return { kind: 'tensor', elementType, ...(shape && { shape: shape.dims }) };
}

function typeToFields(type: TypeProto): Partial<TypeFields> {
  if (type.kind === 'unsupported') {
    throw unwritable(`a value of type ${type.what}`);
  }
  const { elementType, shape } = type;
  return { tensor: { elementType, shape: shape && { dims: shape } } };
}

const valueInfoMessage = message<ValueInfoProto>({
  name: required(1, string, ''),
  type: optional(2, nested(typeMessage)),
  docString: optional(3, string),
});

const lateGraphMessage = later(() => graphMessage);

/** `AttributeProto.AttributeType` from 1, and the names of the fields that hold the values. */
const attributeTypes = [
  'float',
  'int',
  'string',
  'tensor',
  'graph',
  'floats',
  'ints',
  'strings',
  'tensors',
  'graphs',
] as const;
interface AttributeFields {
  readonly name: string;
  readonly float: number | undefined;
  readonly int: number | bigint | undefined;
  readonly string: string | undefined;
  readonly tensor: TensorProto | undefined;
  readonly graph: GraphProto | undefined;
  readonly floats: readonly number[];
  readonly ints: readonly (number | bigint)[];
  readonly strings: readonly string[];
  readonly tensors: readonly TensorProto[];
  readonly graphs: readonly GraphProto[];
  readonly typeNumber: number;
  /** The attribute of the surrounding function that gives the value. */
  readonly reference: string;
}
const attributeMessage: Message<AttributeProto> = mapped(
  message<AttributeFields>({
    name: required(1, string, ''),
    float: optional(2, float),
    int: optional(3, int64),
    string: optional(4, string),
    tensor: optional(5, nested(tensorMessage)),
    graph: optional(6, nested(lateGraphMessage)),
    floats: repeated(7, float),
    ints: repeated(8, int64),
    strings: repeated(9, string),
    tensors: repeated(10, nested(tensorMessage)),
    graphs: repeated(11, nested(lateGraphMessage)),
    typeNumber: required(20, int, 0),
    reference: required(21, string, ''),
  }),
  attributeFromFields,
  attributeToFields,
);

function attributeFromFields(fields: AttributeFields): AttributeProto {
  const { name, typeNumber, reference } = fields;
  const type = reference === '' ? attributeTypes[typeNumber - 1] : undefined;
  switch (type) {
    case undefined:
      return { name, type: 'unsupported', value: typeNumber };
    case 'float':
      return { name, type, value: fields.float ?? 0 };
    case 'int':
      return { name, type, value: fields.int ?? 0 };
    case 'string':
      return { name, type, value: fields.string ?? '' };
    case 'tensor':
      return { name, type, value: given(fields.tensor, `attribute "${name}"`, 'a tensor') };
    case 'graph':
      return { name, type, value: given(fields.graph, `attribute "${name}"`, 'a graph') };
    case 'floats':
      return { name, type, value: fields.floats };
    case 'ints':
      return { name, type, value: fields.ints };
    case 'strings':
      return { name, type, value: fields.strings };
    case 'tensors':
      return { name, type, value: fields.tensors };
    case 'graphs':
      return { name, type, value: fields.graphs };
  }
}

function attributeToFields({ name, type, value }: AttributeProto): Partial<AttributeFields> {
  if (type === 'unsupported') {
    throw unwritable(`attribute "${name}" of type ${value}`);
  }
  return { name, typeNumber: 1 + attributeTypes.indexOf(type), [type]: value };
}

const nodeMessage = message<NodeProto>({
  inputs: repeated(1, string),
  outputs: repeated(2, string),
  name: required(3, string, ''),
  opType: required(4, string, ''),
  attributes: repeated(5, nested(attributeMessage)),
  docString: optional(6, string),
  domain: required(7, string, ''),
});

const nodesField = repeated(1, nested(nodeMessage));
const graphMessage: Message<GraphProto> = message<GraphProto>({
  nodes: nodesField,
  name: required(2, string, ''),
  initializers: repeated(5, nested(tensorMessage)),
  docString: optional(10, string),
  inputs: repeated(11, nested(valueInfoMessage)),
  outputs: repeated(12, nested(valueInfoMessage)),
  valueInfos: repeated(13, nested(valueInfoMessage)),
  sparseInitializers: counted(15, 'a sparse initializer'),
});

const operatorSetIdMessage = message<OperatorSetIdProto>({
  domain: required(1, string, ''),
  version: required(2, int, 0),
});

const graphNumber = 7;
const modelOfNodesMessage = message<{ readonly graph: Pick<GraphProto, 'nodes'> }>({
  graph: required(graphNumber, nested(message<Pick<GraphProto, 'nodes'>>({ nodes: nodesField })), {
    nodes: [],
  }),
});
type ModelFields = Omit<ModelProto, 'graph'> & { readonly graph: GraphProto | undefined };
const modelMessage: Message<ModelProto> = mapped(
  message<ModelFields>({
    irVersion: required(1, int, 0),
    producerName: required(2, string, ''),
    producerVersion: required(3, string, ''),
    domain: required(4, string, ''),
    modelVersion: required(5, int, 0),
    docString: optional(6, string),
    graph: optional(graphNumber, nested(graphMessage)),
    opsetImports: repeated(8, nested(operatorSetIdMessage)),
    metadataProps: repeated(14, nested(stringEntryMessage)),
    trainingInfos: counted(20, 'a training graph'),
    functions: counted(25, 'a local function'),
  }),
  (fields) => ({ ...fields, graph: given(fields.graph, 'model', 'a graph') }),
  (model) => model,
);

function given<T>(value: T | undefined, where: string, expected: string): T {
  if (value === undefined) {
    throw new FormatError(
      `ONNX ${where}: expected ${expected}. Received none. The file is corrupt or of another format.`,
      { expected, received: 'none' },
    );
  }
  return value;
}
