import * as z from 'zod';
import { deferred } from '../../core/deferred.ts';
import type { Value } from '../../ir/graph.ts';
import { add, div, mul, reduceSum, sub } from '../../ops/index.ts';
import { losses, lossOptions } from '../loss.ts';
import { epsilon, PairLoss } from './pair-loss.ts';

/** Axes that form one region; all by default. */
const regionAxes = z
  .union([z.int(), z.array(z.int())])
  .nullable()
  .default(null);
const axesOf = (axis: z.output<typeof regionAxes>): readonly number[] | undefined =>
  axis === null ? undefined : [axis].flat();

const diceSchema = deferred(() => lossOptions.extend({ axis: regionAxes }));
/**
 * `1 - 2 * sum(yTrue * yPred) / (sum(yTrue) + sum(yPred) + 1e-7)` over `axis`, over all axes by default.
 * @source keras/src/losses/losses.py
 */
export class Dice extends PairLoss<typeof diceSchema> {
  static override readonly className = 'Dice';
  static override readonly schema = diceSchema;
  protected losses(yTrue: Value, yPred: Value): Value {
    const total = (x: Value): Value => reduceSum(x, axesOf(this.options.axis));
    const both = add(add(total(yTrue), total(yPred)), epsilon);
    return sub(1, div(mul(total(mul(yTrue, yPred)), 2), both));
  }
}
/** One minus the Dice coefficient of two regions. */
export const dice = (options: z.input<typeof diceSchema> = {}): Dice => new Dice(options);
losses.register(Dice);

const tverskySchema = deferred(() =>
  lossOptions.extend({
    /** Price of false positives. */
    alpha: z.number().nonnegative().default(0.5),
    /** Price of false negatives. */
    beta: z.number().nonnegative().default(0.5),
    axis: regionAxes,
  }),
);
/**
 * `1 - tp / (tp + alpha * fp + beta * fn + 1e-7)`, with soft counts over `axis`, over all axes by default.
 * @source keras/src/losses/losses.py
 */
export class Tversky extends PairLoss<typeof tverskySchema> {
  static override readonly className = 'Tversky';
  static override readonly schema = tverskySchema;
  protected losses(yTrue: Value, yPred: Value): Value {
    const { alpha, beta, axis } = this.options;
    const total = (x: Value): Value => reduceSum(x, axesOf(axis));
    const tp = total(mul(yTrue, yPred));
    const fp = total(mul(sub(1, yTrue), yPred));
    const fn = total(mul(yTrue, sub(1, yPred)));
    return sub(1, div(tp, add(add(tp, add(mul(fp, alpha), mul(fn, beta))), epsilon)));
  }
}
/** One minus the Tversky index of two regions. */
export const tversky = (options: z.input<typeof tverskySchema> = {}): Tversky => new Tversky(options);
losses.register(Tversky);
