import type { TensorType } from '../core/shape.ts';
import type { Tensor } from '../core/tensor.ts';
import { FormatError, TfkError } from '../errors.ts';
import { constantOf, inputName, topologicalOrder, type Value } from '../ir/graph.ts';
import { interpret } from '../ir/interpret.ts';
import { fromNDArray, type NDArray, toNDArray } from '../ir/ndarray.ts';
import type { OnnxNode, Subgraph } from '../ir/onnx-node.ts';
import type { AttributeProto, GraphProto, NodeProto } from './proto.ts';
import { tensorFromProto } from './tensors.ts';

type AttributeType = AttributeProto['type'];
type AttributeValue<T extends AttributeType> = Extract<AttributeProto, { readonly type: T }>['value'];

/** The graph that a node stands in. */
export interface NodeContext {
  readonly opset: number;
  /** Reads a subgraph whose inputs have the given types. */
  subgraph(graph: GraphProto, inputs: readonly TensorType[]): Subgraph;
  /** The results of a subgraph that has no inputs. */
  inline(graph: GraphProto): readonly Value[];
  /** What an input leaf holds, where that is known. */
  known(leaf: Value): Tensor | undefined;
}

/** A node of a file with its inputs resolved. */
export class NodeView implements OnnxNode {
  readonly opset: number;
  readonly inputs: readonly (Value | undefined)[];
  readonly #node: NodeProto;
  readonly #attributes: ReadonlyMap<string, AttributeProto>;
  readonly #context: NodeContext;

  constructor(node: NodeProto, inputs: readonly (Value | undefined)[], context: NodeContext) {
    this.#node = node;
    this.#context = context;
    this.inputs = inputs;
    this.opset = context.opset;
    this.#attributes = new Map(node.attributes.map((attribute) => [attribute.name, attribute]));
  }

  get opType(): string {
    return this.#node.opType;
  }

  get outputCount(): number {
    return this.#node.outputs.findLastIndex((name) => name !== '') + 1;
  }

  input(position: number): Value {
    return this.inputs[position] ?? this.unsupported(`input ${position} is missing`);
  }

  constant(position: number): Tensor | undefined {
    const value = this.inputs[position];
    if (value === undefined) return undefined;
    return constantOf(value) ?? fromNDArray(this.#known(value, position));
  }

  constantInts(position: number): readonly number[] | undefined {
    const value = this.inputs[position];
    if (value === undefined) return undefined;
    const { data } = this.#known(value, position);
    if (!data.every(Number.isInteger))
      this.unsupported(`input ${position} holds numbers that are not integers`);
    return [...data];
  }

  has(attribute: string): boolean {
    return this.#attributes.has(attribute);
  }

  int(attribute: string, fallback?: number): number {
    return Number(this.#get(attribute, 'int', fallback));
  }

  ints(attribute: string, fallback?: readonly number[]): readonly number[] {
    return this.#get(attribute, 'ints', fallback).map(Number);
  }

  float(attribute: string, fallback?: number): number {
    return this.#get(attribute, 'float', fallback);
  }

  floats(attribute: string, fallback?: readonly number[]): readonly number[] {
    return this.#get(attribute, 'floats', fallback);
  }

  string(attribute: string, fallback?: string): string {
    return this.#get(attribute, 'string', fallback);
  }

  strings(attribute: string, fallback?: readonly string[]): readonly string[] {
    return this.#get(attribute, 'strings', fallback);
  }

  tensor(attribute: string): Tensor | undefined {
    return this.has(attribute) ? tensorFromProto(this.#get(attribute, 'tensor')) : undefined;
  }

  graph(attribute: string, inputs: readonly TensorType[]): Subgraph {
    return this.#context.subgraph(this.#get(attribute, 'graph'), inputs);
  }

  inline(attribute: string): readonly Value[] {
    return this.#context.inline(this.#get(attribute, 'graph'));
  }

  unsupported(reason: string): never {
    throw nodeError(this.#node, reason);
  }

  #get<T extends AttributeType>(name: string, type: T, fallback?: AttributeValue<T>): AttributeValue<T> {
    const attribute = this.#attributes.get(name);
    if (attribute === undefined) {
      return fallback ?? this.unsupported(`attribute "${name}" is missing`);
    }
    if (attribute.type !== type) {
      this.unsupported(`attribute "${name}" must be of type ${type}, not ${attribute.type}`);
    }
    return attribute.value as AttributeValue<T>;
  }

  /** The elements of a value that depends on constants only. */
  #known(value: Value, position: number): NDArray {
    const tensor = constantOf(value);
    if (tensor !== undefined) return toNDArray(tensor);
    const leaves = topologicalOrder([value]).filter((node) => node.kind === 'input');
    const feeds = leaves.map(({ outputs }): [Value, NDArray] => {
      const leaf = outputs[0] as Value;
      const held = this.#context.known(leaf);
      if (held === undefined) throw fedError(this.#node, position, inputName(leaf));
      return [leaf, toNDArray(held)];
    });
    return interpret([value], new Map(feeds))[0] as NDArray;
  }
}

/** The error of a node: why it is refused, or what went wrong while it was read. */
export function nodeError({ name, opType }: NodeProto, reason: unknown): unknown {
  if (reason instanceof FormatError || (reason instanceof Error && !(reason instanceof TfkError)))
    return reason;
  const text = reason instanceof TfkError ? reason.message : `${String(reason)}.`;
  return new FormatError(`ONNX node "${name}" (${opType}): ${text}`, {
    op: opType,
    layerPath: name,
    cause: reason,
  });
}

const fedError = ({ name, opType }: NodeProto, position: number, fed: string): FormatError =>
  new FormatError(
    `ONNX node "${name}" (${opType}): input ${position} must be known when the model is read, but it depends on the ` +
      `graph input "${fed}". Fix that one: constants: { ${JSON.stringify(fed)}: tensor }.`,
    { op: opType, argument: fed, expected: 'a constant', received: 'an input', layerPath: name },
  );
