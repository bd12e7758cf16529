import type { DType } from '../core/dtype.ts';
import type { Shape, TensorType } from '../core/shape.ts';
import type { Tensor } from '../core/tensor.ts';
import { InternalError } from '../errors.ts';
import type { Op } from './op.ts';

/** What a node does: an op of the table, or one of the two kinds of leaves. */
export type NodeKind = Op | 'input' | 'constant';

/** Plain data that fully describes one use of an op, but for its inputs. */
export type Attrs = Readonly<Record<string, unknown>>;

/** One of a node's results. Values are immutable and know their producer; there is no owner graph. */
export class Value {
  readonly node: Node;
  readonly index: number;
  readonly type: TensorType;

  constructor(node: Node, index: number, type: TensorType) {
    this.node = node;
    this.index = index;
    this.type = type;
  }

  get dtype(): DType {
    return this.type.dtype;
  }

  get shape(): Shape {
    return this.type.shape;
  }

  get rank(): number {
    return this.type.shape.length;
  }
}

let created = 0;

/** One use of an op. Inputs are flat, in the op's order; an optional input left out is `undefined`. */
export class Node {
  /** Order of creation; inputs are always older than their users. */
  readonly id: number = created++;
  readonly kind: NodeKind;
  readonly inputs: readonly (Value | undefined)[];
  readonly attrs: Attrs;
  readonly outputs: readonly Value[];
  /** Path of the layer (or loss, metric, gradient) that made the node, for messages and profiles. */
  readonly scope: string;

  constructor(
    kind: NodeKind,
    inputs: readonly (Value | undefined)[],
    attrs: Attrs,
    types: readonly TensorType[],
    scope: string,
  ) {
    this.kind = kind;
    this.inputs = inputs;
    this.attrs = attrs;
    this.outputs = types.map((type, index) => new Value(this, index, type));
    this.scope = scope;
  }

  /** Name for printing and messages. */
  get name(): string {
    return typeof this.kind === 'string' ? this.kind : this.kind.name;
  }
}

/** A named result of a graph. */
export interface GraphOutput {
  readonly name: string;
  readonly value: Value;
}

/** What is computed: leaves that are fed, in order, and named results. Everything else is reached from the results. */
export interface Graph {
  readonly name: string;
  readonly inputs: readonly Value[];
  readonly outputs: readonly GraphOutput[];
}

let scopePath = '';

/** Runs `body`; the nodes it makes carry `name` below the current path. */
export function withScope<T>(name: string, body: () => T): T {
  const outer = scopePath;
  scopePath = outer === '' ? name : `${outer}/${name}`;
  try {
    return body();
  } finally {
    scopePath = outer;
  }
}

/** Runs `body`; the nodes it makes carry exactly the path `scope`. */
export function inScope<T>(scope: string, body: () => T): T {
  const outer = scopePath;
  scopePath = scope;
  try {
    return body();
  } finally {
    scopePath = outer;
  }
}

/** Path that new nodes get. */
export const currentScope = (): string => scopePath;

/** A leaf that is fed at each run. */
export function input(name: string, type: TensorType): Value {
  return new Node('input', [], { name }, [type], scopePath).outputs[0] as Value;
}

/** A leaf with a fixed value. */
export function constant(value: Tensor): Value {
  const type = { dtype: value.dtype, shape: value.shape };
  return new Node('constant', [], { value }, [type], scopePath).outputs[0] as Value;
}

/** Name under which an input leaf is fed. */
export function inputName(value: Value): string {
  if (value.node.kind !== 'input') throw new InternalError(`"${value.node.name}" is not an input leaf.`);
  return value.node.attrs.name as string;
}

/** The tensor of a constant leaf; `undefined` for any other value. */
export const constantOf = (value: Value): Tensor | undefined =>
  value.node.kind === 'constant' ? (value.node.attrs.value as Tensor) : undefined;

/**
 * All nodes that `outputs` need, every node after those it reads. Iterative: graphs may be deep.
 * @param stop - nodes that are left out, with what only they need
 */
export function topologicalOrder(
  outputs: readonly Value[],
  stop: (node: Node) => boolean = () => false,
): Node[] {
  const order: Node[] = [];
  const done = new Set<Node>();
  const stack: Node[] = outputs.map((v) => v.node).reverse();
  while (stack.length > 0) {
    const node = stack[stack.length - 1] as Node;
    if (done.has(node) || stop(node)) {
      stack.pop();
      continue;
    }
    const waiting: Node[] = [];
    for (const value of node.inputs) {
      if (value !== undefined && !done.has(value.node) && !stop(value.node)) waiting.push(value.node);
    }
    if (waiting.length === 0) {
      done.add(node);
      order.push(node);
      stack.pop();
    } else {
      for (let i = waiting.length - 1; i >= 0; i--) stack.push(waiting[i] as Node);
    }
  }
  return order;
}

/** Nodes of a graph in the order they can run. */
export const nodesOf = (graph: Graph): Node[] => topologicalOrder(graph.outputs.map((o) => o.value));
