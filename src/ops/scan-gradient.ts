import { isFloat } from '../core/dtype.ts';
import { gradient } from '../ir/autodiff.ts';
import { type Graph, input, inputName, nodesOf, type Value } from '../ir/graph.ts';
import { optimize } from '../ir/passes.ts';
import { add, mul } from './binary.ts';
import { concat } from './concat.ts';
import { zeros } from './indices.ts';
import { sumOverSteps } from './matmul.ts';
import { reduceSum } from './reduce.ts';
import type { ScanAttrs, ScanOptions } from './scan.ts';
import { expandDims } from './shape.ts';
import { slice } from './slice.ts';

/** `scan` itself, handed in so that the two files do not need each other. */
type Scan = (
  body: Graph,
  states: readonly Value[],
  sequences: readonly Value[],
  options: ScanOptions,
) => readonly Value[];

type Cotangent = Value | null;
const isPresent = <T>(v: T | null | undefined): v is T => v !== null && v !== undefined;

/** A scan to be differentiated, its inputs by what they are. */
class ScanCall {
  readonly scan: Scan;
  readonly attrs: ScanAttrs;
  readonly ys: readonly Value[];
  readonly initial: readonly Value[];
  readonly sequences: readonly Value[];
  readonly invariants: readonly Value[];
  /** Leaves of the body: states, entries of the sequences, invariants. */
  readonly states: readonly Value[];
  readonly entries: readonly Value[];
  readonly constants: readonly Value[];
  /** What the body computes: new states, then entries of the results. */
  readonly results: readonly Value[];

  constructor(scan: Scan, inputs: readonly Value[], attrs: ScanAttrs, ys: readonly Value[]) {
    const fed = inputs.length - attrs.invariants;
    const leaves = attrs.body.inputs;
    this.scan = scan;
    this.attrs = attrs;
    this.ys = ys;
    this.initial = inputs.slice(0, attrs.states);
    this.sequences = inputs.slice(attrs.states, fed);
    this.invariants = inputs.slice(fed);
    this.states = leaves.slice(0, attrs.states);
    this.entries = leaves.slice(attrs.states, fed);
    this.constants = leaves.slice(fed);
    this.results = attrs.body.outputs.map((o) => o.value);
  }

  /** Each state as it was before every step: among the results, or else from running the scan once more. */
  statesBefore(wanted: readonly Value[]): Map<Value, Value> {
    const { body, states, reverse } = this.attrs;
    const found = new Map<Value, Value>();
    for (const leaf of wanted) {
      const k = this.states.indexOf(leaf);
      const place = this.results.indexOf(this.results[k] as Value, states);
      if (place >= 0) found.set(leaf, shifted(this.ys[place] as Value, this.initial[k] as Value, reverse));
    }
    const missing = wanted.filter((leaf) => !found.has(leaf));
    if (missing.length === 0) return found;
    const outputs = [...this.results.slice(0, states), ...missing].map(named);
    const options = { invariants: this.invariants, reverse };
    const again = this.scan({ ...body, outputs }, this.initial, this.sequences, options);
    missing.forEach((leaf, i) => {
      found.set(leaf, again[states + i] as Value);
    });
    return found;
  }
}

const named = (value: Value, i: number): { name: string; value: Value } => ({ name: `out${i}`, value });

/** What was there before each step, from what was there after it. */
function shifted(after: Value, initial: Value, reverse: boolean): Value {
  const first = expandDims(initial, 0);
  return reverse
    ? concat([slice(after, [1], [after.shape[0] as number]), first], 0)
    : concat([first, slice(after, [0], [-1])], 0);
}

/** One step of the reverse scan: leaves for cotangents, and what the step makes of them. */
interface BackwardStep {
  /** Leaves for the cotangents of the body's results; `null` for one that has none. */
  readonly received: readonly Cotangent[];
  /** Cotangents of the body's leaves. */
  readonly states: readonly Cotangent[];
  readonly entries: readonly Cotangent[];
  readonly constants: readonly Cotangent[];
  leaf(base: string, like: Value): Value;
}

function differentiateStep(call: ScanCall, dys: readonly Cotangent[]): BackwardStep {
  const taken = new Set(call.attrs.body.inputs.map(inputName));
  const leaf = (base: string, like: Value): Value => {
    let name = base;
    while (taken.has(name)) name += "'";
    taken.add(name);
    return input(name, like.type);
  };
  const carries = (i: number): boolean => i < call.attrs.states || isPresent(dys[i]);
  const received = call.results.map((y, i) => (isFloat(y.dtype) && carries(i) ? leaf(`d:${i}`, y) : null));
  const terms = call.results.flatMap((y, i) => (received[i] ? [reduceSum(mul(y, received[i]))] : []));
  const wrt = [...call.states, ...call.entries, ...call.constants];
  const grads =
    terms.length === 0
      ? []
      : gradient(
          terms.reduce((a, b) => add(a, b)),
          wrt,
        );
  const of = (leaves: readonly Value[]): Cotangent[] => leaves.map((v) => grads[wrt.indexOf(v)] ?? null);
  return {
    received,
    states: of(call.states),
    entries: of(call.entries),
    constants: of(call.constants),
    leaf,
  };
}

/** What the reverse scan carries from step to step: a leaf, where it starts, what it becomes. */
interface Carried {
  readonly leaf: Value;
  readonly start: Value;
  readonly next: Value;
}

const cotangentState = (
  leaf: Cotangent,
  start: Cotangent | undefined,
  next: Cotangent | undefined,
): Carried | null =>
  leaf && {
    leaf,
    start: start ?? zeros(leaf.shape, leaf.dtype),
    next: next ?? zeros(leaf.shape, leaf.dtype),
  };

/** A cotangent that is summed over the steps. */
function runningSum(g: Value, i: number, step: BackwardStep): Carried {
  const leaf = step.leaf(`sum:${i}`, g);
  return { leaf, start: zeros(g.shape, g.dtype), next: add(leaf, g) };
}

/**
 * Cotangents of a scan's inputs: another scan, the other way round. Its states are the cotangents of the states; each of
 * its steps computes the step of the body again from the states before it, and differentiates that. What flows into an
 * invariant is one product over all steps where it is a product in each, and is summed on the way where not.
 */
export function scanCotangents(
  scan: Scan,
  inputs: readonly Value[],
  dys: readonly Cotangent[],
  attrs: ScanAttrs,
  ys: readonly Value[],
): Cotangent[] {
  const call = new ScanCall(scan, inputs, attrs, ys);
  const step = differentiateStep(call, dys);
  const sums = step.constants.map((g) => g && (sumOverSteps(g) ?? null));
  const states = call.states.map((_, k) =>
    cotangentState(step.received[k] as Cotangent, dys[k], step.states[k]),
  );
  const running = step.constants.map((g, i) => (g && !sums[i] ? runningSum(g, i, step) : null));
  const carried = [...states, ...running].filter(isPresent);
  const stacked = [...step.entries, ...sums.flatMap((s) => s?.factors ?? [])].filter(isPresent);
  const { finals, stackOf } = runBackwards(call, dys, step, carried, new Set(stacked));
  const finalOf = (s: Carried | null): Cotangent => s && (finals[carried.indexOf(s)] as Value);
  return [
    ...states.map(finalOf),
    ...step.entries.map((g) => g && stackOf(g)),
    ...sums.map((s, i) => s?.total(s.factors.map(stackOf)) ?? finalOf(running[i] as Carried | null)),
  ];
}

/**
 * The reverse scan.
 * @param stacked - values of each step that are wanted, of all steps
 */
function runBackwards(
  call: ScanCall,
  dys: readonly Cotangent[],
  { received }: BackwardStep,
  carried: readonly Carried[],
  stacked: ReadonlySet<Value>,
): { readonly finals: readonly Value[]; stackOf(value: Value): Value } {
  const { states, reverse, body } = call.attrs;
  const sequences = new Map<Value, Value>(call.entries.map((leaf, i) => [leaf, call.sequences[i] as Value]));
  received.forEach((leaf, i) => {
    if (leaf && i >= states) sequences.set(leaf, dys[i] as Value);
  });
  const given = new Set([...call.states, ...sequences.keys()]);
  const computed = [...stacked].filter((v) => !given.has(v));
  const leaves = carried.map((s) => s.leaf);
  const step = optimize({
    name: `${body.name}'`,
    inputs: [...leaves, ...given, ...call.constants],
    outputs: [...carried.map((s) => s.next), ...computed].map(named),
  });
  const used = new Set(nodesOf(step));
  const isUsed = (leaf: Value): boolean => used.has(leaf.node);
  const wanted = call.states.filter((leaf) => isUsed(leaf) || stacked.has(leaf));
  for (const [leaf, before] of call.statesBefore(wanted)) sequences.set(leaf, before);
  const read = [...sequences.keys()].filter(isUsed);
  // a scan needs a sequence, if only to count its steps
  const entries = read.length > 0 ? read : [...sequences.keys()].slice(0, 1);
  const constants = call.constants.filter(isUsed);
  const found = call.scan(
    { ...step, inputs: [...leaves, ...entries, ...constants] },
    carried.map((s) => s.start),
    entries.map((leaf) => sequences.get(leaf) as Value),
    {
      invariants: constants.map((leaf) => call.invariants[call.constants.indexOf(leaf)] as Value),
      reverse: !reverse,
    },
  );
  return {
    finals: found.slice(0, carried.length),
    stackOf: (v) => sequences.get(v) ?? (found[carried.length + computed.indexOf(v)] as Value),
  };
}
