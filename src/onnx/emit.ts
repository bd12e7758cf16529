import { allocate, type DType, isBig, onnxDtype } from '../core/dtype.ts';
import { atOnce, type Pieces } from '../core/event-loop.ts';
import type { Shape, TensorType } from '../core/shape.ts';
import { Tensor } from '../core/tensor.ts';
import { InternalError } from '../errors.ts';
import { constantOf, type Graph, inputName, type Node, nodesOf, type Value } from '../ir/graph.ts';
import { byName, type Emit, type OnnxAttr, type Operand } from '../ir/op.ts';
import {
  type AttributeProto,
  encodeModel,
  type GraphProto,
  type ModelProto,
  type NodeProto,
  type TensorProto,
  type ValueInfoProto,
} from './proto.ts';
import { protoFromTensor } from './tensors.ts';

/** Version of ONNX's operator set that is written. */
export const emittedOpset = 17;
/** The first file version that goes with {@link emittedOpset}. */
const irVersion = 8;

export interface EmitOptions {
  /** `standard`: only ops of the ONNX standard. `runtime`: fused ops of ONNX Runtime too. */
  readonly target: Emit['target'];
  /** See {@link Emit.channelBlock}. */
  readonly channelBlock?: number | undefined;
}

/** A graph in ONNX and how its names relate to it. */
export interface EmittedGraph {
  readonly proto: GraphProto;
  /** Domains of ops outside of the standard that it uses. */
  readonly domains: readonly string[];
  /** Name of each graph input, in the graph's order. */
  readonly inputNames: readonly string[];
  /** Name of each graph output; its own unless an input has the same. */
  readonly outputNames: readonly string[];
  /** Layer path of every ONNX node, by node name. */
  readonly nodeScopes: ReadonlyMap<string, string>;
}

/** An ONNX model and how its names relate to the graph. */
export interface EmittedModel extends Omit<EmittedGraph, 'proto' | 'domains'> {
  readonly bytes: Uint8Array;
}

/** Writes a verified graph in ONNX; its constants are not copied. */
export const emitGraph = (graph: Graph, options: EmitOptions): EmittedGraph =>
  atOnce(emitting(graph, options));

/** {@link emitGraph} in pieces. */
export function* emitting(graph: Graph, { target, channelBlock }: EmitOptions): Pieces<EmittedGraph> {
  const model: ModelState = {
    target,
    channelBlock,
    names: new Names(),
    domains: new Set(),
    nodeScopes: new Map(),
  };
  const inputNames = graph.inputs.map((value) => model.names.unique(inputName(value)));
  const outputNames = graph.outputs.map((output) => model.names.unique(output.name));
  const proto = yield* new GraphEmitter(model).emit(graph, inputNames, outputNames);
  return { proto, domains: [...model.domains], inputNames, outputNames, nodeScopes: model.nodeScopes };
}

/**
 * Writes a graph as an ONNX model.
 * @param graph - a verified graph
 * @returns the file's bytes; constants are copied once, into them
 */
export function emitModel(graph: Graph, options: EmitOptions): EmittedModel {
  const { proto, domains, ...names } = emitGraph(graph, options);
  return { bytes: encodeModel(modelOf(proto, domains)), ...names };
}

/** The model around a graph that was emitted. */
export const modelOf = (graph: GraphProto, domains: readonly string[] = []): ModelProto => ({
  irVersion,
  opsetImports: [{ domain: '', version: emittedOpset }, ...domains.map((domain) => ({ domain, version: 1 }))],
  producerName: 'tfk',
  producerVersion: '',
  domain: '',
  modelVersion: 0,
  graph,
  metadataProps: [],
  functions: 0,
  trainingInfos: 0,
});

/** What a model's graph and its subgraphs share. */
interface ModelState {
  readonly target: Emit['target'];
  readonly channelBlock: number | undefined;
  /** Subgraphs see the names around them, so that all are drawn from one pool. */
  readonly names: Names;
  readonly domains: Set<string>;
  readonly nodeScopes: Map<string, string>;
}

/** Gives out names that are never the same twice. */
class Names {
  readonly #taken = new Set<string>();
  readonly #next = new Map<string, number>();

  /** `base`, or `base_1`, `base_2`, ... where that is taken. */
  unique(base: string): string {
    let name = base;
    let n = this.#next.get(base) ?? 1;
    while (this.#taken.has(name)) name = `${base}_${n++}`;
    this.#next.set(base, n);
    this.#taken.add(name);
    return name;
  }
}

/** Writes one graph or subgraph. */
class GraphEmitter implements Emit {
  readonly #model: ModelState;
  readonly #operands = new Map<Value, Operand>();
  readonly #nodes: NodeProto[] = [];
  readonly #initializers: TensorProto[] = [];
  readonly #constants = new Map<string, string>();
  /** Outputs of the nodes so far: what two ops need alike, such as a reordered operand, is computed once. */
  readonly #written = new Map<string, string[]>();
  /** Names that subgraphs read; they stay as they are. */
  readonly #readInside = new Set<string>();
  /** Layer path of the node being written. */
  #scope = '';

  constructor(model: ModelState) {
    this.#model = model;
  }

  get target(): Emit['target'] {
    return this.#model.target;
  }

  get channelBlock(): number | undefined {
    return this.#model.channelBlock;
  }

  *emit(graph: Graph, inputNames: readonly string[], outputNames: readonly string[]): Pieces<GraphProto> {
    graph.inputs.forEach((value, i) => {
      this.#define(value, inputNames[i] as string);
    });
    for (const node of nodesOf(graph)) {
      this.#lower(node);
      yield;
    }
    const final = this.#outputs(graph, outputNames);
    const rename = (name: string): string => final.get(name) ?? name;
    return {
      name: graph.name,
      nodes: this.#nodes.map((node) => ({
        ...node,
        inputs: node.inputs.map(rename),
        outputs: node.outputs.map(rename),
      })),
      initializers: this.#initializers,
      inputs: graph.inputs.map((value, i) => valueInfo(inputNames[i] as string, value.type)),
      outputs: graph.outputs.map(({ value }, i) => valueInfo(outputNames[i] as string, value.type)),
      valueInfos: [],
      sparseInitializers: 0,
    };
  }

  op(
    type: string,
    inputs: readonly (Operand | string | undefined)[],
    attrs: Readonly<Record<string, OnnxAttr>> = {},
    domain = '',
  ): string {
    return this.many(type, inputs, attrs, 1, domain)[0] as string;
  }

  many(
    type: string,
    inputs: readonly (Operand | string | undefined)[],
    attrs: Readonly<Record<string, OnnxAttr>>,
    count: number,
    domain = '',
  ): string[] {
    if (domain !== '') this.#useDomain(domain, type);
    const given = inputs.map((x) => (typeof x === 'string' ? x : (x?.name ?? '')));
    while (given.at(-1) === '') given.pop();
    const key = nodeKey([domain, type, String(count)], given, attrs);
    const known = key === undefined ? undefined : this.#written.get(key);
    if (known !== undefined) return known;
    const outputs = this.#write(type, given, attrs, count, domain);
    if (key !== undefined) this.#written.set(key, outputs);
    return outputs;
  }

  #write(
    type: string,
    inputs: readonly string[],
    attrs: Readonly<Record<string, OnnxAttr>>,
    count: number,
    domain: string,
  ): string[] {
    const { names, nodeScopes } = this.#model;
    const name = names.unique(this.#scope === '' ? type : `${this.#scope}/${type}`);
    const outputs = Array.from({ length: count }, (_, i) => names.unique(`${name}:${i}`));
    const attributes = Object.entries(attrs).map(([key, attr]) => this.#attribute(key, attr));
    this.#nodes.push({ name, domain, opType: type, inputs, outputs, attributes });
    nodeScopes.set(name, this.#scope);
    return outputs;
  }

  constant(values: readonly number[], dtype: DType, shape: Shape = [values.length]): string {
    const key = `${dtype}[${shape}]${values.map((v) => (Object.is(v, -0) ? '-0' : v)).join(',')}`;
    const known = this.#constants.get(key);
    if (known !== undefined) return known;
    const data = allocate(dtype, values.length);
    values.forEach((v, i) => {
      data[i] = isBig(dtype) ? BigInt(v) : v;
    });
    const name = this.#initializer(new Tensor(dtype, shape, data));
    this.#constants.set(key, name);
    return name;
  }

  #lower(node: Node): void {
    const { kind } = node;
    if (kind === 'input') return;
    const tensor = constantOf(node.outputs[0] as Value);
    if (tensor !== undefined) {
      this.#define(node.outputs[0] as Value, this.#initializer(tensor));
    } else if (kind !== 'constant') {
      this.#scope = node.scope;
      const inputs = byName(kind, node.inputs, (value) => this.#operands.get(value) as Operand);
      const types = node.outputs.map((value) => value.type);
      const names = kind.lower(inputs, node.attrs, this, types);
      node.outputs.forEach((value, i) => {
        this.#define(value, names[i] as string);
      });
    }
  }

  /** New names of the values that are results; inputs, constants and second uses go through an `Identity`. */
  #outputs(graph: Graph, outputNames: readonly string[]): Map<string, string> {
    const computed = new Set(this.#nodes.flatMap((node) => node.outputs));
    const final = new Map<string, string>();
    this.#scope = '';
    graph.outputs.forEach(({ value }, i) => {
      const { name } = this.#operands.get(value) as Operand;
      const direct = computed.has(name) && !final.has(name) && !this.#readInside.has(name);
      const source = direct ? name : (this.#write('Identity', [name], {}, 1, '')[0] as string);
      final.set(source, outputNames[i] as string);
    });
    return final;
  }

  #define(value: Value, name: string): void {
    this.#operands.set(value, { name, type: value.type });
  }

  #initializer(tensor: Tensor): string {
    const name = this.#model.names.unique('constant');
    this.#initializers.push(protoFromTensor(name, tensor));
    return name;
  }

  #useDomain(domain: string, type: string): void {
    if (this.target === 'standard') {
      throw new InternalError(`"${type}" of ${domain} was written for the ONNX standard.`);
    }
    this.#model.domains.add(domain);
  }

  #attribute(name: string, attr: OnnxAttr): AttributeProto {
    if ('int' in attr) return { name, type: 'int', value: attr.int };
    if ('ints' in attr) return { name, type: 'ints', value: attr.ints };
    if ('float' in attr) return { name, type: 'float', value: attr.float };
    if ('floats' in attr) return { name, type: 'floats', value: attr.floats };
    if ('string' in attr) return { name, type: 'string', value: attr.string };
    return { name, type: 'graph', value: this.#subgraph(attr.graph, attr.outer ?? []) };
  }

  /** @param outer - what the last inputs stand for: a subgraph reads the names around it */
  #subgraph(graph: Graph, outer: readonly Operand[]): GraphProto {
    const { names } = this.#model;
    const fed = graph.inputs.slice(0, graph.inputs.length - outer.length);
    const inputNames = fed.map((value) => names.unique(`${graph.name}/${inputName(value)}`));
    const outputNames = graph.outputs.map((output) => names.unique(`${graph.name}/${output.name}`));
    const emitter = new GraphEmitter(this.#model);
    for (const [i, { name }] of outer.entries()) {
      this.#readInside.add(name);
      emitter.#define(graph.inputs[fed.length + i] as Value, name);
    }
    return atOnce(emitter.emit({ ...graph, inputs: fed }, inputNames, outputNames));
  }
}

/** Text that is equal for nodes that compute the same; `undefined` for nodes with subgraphs. */
function nodeKey(
  kind: readonly string[],
  inputs: readonly string[],
  attrs: Readonly<Record<string, OnnxAttr>>,
): string | undefined {
  const values = Object.entries(attrs).map(([name, attr]) => ('graph' in attr ? undefined : [name, attr]));
  if (values.includes(undefined)) return undefined;
  const exact = (_key: string, v: unknown): unknown => (typeof v === 'number' ? String(v) : v);
  return JSON.stringify([kind, inputs, values], exact);
}

const valueInfo = (name: string, { dtype, shape }: TensorType): ValueInfoProto => ({
  name,
  type: { kind: 'tensor', elementType: onnxDtype(dtype), shape },
});
