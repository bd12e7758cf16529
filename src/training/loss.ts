import * as z from 'zod';
import { Configured, ConfiguredRegistry, type Spec } from '../core/configured.ts';
import { deferred } from '../core/deferred.ts';
import { type PartialShape, sizeOf, type TensorType } from '../core/shape.ts';
import type { Tensor } from '../core/tensor.ts';
import type { Value } from '../ir/graph.ts';
import { maskOf } from '../layers/masks.ts';
import { broadcastTo, cast, div, equal, logicalAnd, mul, reduceSum, reshape, where } from '../ops/index.ts';
import { scalarConstant } from '../ops/support.ts';

/** How the losses of the samples become one number. */
const reductionOption = z
  .enum(['sumOverBatchSize', 'mean', 'sum', 'meanWithSampleWeight', 'none'])
  .default('sumOverBatchSize');
export type Reduction = z.output<typeof reductionOption>;

/** Options of every loss. */
export const lossOptions = deferred(() =>
  z.strictObject({ reduction: reductionOption, name: z.string().optional() }),
);

/** What training minimizes: subclasses give the loss of each sample, this class weighs and reduces. */
export abstract class Loss<S extends z.ZodType = z.ZodType> extends Configured<S> {
  static override readonly schema: z.ZodType = lossOptions;

  /**
   * Loss of each sample: as a rule the shape of `yPred` without its last axis.
   * `yTrue` has been brought to the rank of `yPred` where one of them has a last axis of size 1.
   */
  abstract call(yTrue: Value, yPred: Value): Value;

  /** Which losses of {@link call} count, as booleans; `undefined`: all of them. */
  mask(_yTrue: Value, _yPred: Value): Value | undefined {
    return undefined;
  }

  /** Refuses targets that the loss cannot take, e.g. labels out of range; called once with all data of a `fit`. */
  checkTargets(_yTrue: Tensor, _predictions: PartialShape): void {}

  /**
   * The loss of a batch: `reduction` of the (weighted) losses of its samples, of the steps that `yPred`'s mask lets pass.
   * @param sampleWeight - `[batch]` or `[batch, ...]`, broadcast from the left
   * @source keras/src/losses/loss.py
   */
  compute(yTrue: Value, yPred: Value, sampleWeight?: Value): Value {
    const pair = sameRank(yTrue, yPred);
    const { reduction } = this.options as z.output<typeof lossOptions>;
    return reduce(this.call(...pair), sampleWeight, bothMasks(maskOf(yPred), this.mask(...pair)), reduction);
  }
}

export type LossSpec = Spec<Loss>;
export const losses = new ConfiguredRegistry<Loss>('loss');

/** Adds or drops a last axis of size 1 on `yTrue` so that both have equal rank, as Keras does. */
export function sameRank(yTrue: Value, yPred: Value): [Value, Value] {
  if (yTrue.rank === yPred.rank + 1 && yTrue.shape.at(-1) === 1)
    return [reshape(yTrue, yTrue.shape.slice(0, -1)), yPred];
  if (yTrue.rank === yPred.rank - 1 && yPred.shape.at(-1) === 1)
    return [reshape(yTrue, [...yTrue.shape, 1]), yPred];
  return [yTrue, yPred];
}

/** Weights brought to a type and shape: `[batch]` applies to all that belongs to a sample. */
export function alignWeights(weights: Value, { dtype, shape }: TensorType): Value {
  const typed = cast(weights, dtype);
  const dropped =
    typed.rank > shape.length && typed.shape.at(-1) === 1 ? reshape(typed, typed.shape.slice(0, -1)) : typed;
  const missing = Math.max(0, shape.length - dropped.rank);
  return broadcastTo(reshape(dropped, [...dropped.shape, ...new Array<number>(missing).fill(1)]), shape);
}

/** Means run over the entries that `mask` lets pass. */
function reduce(
  losses: Value,
  sampleWeight: Value | undefined,
  mask: Value | undefined,
  reduction: Reduction,
): Value {
  const { values, weights, valid } = weigh(losses, sampleWeight, mask);
  const weighted = weights ? mul(values, weights) : values;
  if (reduction === 'none' || values.rank === 0) return weighted;
  const total = reduceSum(weighted);
  if (reduction === 'sum') return total;
  const counted = reduction === 'meanWithSampleWeight' ? weights : valid;
  return counted ? divideNoNan(total, reduceSum(counted)) : div(total, sizeOf(values.shape));
}

/** What both masks let pass. */
export const bothMasks = (a: Value | undefined, b: Value | undefined): Value | undefined =>
  a && b ? logicalAnd(a, b) : (a ?? b);

/** Values with the weights that belong to them, in one shape: those given, and 0 where `mask` lets nothing pass. */
export function weigh(
  x: Value,
  sampleWeight: Value | undefined,
  mask: Value | undefined,
): { readonly values: Value; readonly weights: Value | undefined; readonly valid: Value | undefined } {
  // one value for the whole batch counts for each sample
  const values = x.rank === 0 && sampleWeight ? broadcastTo(x, sampleWeight.shape) : x;
  const valid = mask && alignWeights(mask, values);
  const given = sampleWeight && alignWeights(sampleWeight, values);
  return { values, weights: given && valid ? mul(given, valid) : (given ?? valid), valid };
}

/** `a / b`, and 0 where `b` is 0. */
function divideNoNan(a: Value, b: Value): Value {
  const zero = equal(b, 0);
  return where(zero, scalarConstant(0, a.dtype), div(a, where(zero, 1, b)));
}
