import { InternalError } from '../errors.ts';
import type { Value } from '../ir/graph.ts';
import { add, mul, reduceSum, where } from '../ops/index.ts';
import { scalarConstant } from '../ops/support.ts';
import type { Optimizer } from './optimizer.ts';

type Values = Readonly<Record<string, Value>>;

/** An optimizer's state as values of a graph: the slots of each weight by name, and the shared scalars. */
export interface GraphState {
  readonly weights: readonly Value[];
  readonly slots: readonly Values[];
  readonly shared: Values;
}

/** What an update reads besides the state. */
export interface GraphUpdateInputs {
  readonly gradients: readonly Value[];
  /** Paths of the weights. */
  readonly paths: readonly string[];
  /** Float32 scalar. */
  readonly learningRate: Value;
  /** Batches before this one, a float32 scalar: exact up to 2^24. */
  readonly iteration: Value;
}

/** One optimizer step as nodes of a graph: the same rule that a SIMD kernel runs over an arena. */
export function updateGraph(optimizer: Optimizer, state: GraphState, inputs: GraphUpdateInputs): GraphState {
  const accumulated = accumulate(optimizer, state, inputs);
  const updated = applyRule(optimizer, accumulated.state, { ...inputs, gradients: accumulated.gradients });
  const kept = keepUnless(accumulated.complete, updated, accumulated.state);
  return average(optimizer, kept, inputs.iteration);
}

interface Accumulated {
  readonly state: GraphState;
  readonly gradients: readonly Value[];
  /** Boolean scalar: whether this batch completes an update; left out where each does. */
  readonly complete?: Value;
}

function accumulate(optimizer: Optimizer, state: GraphState, inputs: GraphUpdateInputs): Accumulated {
  const { gradients, iteration } = inputs;
  if (optimizer.options.gradientAccumulationSteps === null) return { state, gradients };
  const added = gradients.map((g, i) =>
    optimizer.accumulate(g, named(at(state.slots, i), 'gradientAccumulator'), iteration),
  );
  const slots = added.map(({ accumulator }, i) => ({
    ...at(state.slots, i),
    gradientAccumulator: accumulator,
  }));
  return {
    state: { ...state, slots },
    gradients: added.map((a) => a.gradient),
    complete: optimizer.completing(iteration),
  };
}

function applyRule(optimizer: Optimizer, state: GraphState, inputs: GraphUpdateInputs): GraphState {
  const { gradients, learningRate, paths } = inputs;
  const step = optimizer.stepAfter(inputs.iteration);
  const shared = { ...state.shared, ...optimizer.shared?.update((name) => named(state.shared, name), step) };
  const norms = squaredNorms(optimizer, gradients);
  const updates = state.weights.map((weight, i) => {
    const path = at(paths, i);
    const info = { path, shape: weight.shape };
    const decay = optimizer.weightDecayOf(info);
    const factor = optimizer.rateFactorOf(info);
    return optimizer.step({
      path,
      weight,
      gradient: at(gradients, i),
      learningRate: factor === 1 ? learningRate : mul(learningRate, factor),
      step,
      squaredNorm: norms?.[i],
      weightDecay: decay === null ? undefined : scalarConstant(decay, 'float32'),
      slot: (name) => named(at(state.slots, i), name),
      shared: (name) => named(shared, name),
    });
  });
  const slots = updates.map((u, i) => ({ ...at(state.slots, i), ...u.slots }));
  return { weights: updates.map((u) => u.weight), slots, shared };
}

/** For every gradient the sum of squares that its clipping reads. */
function squaredNorms(optimizer: Optimizer, gradients: readonly Value[]): readonly Value[] | undefined {
  if (optimizer.clipsByNorm === undefined) return undefined;
  const sums = gradients.map((g) => reduceSum(mul(g, g)));
  if (optimizer.clipsByNorm === 'each') return sums;
  const total = sums.reduce((a, b) => add(a, b));
  return sums.map(() => total);
}

/** `after` where `condition` holds, else `before`; `after` without a condition. */
function keepUnless(condition: Value | undefined, after: GraphState, before: GraphState): GraphState {
  if (condition === undefined) return after;
  const choose = (a: Value, b: Value): Value => (a === b ? a : where(condition, a, b));
  return {
    weights: after.weights.map((w, i) => choose(w, at(before.weights, i))),
    slots: after.slots.map((slots, i) =>
      mapValues(slots, (s, name) => choose(s, named(at(before.slots, i), name))),
    ),
    shared: mapValues(after.shared, (s, name) => choose(s, named(before.shared, name))),
  };
}

function average(optimizer: Optimizer, state: GraphState, iteration: Value): GraphState {
  if (!optimizer.options.useEma) return state;
  const step = optimizer.stepAfter(iteration);
  const results = state.weights.map((w, i) =>
    optimizer.average(w, named(at(state.slots, i), 'average'), step),
  );
  return {
    ...state,
    weights: results.map((r) => r.weight),
    slots: results.map((r, i) => ({ ...at(state.slots, i), average: r.average })),
  };
}

function mapValues<T>(
  record: Readonly<Record<string, T>>,
  f: (value: T, name: string) => T,
): Record<string, T> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, f(value, name)]));
}

function at<T>(list: readonly T[], i: number): T {
  const item = list[i];
  if (item === undefined) throw new InternalError(`updateGraph: list of ${list.length} has no entry ${i}.`);
  return item;
}

function named<T>(record: Readonly<Record<string, T>>, name: string): T {
  const value = record[name];
  if (value === undefined) throw new InternalError(`updateGraph: nothing is named "${name}".`);
  return value;
}
