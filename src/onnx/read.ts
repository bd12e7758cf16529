import { dtypeFromOnnx, onnxDtype } from '../core/dtype.ts';
import type { Shape, TensorType } from '../core/shape.ts';
import type { Tensor } from '../core/tensor.ts';
import { FormatError } from '../errors.ts';
import { constant, constantOf, type Graph, input, type Value, withScope } from '../ir/graph.ts';
import type { OnnxNode, Subgraph } from '../ir/onnx-node.ts';
import { type NodeContext, NodeView, nodeError } from './node-view.ts';
import {
  type DimProto,
  decodeModel,
  type GraphProto,
  type ModelProto,
  type NodeProto,
  type ValueInfoProto,
} from './proto.ts';
import { tensorFromProto } from './tensors.ts';

/** Turns one ONNX node into values: one, or as many as the node has outputs. */
export type OnnxReader = (node: OnnxNode) => Value | readonly Value[];
/** Readers by node type; a type outside ONNX's own domain is `domain.Type`. */
export type OnnxReaders = ReadonlyMap<string, OnnxReader>;

export interface ReadOptions {
  /** Sizes of symbolic dimensions, by symbol; one without a symbol is called `input.axis`, e.g. `x.0`. */
  readonly dims?: Readonly<Record<string, number>>;
  /** Inputs that are fixed to a value, so that shapes may depend on them. */
  readonly constants?: Readonly<Record<string, Tensor>>;
  /** Values that stand in for inputs and stored tensors, by name. */
  readonly values?: ReadonlyMap<string, Value>;
  /** What an input holds whose elements must be known when the model is read; `undefined` refuses. */
  readonly known?: (leaf: Value) => Tensor | undefined;
}

/** A graph read from a file. */
export interface ReadModel {
  readonly graph: Graph;
  /** The constant leaves that the file stores by name: weights, as a rule. */
  readonly initializers: ReadonlyMap<string, Value>;
}

/** Versions of ONNX's operator set that the readers are written for. */
const opsets = { min: 7, max: 21 };

/**
 * Reads an ONNX model.
 * @param bytes - the file
 * @param readers - what each node type becomes
 * @throws {@link FormatError} when the file is malformed, or uses what is not supported; all unknown node types are
 *   listed at once
 */
export const readModel = (bytes: Uint8Array, readers: OnnxReaders, options: ReadOptions = {}): ReadModel =>
  readDecoded(decodeModel(bytes), readers, options);

/** Like {@link readModel}, of a file that is decoded already. */
export function readDecoded(model: ModelProto, readers: OnnxReaders, options: ReadOptions = {}): ReadModel {
  const opset = checkedOpset(model);
  checkSupported(model, readers);
  return new GraphReader(opset, readers, options).read(model.graph);
}

function checkedOpset({ opsetImports }: ModelProto): number {
  const opset = opsetImports.find(({ domain }) => isStandard(domain))?.version ?? opsets.max;
  if (opset < opsets.min || opset > opsets.max) {
    throw new FormatError(
      `ONNX: expected operator set ${opsets.min} to ${opsets.max}. Received ${opset}. Convert the model with onnx.version_converter.`,
      { expected: `${opsets.min} to ${opsets.max}`, received: String(opset) },
    );
  }
  return opset;
}

function checkSupported({ graph, functions }: ModelProto, readers: OnnxReaders): void {
  if (functions > 0) throw unsupported('the model defines local functions', 'Inline them with onnx.inliner.');
  if (graph.sparseInitializers > 0) throw unsupported('the model has sparse tensors', 'Store them densely.');
  const unknown = new Map<string, string>();
  for (const node of graph.nodes) {
    const type = readerKey(node);
    if (!readers.has(type) && !unknown.has(type)) unknown.set(type, node.name);
  }
  if (unknown.size === 0) return;
  const list = [...unknown]
    .map(([type, name]) => (name === '' ? type : `${type} (node "${name}")`))
    .join(', ');
  throw new FormatError(
    `ONNX: these node types are not supported: ${list}. Simplify or re-export the model without them.`,
    { received: [...unknown.keys()].join(', ') },
  );
}

const isStandard = (domain: string): boolean => domain === '' || domain === 'ai.onnx';
const readerKey = ({ domain, opType }: NodeProto): string =>
  isStandard(domain) ? opType : `${domain}.${opType}`;

/** The graph around a subgraph. */
interface Surroundings {
  find(name: string): Value | undefined;
  /** Whether the subgraph becomes a part of that graph; else it is a graph of its own, with inputs of its own. */
  readonly inPlace: boolean;
}

class GraphReader {
  readonly #opset: number;
  readonly #readers: OnnxReaders;
  readonly #options: ReadOptions;
  readonly #values = new Map<string, Value>();
  readonly #around: Surroundings;
  /** Inputs that stand for values around this graph, with those values. */
  readonly #captured = new Map<Value, Value>();
  readonly #context: NodeContext;

  constructor(
    opset: number,
    readers: OnnxReaders,
    options: ReadOptions,
    around: Surroundings = { find: () => undefined, inPlace: true },
  ) {
    this.#opset = opset;
    this.#readers = readers;
    this.#options = options;
    this.#around = around;
    this.#context = {
      opset,
      subgraph: (graph, types) => this.#subgraph(graph, types),
      inline: (graph) => this.#inline(graph),
      known: options.known ?? (() => undefined),
    };
  }

  read(graph: GraphProto): ReadModel {
    for (const [name, value] of this.#options.values ?? []) this.#define(name, value);
    const stored = graph.initializers.filter(({ name }) => !this.#options.values?.has(name));
    const initializers = new Map(stored.map((t) => [t.name, constant(tensorFromProto(t))]));
    for (const [name, value] of initializers) this.#define(name, value);
    const fixed = Object.entries(this.#options.constants ?? {});
    for (const [name, tensor] of fixed) this.#define(name, constant(tensor));
    // Files before IR version 4 list initializers as inputs too; those have a default value.
    const fed = graph.inputs.filter(({ name }) => !this.#values.has(name));
    const inputs = fed.map((info) => {
      const value = this.#input(info);
      this.#define(info.name, value);
      return value;
    });
    for (const node of graph.nodes) this.#readNode(node);
    const outputs = graph.outputs.map(({ name }) => ({ name, value: this.#value(name, 'the graph') }));
    return { graph: { name: graph.name, inputs, outputs }, initializers };
  }

  /** A loop body: a graph of its own, in which what it reads of this one has become inputs. */
  #subgraph(graph: GraphProto, types: readonly TensorType[]): Subgraph {
    const inputs = graph.inputs.map((info, i) => {
      const type = types[i];
      return type
        ? {
            ...info,
            type: { kind: 'tensor' as const, elementType: onnxDtype(type.dtype), shape: type.shape },
          }
        : info;
    });
    const reader = new GraphReader(
      this.#opset,
      this.#readers,
      {},
      {
        find: (name) => this.#find(name),
        inPlace: false,
      },
    );
    const { graph: body } = reader.read({ ...graph, inputs });
    const captured = [...reader.#captured];
    return {
      body: { ...body, inputs: [...body.inputs, ...captured.map(([leaf]) => leaf)] },
      outer: captured.map(([, value]) => value),
    };
  }

  /** The results of a subgraph without inputs, computed as a part of this graph. */
  #inline(graph: GraphProto): readonly Value[] {
    const { known } = this.#options;
    const around = { find: (name: string) => this.#find(name), inPlace: true };
    const reader = new GraphReader(this.#opset, this.#readers, known ? { known } : {}, around);
    return reader.read(graph).graph.outputs.map(({ value }) => value);
  }

  #readNode(node: NodeProto): void {
    const inputs = node.inputs.map((name) =>
      name === '' ? undefined : this.#value(name, `node "${node.name}" (${node.opType})`),
    );
    const read = this.#readers.get(readerKey(node));
    if (read === undefined) throw nodeError(node, 'this node type is not supported');
    const results = withScope(node.name || node.opType, () => {
      try {
        return [read(new NodeView(node, inputs, this.#context))].flat() as readonly Value[];
      } catch (error) {
        throw nodeError(node, error);
      }
    });
    node.outputs.forEach((name, i) => {
      if (name === '') return;
      const value = results[i];
      if (value === undefined) throw nodeError(node, `output ${i} ("${name}") is not supported`);
      this.#define(name, value);
    });
  }

  #define(name: string, value: Value): void {
    if (this.#values.has(name)) throw malformed(`a value named "${name}" once`, 'it twice');
    this.#values.set(name, value);
  }

  #find(name: string): Value | undefined {
    const known = this.#values.get(name);
    if (known !== undefined) return known;
    const value = this.#around.find(name);
    if (value === undefined || this.#around.inPlace || constantOf(value) !== undefined) return value;
    const leaf = input(name, value.type);
    this.#captured.set(leaf, value);
    this.#values.set(name, leaf);
    return leaf;
  }

  #value(name: string, reader: string): Value {
    const value = this.#find(name);
    if (value === undefined) throw malformed(`a value "${name}" before ${reader} reads it`, 'none');
    return value;
  }

  #input({ name, type }: ValueInfoProto): Value {
    if (type?.kind !== 'tensor') {
      throw unsupported(
        `input "${name}" is of type ${type?.what ?? 'unknown'}`,
        'Only tensors are supported.',
      );
    }
    if (type.shape === undefined) {
      throw unsupported(`input "${name}" has an unknown rank`, 'Export the model with input shapes.');
    }
    return input(name, { dtype: dtypeFromOnnx(type.elementType), shape: this.#shape(name, type.shape) });
  }

  #shape(name: string, dims: readonly DimProto[]): Shape {
    return dims.map((dim, axis) => {
      if (typeof dim === 'number') return dim;
      const symbol = dim ?? `${name}.${axis}`;
      const size = this.#options.dims?.[symbol];
      if (size !== undefined) return size;
      throw new FormatError(
        `ONNX: axis ${axis} of input "${name}" has no size. Give one: dims: { ${JSON.stringify(symbol)}: 1 }.`,
        { argument: 'dims', expected: `a size for "${symbol}"`, received: 'none' },
      );
    });
  }
}

const unsupported = (what: string, remedy: string): FormatError =>
  new FormatError(`ONNX: ${what}, which is not supported. ${remedy}`, { received: what });

const malformed = (expected: string, received: string): FormatError =>
  new FormatError(`ONNX: expected ${expected}. Received ${received}. The file is malformed.`, {
    expected,
    received,
  });
