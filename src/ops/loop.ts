import { type Graph, input, inScope, type Node, type Value } from '../ir/graph.ts';
import { makeNode } from '../ir/op.ts';
import { optimize } from '../ir/passes.ts';
import { concat, split } from './concat.ts';
import { scan } from './scan.ts';
import { reshape } from './shape.ts';

/** What a step makes of the states, and what it gives besides. */
export interface LoopResult {
  readonly states: readonly Value[];
  readonly outputs: readonly Value[];
}

/**
 * One step of a loop, written with ops.
 * @param states - what the step before has handed on
 * @param entries - the step's entry of each sequence
 */
export type LoopStep = (states: readonly Value[], entries: readonly Value[]) => LoopResult;

/** Further arguments of {@link loop}. */
export interface LoopOptions {
  /** From the last entry to the first; outputs stay at the places of the entries that they belong to. */
  readonly reverse?: boolean;
  /** Every step as nodes of its own, which run faster but take long to compile; by default for up to 100 steps. */
  readonly unroll?: boolean;
}

/** Longer loops are a loop in the graph too, so that the time to compile stays bounded. */
const unrolledSteps = 100;

/**
 * Repeats a step for every entry of the first axis of some sequences.
 * @param initial - states before the first step
 * @param sequences - `[steps, ...]`, at least one
 * @returns states after the last step; outputs of all steps, stacked to `[steps, ...]`
 */
export function loop(
  step: LoopStep,
  initial: readonly Value[],
  sequences: readonly [Value, ...Value[]],
  { reverse = false, unroll }: LoopOptions = {},
): LoopResult {
  const steps = sequences[0].shape[0] as number;
  return (unroll ?? steps <= unrolledSteps) && steps > 0
    ? unrolled(step, initial, sequences, reverse)
    : scanned(step, initial, sequences, reverse);
}

function unrolled(
  step: LoopStep,
  initial: readonly Value[],
  sequences: readonly Value[],
  reverse: boolean,
): LoopResult {
  const steps = sequences[0]?.shape[0] as number;
  const entries = sequences.map(entriesOf);
  const outputs: (readonly Value[])[] = new Array(steps);
  let states = initial;
  for (let k = 0; k < steps; k++) {
    const t = reverse ? steps - 1 - k : k;
    const result = step(
      states,
      entries.map((list) => list[t] as Value),
    );
    states = result.states;
    outputs[t] = result.outputs;
  }
  const count = outputs[0]?.length ?? 0;
  const stacked = Array.from({ length: count }, (_, i) =>
    stackEntries(outputs.map((list) => list[i] as Value)),
  );
  return { states, outputs: stacked };
}

/** Entries along the first axis; cut along the first two together, so that each is one piece of memory as it is. */
function entriesOf(x: Value): readonly Value[] {
  const [steps, first, ...rest] = x.shape as readonly [number, ...number[]];
  if (first === undefined) return split(x, steps, 0).map((v) => reshape(v, []));
  return split(reshape(x, [steps * first, ...rest]), steps, 0);
}

/** Undoes {@link entriesOf}. */
function stackEntries(entries: readonly Value[]): Value {
  const [{ shape }] = entries as readonly [Value];
  const joined = concat(shape.length === 0 ? entries.map((v) => reshape(v, [1])) : entries, 0);
  return reshape(joined, [entries.length, ...shape]);
}

function scanned(
  step: LoopStep,
  initial: readonly Value[],
  sequences: readonly Value[],
  reverse: boolean,
): LoopResult {
  const leaves = [
    ...initial.map(({ type }, i) => input(`state${i}`, type)),
    ...sequences.map(({ dtype, shape }, i) => input(`entry${i}`, { dtype, shape: shape.slice(1) })),
  ];
  const result = step(leaves.slice(0, initial.length), leaves.slice(initial.length));
  const { results, captured } = closed([...result.states, ...result.outputs], leaves);
  const invariants = [...captured.keys()];
  const body: Graph = optimize({
    name: 'step',
    inputs: [...leaves, ...captured.values()],
    outputs: results.map((value, i) => ({ name: `out${i}`, value })),
  });
  const found = scan(body, initial, sequences, { invariants, reverse });
  return { states: found.slice(0, initial.length), outputs: found.slice(initial.length) };
}

/**
 * Values that depend on `leaves`, rebuilt so that they depend on nothing else but constants: whatever is the same in
 * every step stays outside, where it is computed once, and comes in through leaves of its own.
 */
function closed(
  values: readonly Value[],
  leaves: readonly Value[],
): { results: Value[]; captured: Map<Value, Value> } {
  const oldest = Math.min(...leaves.map((leaf) => leaf.node.id));
  const varying = dependents(values, new Set(leaves.map((leaf) => leaf.node)), oldest);
  const captured = new Map<Value, Value>();
  const rebuilt = new Map<Node, Node>();
  const inside = (value: Value): Value => {
    const { node } = value;
    if (varying.has(node)) return (rebuilt.get(node) ?? node).outputs[value.index] as Value;
    if (node.kind === 'constant') return value;
    let leaf = captured.get(value);
    if (leaf === undefined) {
      leaf = input(`outer${captured.size}`, value.type);
      captured.set(value, leaf);
    }
    return leaf;
  };
  for (const node of varying) {
    const { kind, attrs } = node;
    if (typeof kind === 'string') continue;
    const inputs = node.inputs.map((v) => v && inside(v));
    if (inputs.every((v, i) => v === node.inputs[i])) continue;
    rebuilt.set(
      node,
      inScope(node.scope, () => makeNode(kind, inputs, attrs)),
    );
  }
  return { results: values.map(inside), captured };
}

/** Nodes on the way from `sources` to `values`, in the order they run. Nodes older than the sources are not looked at. */
function dependents(values: readonly Value[], sources: ReadonlySet<Node>, oldest: number): Set<Node> {
  const young = new Set<Node>();
  const stack = values.map((v) => v.node);
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    if (node.id < oldest || young.has(node)) continue;
    young.add(node);
    for (const v of node.inputs) if (v !== undefined) stack.push(v.node);
  }
  const varying = new Set<Node>(sources);
  for (const node of [...young].sort((a, b) => a.id - b.id)) {
    if (node.inputs.some((v) => v !== undefined && varying.has(v.node))) varying.add(node);
  }
  return varying;
}
