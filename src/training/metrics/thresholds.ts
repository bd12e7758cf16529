import * as z from 'zod';
import { formatShape, sameShape, sizeOf } from '../../core/shape.ts';
import { tensor } from '../../core/tensor.ts';
import { ConfigError, ShapeError } from '../../errors.ts';
import { constant, type Value } from '../../ir/graph.ts';
import {
  add,
  broadcastTo,
  cast,
  ceil,
  clip,
  equal,
  expandDims,
  gather,
  greater,
  mul,
  reduceSum,
  reshape,
  scatterElements,
  sub,
  topK,
  where,
} from '../../ops/index.ts';
import { scalarConstant } from '../../ops/support.ts';
import { alignWeights, sameRank } from '../loss.ts';
import type { MetricSums } from '../metric.ts';

/** Thresholds in ascending order: a score above one is a "yes". */
export interface Thresholds {
  readonly count: number;
  /** How many thresholds lie strictly below each score, as `int32`. */
  below(scores: Value): Value;
}

/** These thresholds. */
export const givenThresholds = (values: readonly number[]): Thresholds => ({
  count: values.length,
  below: (scores) => {
    const limits = constant(tensor([...values], undefined, scores.dtype));
    return reduceSum(cast(greater(expandDims(scores, -1), limits), 'int32'), [-1]);
  },
});

/**
 * `count` thresholds evenly from 0 to 1.
 * @param open - the first lies just below 0: every score is above it
 */
export const evenThresholds = (count: number, open: boolean): Thresholds => ({
  count,
  below: (scores) => {
    const steps = ceil(mul(clip(scores, 0, 1), count - 1));
    return cast(open ? clip(steps, 1, count - 1) : steps, 'int32');
  },
});

/** Questions, answers and how much each counts: three values of one shape, or no weights. */
export interface Examples {
  /** 1 where the truth is "yes", else 0. */
  readonly labels: Value;
  readonly scores: Value;
  readonly weights: Value | undefined;
}

export interface ExampleOptions {
  /** Only the `topK` highest scores along the last axis can be a "yes". */
  readonly topK?: number | null;
  /** Only this entry of the last axis counts. */
  readonly classId?: number | null;
}

/** A score that is above no threshold. */
export const never = -1e10;

/**
 * Every element of the predictions as one yes-no question.
 * @throws {@link ShapeError} when targets and predictions differ in shape
 */
export function examplesOf(
  yTrue: Value,
  yPred: Value,
  sampleWeight: Value | undefined,
  op: string,
  { topK: k = null, classId = null }: ExampleOptions = {},
): Examples {
  const [target, prediction] = sameRank(yTrue, yPred);
  if (!sameShape(target.shape, prediction.shape)) {
    throw new ShapeError(
      `${op}: expected targets of the shape of the predictions, ${formatShape(yPred.shape)}. ` +
        `Received ${formatShape(yTrue.shape)}.`,
      { op, expected: formatShape(yPred.shape), received: formatShape(yTrue.shape) },
    );
  }
  const column = columnPicker(prediction, classId, op);
  const labels = cast(cast(column(target), 'bool'), prediction.dtype);
  const scores = column(k === null ? prediction : onlyTop(prediction, k));
  return { labels, scores, weights: sampleWeight && alignWeights(sampleWeight, scores) };
}

function columnPicker(x: Value, classId: number | null, op: string): (x: Value) => Value {
  if (classId === null) return (v) => v;
  const classes = x.rank < 2 ? 0 : (x.shape.at(-1) as number);
  if (classId < classes) return (v) => gather(v, scalarConstant(classId, 'int64'), -1);
  throw new ConfigError(
    `${op}: classId ${classId} is not one of the ${classes} classes of predictions ${formatShape(x.shape)}.`,
    { op, argument: 'classId', expected: `below ${classes}`, received: String(classId) },
  );
}

function onlyTop(x: Value, k: number): Value {
  const [best, places] = topK(x, Math.min(k, x.shape.at(-1) as number));
  const blank = broadcastTo(scalarConstant(0, x.dtype), x.shape);
  const ones = broadcastTo(scalarConstant(1, x.dtype), best.shape);
  return where(equal(scatterElements(blank, places, ones, -1), 0), never, x);
}

/**
 * Histograms of true and of false examples over the number of thresholds below their score; one after the other for
 * each label of the last axis where `labels` > 1.
 */
export function histograms(
  { labels, scores, weights }: Examples,
  thresholds: Thresholds,
  lanes = 1,
): { readonly positives: Value; readonly negatives: Value } {
  const bins = thresholds.count + 1;
  const starts = tensor(Int32Array.from({ length: lanes }, (_, lane) => lane * bins));
  const below = reshape(thresholds.below(scores), [-1, lanes]);
  const bin = reshape(lanes === 1 ? below : add(below, constant(starts)), [sizeOf(scores.shape)]);
  const empty = broadcastTo(scalarConstant(0, 'float32'), [lanes * bins]);
  const count = (amounts: Value): Value =>
    scatterElements(empty, bin, reshape(cast(amounts, 'float32'), bin.shape), 0, 'add');
  const hits = weights ? mul(labels, weights) : labels;
  return { positives: count(hits), negatives: count(sub(weights ?? 1, hits)) };
}

/** True and false positives, true and false negatives. */
export interface Confusion {
  readonly tp: number;
  readonly fp: number;
  readonly tn: number;
  readonly fn: number;
}
export const noConfusion: Confusion = { tp: 0, fp: 0, tn: 0, fn: 0 };

/** What {@link histograms} say at each threshold, in ascending order, for one label. */
export function confusions(sums: MetricSums, lane = 0, lanes = 1): Confusion[] {
  const { positives = new Float64Array(), negatives = new Float64Array() } = sums;
  const bins = positives.length / lanes;
  const result: Confusion[] = [];
  let [tp, fp] = [0, 0];
  for (let bin = bins - 1; bin > 0; bin--) {
    tp += positives[lane * bins + bin] as number;
    fp += negatives[lane * bins + bin] as number;
    result.unshift({ tp, fp, tn: 0, fn: 0 });
  }
  // what lies above no threshold completes the totals
  const allTrue = tp + (positives[lane * bins] ?? 0);
  const allFalse = fp + (negatives[lane * bins] ?? 0);
  return result.map((c) => ({ ...c, tn: allFalse - c.fp, fn: allTrue - c.tp }));
}

/** A threshold; Keras's list of thresholds is taken where it has one entry. */
export const thresholdOption = z
  .union([z.number().min(0).max(1), z.tuple([z.number().min(0).max(1)]).transform(([t]) => t)], {
    error:
      'Expected one number from 0 to 1. For several thresholds use several metrics, each with its own name.',
  })
  .nullable()
  .default(null);
