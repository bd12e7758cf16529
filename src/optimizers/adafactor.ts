import * as z from 'zod';
import { deferred } from '../core/deferred.ts';
import type { Value } from '../ir/graph.ts';
import {
  add,
  div,
  expandDims,
  maximum,
  minimum,
  mul,
  pow,
  reduceMean,
  rsqrt,
  sqrt,
  square,
  sub,
} from '../ops/index.ts';
import {
  commonOptions,
  Optimizer,
  optimizers,
  type Slot,
  type Update,
  type UpdateInputs,
  type WeightInfo,
} from './optimizer.ts';

const schema = deferred(() =>
  z.strictObject({
    ...commonOptions(0.001),
    /** `beta2` of step t is `1 - t^beta2Decay`. */
    beta2Decay: z.number().default(-0.8),
    /** Added to squared gradients. */
    epsilon1: z.number().default(1e-30),
    /** Least root mean square of a weight, by which its step is multiplied. */
    epsilon2: z.number().default(1e-3),
    /** Largest root mean square of a step before the learning rate. */
    clipThreshold: z.number().positive('expected a number above 0').default(1),
    /** Whether a constant learning rate is at most `1 / sqrt(t)`; as in Keras the rule applies that bound anyway. */
    relativeStep: z.boolean().default(true),
  }),
);

const factored = ({ shape }: Pick<WeightInfo, 'shape'>): boolean => shape.length >= 2;

/** Means of squared gradients over the last axis and the one before it; scalars for weights without two axes. */
const factorSlots: readonly Slot[] = [
  { name: 'row', initial: 0, shape: (w) => (factored(w) ? w.shape.slice(0, -1) : []) },
  { name: 'column', initial: 0, shape: (w) => (factored(w) ? w.shape.toSpliced(-2, 1) : []) },
  { name: 'velocity', initial: 0 },
];

/**
 * Steps divided by the root of a running mean of squared gradients, which is kept as the product of a row and a column:
 * `v = row column / mean(row)`.
 */
export class Adafactor extends Optimizer<typeof schema> {
  static override readonly className = 'Adafactor';
  static override readonly schema = schema;

  protected get ruleSlots() {
    return [factorSlots];
  }

  override get elementwise(): boolean {
    return false;
  }

  protected update({ weight, gradient: g, learningRate, step, slot }: UpdateInputs): Update {
    const { beta2Decay, epsilon1, epsilon2, clipThreshold } = this.options;
    const old = sub(1, pow(step, beta2Decay));
    const decayed = (mean: Value, x: Value): Value => add(mul(mean, old), mul(x, sub(1, old)));
    const squares = add(square(g), epsilon1);
    const slots = factored(weight)
      ? factorize(
          decayed(slot('row'), reduceMean(squares, [-1])),
          decayed(slot('column'), reduceMean(squares, [-2])),
        )
      : { row: slot('row'), column: slot('column'), velocity: decayed(slot('velocity'), squares) };
    const u = mul(g, rsqrt(slots.velocity));
    const clipped = div(u, maximum(div(rootMeanSquare(u), clipThreshold), 1));
    const rate = mul(minimum(learningRate, rsqrt(step)), maximum(rootMeanSquare(weight), epsilon2));
    return { weight: sub(weight, mul(clipped, rate)), slots };
  }
}

const rootMeanSquare = (x: Value): Value => sqrt(reduceMean(square(x)));

/** The matrix that has these means of rows and columns, and rank 1. */
function factorize(row: Value, column: Value): Record<'row' | 'column' | 'velocity', Value> {
  const share = div(row, reduceMean(row, [-1], true));
  return { row, column, velocity: mul(expandDims(share, -1), expandDims(column, -2)) };
}

/** Adafactor. @source Shazeer & Stern 2018, "Adafactor"; Keras Adafactor */
export const adafactor = (options: z.input<typeof schema> = {}) => new Adafactor(options);
optimizers.register(Adafactor);
