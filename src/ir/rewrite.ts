import { isBig } from '../core/dtype.ts';
import { atOnce, type Pieces } from '../core/event-loop.ts';
import { sameType, sizeOf } from '../core/shape.ts';
import { Tensor } from '../core/tensor.ts';
import {
  constant,
  constantOf,
  type Graph,
  inScope,
  type Node,
  nodesOf,
  topologicalOrder,
  type Value,
} from './graph.ts';
import { interpret } from './interpret.ts';
import { fromNDArray, type NDArray } from './ndarray.ts';
import { byName, makeNode } from './op.ts';

/** A rewrite of one node whose inputs are already rewritten: an equivalent value, or `undefined` to leave it. */
export type Rule = (node: Node) => Value | undefined;

/**
 * Rebuilds a graph bottom-up. Every node is rebuilt on its rewritten inputs, equal nodes become one, and the first
 * rule that answers replaces it; what nothing reads any more is gone. Linear in the nodes.
 */
export const rewrite = (graph: Graph, rules: readonly Rule[]): Graph =>
  atOnce(rewriting(graph, rules, new Known()));

function* rewriting(graph: Graph, rules: readonly Rule[], known: Known): Pieces<Graph> {
  const mapped = new Map<Value, Value>();
  const interned = new Interner(known);
  const of = (value: Value): Value => mapped.get(value) ?? value;
  /** The nodes that a rule made for its answer. */
  const made = (answer: Value): Node[] =>
    topologicalOrder([answer], (node) => known.settled.has(node) || mapped.has(node.outputs[0] as Value));
  const visit = (node: Node, depth: number): void => {
    const rebuilt = interned.get(rebuild(node, of));
    node.outputs.forEach((value, i) => {
      mapped.set(value, rebuilt.outputs[i] as Value);
    });
    if (known.settled.has(rebuilt)) return;
    const [first] = rebuilt.outputs as readonly [Value, ...Value[]];
    const answer = inScope(rebuilt.scope, () => replace(rebuilt, rules));
    if (answer === undefined || answer === first || !sameType(answer.type, first.type)) {
      known.settled.add(rebuilt);
      return;
    }
    if (depth < deepest) for (const part of made(answer)) visit(part, depth + 1);
    mapped.set(node.outputs[0] as Value, interned.value(of(answer)));
  };
  for (const node of oldestFirst(graph)) {
    visit(node, 0);
    yield;
  }
  const outputs = graph.outputs.map(({ name, value }) => ({ name, value: of(value) }));
  return { ...graph, outputs };
}

/** Applies the rules until nothing changes any more (or `limit` rounds). */
export function* rewriteToFixpoint(graph: Graph, rules: readonly Rule[], limit = 8): Pieces<Graph> {
  const known = new Known();
  let current = graph;
  for (let round = 0; round < limit; round++) {
    const next = yield* rewriting(current, rules, known);
    if (next.outputs.every((o, i) => o.value === current.outputs[i]?.value)) return next;
    current = next;
  }
  return current;
}

/** A rule's answer is rewritten in turn, and what replaces that, so many times; further rounds do the rest. */
const deepest = 8;

/** Nodes are numbered as they are made, after those they read. Of equal ones the oldest stays, and so does what reads it. */
const oldestFirst = (graph: Graph): Node[] => nodesOf(graph).sort((a, b) => a.id - b.id);

/** What one round knows of nodes holds in the next: they never change, nor does what they read. */
class Known {
  /** Nodes that no rule replaces. */
  readonly settled = new Set<Node>();
  readonly #keys = new Map<Node, string | undefined>();

  /** {@link structuralKey}, made once. */
  key(node: Node): string | undefined {
    if (!this.#keys.has(node)) this.#keys.set(node, structuralKey(node));
    return this.#keys.get(node);
  }
}

const replace = (node: Node, rules: readonly Rule[]): Value | undefined => {
  if (typeof node.kind === 'string') return undefined;
  for (const rule of rules) {
    const value = rule(node);
    if (value !== undefined) return value;
  }
  return undefined;
};

/** The node on other inputs: itself where `of` changes none of them. */
export function rebuild(node: Node, of: (value: Value) => Value): Node {
  const { kind } = node;
  if (typeof kind === 'string') return node;
  const inputs = node.inputs.map((v) => v && of(v));
  if (inputs.every((v, i) => v === node.inputs[i])) return node;
  return inScope(node.scope, () => makeNode(kind, inputs, node.attrs));
}

/** Finds structurally equal nodes: common subexpressions are computed once. */
class Interner {
  readonly #known: Known;
  readonly #nodes = new Map<string, Node>();

  constructor(known: Known) {
    this.#known = known;
  }

  get(node: Node): Node {
    if (node.kind === 'input') return node;
    const key = this.#known.key(node);
    if (key === undefined) return node;
    const known = this.#nodes.get(key);
    if (known !== undefined) return known;
    this.#nodes.set(key, node);
    return node;
  }

  value(v: Value): Value {
    return this.get(v.node).outputs[v.index] as Value;
  }
}

/** Text that tells 0 from -0. */
const exactText = (v: number | bigint): string => (Object.is(v, -0) ? '-0' : String(v));

/** The elements as text, one for all where they are equal; `undefined` for many different ones. */
function elementsText({ data, size }: Tensor): string | undefined {
  const elements: ArrayLike<number | bigint> = data;
  const first = elements[0] ?? 0;
  let same = 1;
  while (same < size && Object.is(elements[same], first)) same++;
  if (same >= size) return exactText(first);
  return size <= foldedSize ? Array.from(elements, exactText).join() : undefined;
}

function structuralKey(node: Node): string | undefined {
  const value = constantOf(node.outputs[0] as Value);
  if (value !== undefined) {
    const elements = elementsText(value);
    return elements && `${value.dtype}[${value.shape}]${elements}`;
  }
  const inputs = node.inputs.map((v) => (v === undefined ? '_' : `${v.node.id}.${v.index}`)).join(' ');
  if (Object.values(node.attrs).some((v) => v !== null && typeof v === 'object' && !Array.isArray(v)))
    return undefined;
  return `${node.name} ${inputs} ${JSON.stringify(node.attrs, exactNumbers)}`;
}

/** JSON has no infinities and would call them all `null`. */
const exactNumbers = (_key: string, v: unknown): unknown =>
  typeof v === 'number' && !Number.isFinite(v) ? `${v}` : v;

/** The op's own algebraic identities. */
export const simplify: Rule = (node) => {
  const { kind } = node;
  if (typeof kind === 'string' || kind.simplify === undefined) return undefined;
  return kind.simplify(
    byName(kind, node.inputs, (v) => v),
    node.attrs,
    node.outputs,
  );
};

/** 64-bit integers beyond 2^53 are left to the runtime. */
const exactInFloat64 = (t: Tensor): boolean =>
  !isBig(t.dtype) || (t.data as BigInt64Array).every((v) => Number.isSafeInteger(Number(v)));

/** Results larger than this stay computed, unless they are no larger than their inputs. */
const foldedSize = 4096;

/** Computes nodes whose inputs are all constants, once, with the float64 references. */
export const foldConstants: Rule = (node) => {
  if (node.outputs.length !== 1 || node.inputs.length === 0) return undefined;
  const inputs = node.inputs.filter((v) => v !== undefined);
  const tensors = inputs.map(constantOf);
  if (!tensors.every((t): t is Tensor => t instanceof Tensor && exactInFloat64(t))) return undefined;
  const output = node.outputs[0] as Value;
  const limit = Math.max(foldedSize, ...tensors.map((t) => t.size));
  if (sizeOf(output.shape) > limit) return undefined;
  const [result] = interpret([output], new Map()) as [NDArray];
  return constant(fromNDArray(result));
};
