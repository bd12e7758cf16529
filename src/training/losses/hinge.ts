import type * as z from 'zod';
import type { Value } from '../../ir/graph.ts';
import {
  add,
  equal,
  mul,
  reduceMax,
  reduceMean,
  reduceSum,
  relu,
  square,
  sub,
  where,
} from '../../ops/index.ts';
import { losses, type lossOptions } from '../loss.ts';
import { PairLoss } from './pair-loss.ts';

type PlainOptions = z.input<typeof lossOptions>;

/** `max(1 - yTrue * yPred, 0)`; labels are -1 or 1, and 0 reads as -1. */
const margin = (yTrue: Value, yPred: Value): Value =>
  relu(sub(1, mul(where(equal(yTrue, 0), -1, yTrue), yPred)));

/**
 * `mean(max(1 - yTrue * yPred, 0))` over the last axis, for labels -1 and 1, or 0 and 1.
 * @source keras/src/losses/losses.py
 */
export class Hinge extends PairLoss<typeof lossOptions> {
  static override readonly className = 'Hinge';
  protected losses(yTrue: Value, yPred: Value): Value {
    return reduceMean(margin(yTrue, yPred), [-1]);
  }
}
/** `mean(max(1 - yTrue * yPred, 0))` over the last axis. */
export const hinge = (options: PlainOptions = {}): Hinge => new Hinge(options);
losses.register(Hinge);

/**
 * `mean(max(1 - yTrue * yPred, 0)^2)` over the last axis, for labels -1 and 1, or 0 and 1.
 * @source keras/src/losses/losses.py
 */
export class SquaredHinge extends PairLoss<typeof lossOptions> {
  static override readonly className = 'SquaredHinge';
  protected losses(yTrue: Value, yPred: Value): Value {
    return reduceMean(square(margin(yTrue, yPred)), [-1]);
  }
}
/** `mean(max(1 - yTrue * yPred, 0)^2)` over the last axis. */
export const squaredHinge = (options: PlainOptions = {}): SquaredHinge => new SquaredHinge(options);
losses.register(SquaredHinge);

/**
 * `max(neg - pos + 1, 0)` with `pos = sum(yTrue * yPred)`, `neg = max((1 - yTrue) * yPred)` over the last axis;
 * targets are one-hot.
 * @source keras/src/losses/losses.py
 */
export class CategoricalHinge extends PairLoss<typeof lossOptions> {
  static override readonly className = 'CategoricalHinge';
  protected override get shapeHint(): string {
    return 'Targets are one-hot rows.';
  }
  protected losses(yTrue: Value, yPred: Value): Value {
    const pos = reduceSum(mul(yTrue, yPred), [-1]);
    const neg = reduceMax(mul(sub(1, yTrue), yPred), [-1]);
    return relu(add(sub(neg, pos), 1));
  }
}
/** The best wrong class must lie 1 below the right one. */
export const categoricalHinge = (options: PlainOptions = {}): CategoricalHinge =>
  new CategoricalHinge(options);
losses.register(CategoricalHinge);
