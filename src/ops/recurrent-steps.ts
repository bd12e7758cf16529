import type { Value } from '../ir/graph.ts';
import { add, mul, sub } from './binary.ts';
import { where } from './compare.ts';
import { concat, split } from './concat.ts';
import { type LoopOptions, loop } from './loop.ts';
import { matmul } from './matmul.ts';
import { reshape } from './shape.ts';

/** ONNX's recurrent operators. */
export type RecurrentKind = 'LSTM' | 'GRU' | 'RNN';
/** Gates of each kind, and states. */
export const gatesOf = { LSTM: 4, GRU: 3, RNN: 1 } as const;
export const statesOf = { LSTM: 2, GRU: 1, RNN: 1 } as const;

/** Weights of one direction, in ONNX's layouts: gates i, o, f, c (LSTM) and z, r, h (GRU) under each other. */
export interface RecurrentWeights {
  /** `[gates * units, features]`. */
  readonly w: Value;
  /** `[gates * units, units]`. */
  readonly r: Value;
  /** `[2 * gates * units]`: the input's bias, then the state's. */
  readonly b?: Value | undefined;
  /** LSTM's peepholes, `[3 * units]` for i, o, f. */
  readonly p?: Value | undefined;
}

type Activation = (x: Value) => Value;

/** What a recurrent operator does in a step, beside its weights. */
export interface RecurrentRules {
  readonly kind: RecurrentKind;
  /** Of the gates, the candidate, and LSTM's output; RNN has the first alone. */
  readonly activations: readonly Activation[];
  /** GRU: whether the reset gate works on the product of the state. */
  readonly linearBeforeReset: boolean;
}

/**
 * A recurrent operator written with other ops.
 * @param x - `[steps, batch, features]`
 * @param initial - states, each `[batch, units]`
 * @param counts - `[steps, batch]`: which steps count; the others give 0 and leave the states alone
 * @returns all outputs, `[steps, batch, units]`, then the last states
 */
export function unfoldRecurrent(
  rules: RecurrentRules,
  x: Value,
  { w, r, b, p }: RecurrentWeights,
  initial: readonly Value[],
  { counts, ...options }: LoopOptions & { readonly counts?: Value | undefined },
): readonly Value[] {
  const [inputBias, stateBias] = b ? (split(b, 2, 0) as readonly [Value, Value]) : [undefined, undefined];
  const projected = biased(matmul(x, w, { transposeB: true }), inputBias);
  const step = steps[rules.kind](rules, { r, b: stateBias, p });
  const sequences: [Value, ...Value[]] = counts ? [projected, counts] : [projected];
  const { states, outputs } = loop(
    (before, [now, counted]) => {
      const after = step(now as Value, before);
      if (counted === undefined) return { states: after, outputs: [after[0] as Value] };
      const column = reshape(counted, [-1, 1]);
      const kept = after.map((state, i) => where(column, state, before[i] as Value));
      return { states: kept, outputs: [where(column, after[0] as Value, 0)] };
    },
    initial,
    sequences,
    options,
  );
  return [outputs[0] as Value, ...states];
}

type Step = (x: Value, states: readonly Value[]) => readonly Value[];
type StateWeights = Omit<RecurrentWeights, 'w'>;

const steps: Readonly<Record<RecurrentKind, (rules: RecurrentRules, weights: StateWeights) => Step>> = {
  RNN: simpleStep,
  GRU: gruStep,
  LSTM: lstmStep,
};

function simpleStep({ activations }: RecurrentRules, { r, b }: StateWeights): Step {
  const [f] = activations as readonly [Activation];
  return (x, states) => {
    const [h] = states as readonly [Value];
    return [f(add(x, biased(matmul(h, r, { transposeB: true }), b)))];
  };
}

function gruStep(
  { activations, linearBeforeReset }: RecurrentRules,
  { r: weight, b: bias }: StateWeights,
): Step {
  const [f, g] = activations as readonly [Activation, Activation];
  const units = weight.shape[1] as number;
  const sizes = [2 * units, units];
  const [gateWeight, weightOfCandidate] = split(weight, sizes, 0) as readonly [Value, Value];
  const [gateBias, biasOfCandidate] = bias ? split(bias, sizes, 0) : [undefined, undefined];
  return (x, states) => {
    const [h] = states as readonly [Value];
    const [ofGates, ofCandidate] = split(x, sizes, -1) as readonly [Value, Value];
    const fromState = biased(matmul(h, gateWeight, { transposeB: true }), gateBias);
    const [z, r] = split(f(add(ofGates, fromState)), 2, -1) as readonly [Value, Value];
    const product = (v: Value): Value =>
      biased(matmul(v, weightOfCandidate, { transposeB: true }), biasOfCandidate);
    const candidate = g(add(ofCandidate, linearBeforeReset ? mul(r, product(h)) : product(mul(r, h))));
    return [add(candidate, mul(z, sub(h, candidate)))];
  };
}

function lstmStep({ activations }: RecurrentRules, { r, b, p }: StateWeights): Step {
  const [f, g, h] = activations as readonly [Activation, Activation, Activation];
  const [pi, po, pf] = p ? split(p, 3, 0) : [undefined, undefined, undefined];
  const peep = (sum: Value, c: Value, weight: Value | undefined): Value =>
    weight ? add(sum, mul(c, weight)) : sum;
  return (x, states) => {
    const [before, c] = states as readonly [Value, Value];
    const sums = add(x, biased(matmul(before, r, { transposeB: true }), b));
    const [i, o, forget, candidate] = split(sums, 4, -1) as readonly [Value, Value, Value, Value];
    const next = add(mul(f(peep(forget, c, pf)), c), mul(f(peep(i, c, pi)), g(candidate)));
    return [mul(f(peep(o, next, po)), h(next)), next];
  };
}

const biased = (x: Value, bias: Value | undefined): Value => (bias ? add(x, bias) : x);

/** Values of several directions side by side: `[steps, directions, batch, units]`, and the states alike. */
export const joinDirections = (runs: readonly (readonly Value[])[]): readonly Value[] =>
  (runs[0] ?? []).map((_, k) => {
    const axis = k === 0 ? 1 : 0;
    const parts = runs.map((run) => run[k] as Value);
    return concat(
      parts.map((v) => reshape(v, v.shape.toSpliced(axis, 0, 1))),
      axis,
    );
  });
