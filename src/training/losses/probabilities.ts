import * as z from 'zod';
import { deferred } from '../../core/deferred.ts';
import { normalizeAxis } from '../../core/shape.ts';
import type { Value } from '../../ir/graph.ts';
import { byName, type Logits } from '../../ir/op.ts';
import { add, clip, div, log, logSoftmax, mul, neg, reduceSum, softplus, sub } from '../../ops/index.ts';
import { lossOptions } from '../loss.ts';
import { epsilon } from './pair-loss.ts';

/** Options of a loss of probabilities, or of the logits they are made of. */
export const probabilityOptions = deferred(() =>
  lossOptions.extend({
    /** Predictions are unbounded scores, not probabilities. */
    fromLogits: z.boolean().default(false),
    axis: z.int().default(-1),
  }),
);
/** Options of such a loss whose targets are probabilities too. */
export const smoothedOptions = deferred(() =>
  probabilityOptions.extend({
    /** Share of the targets that is spread evenly over all classes. */
    labelSmoothing: z.number().min(0).max(1).default(0),
  }),
);

/** The scores that became the probabilities `y`, where `y` is known to be a softmax or a sigmoid. */
function logitsOf(y: Value): Logits | undefined {
  const { kind, inputs, attrs } = y.node;
  if (typeof kind === 'string') return undefined;
  return kind.logits?.(
    byName(kind, inputs, (v) => v),
    attrs,
  );
}

/**
 * `ln(p)` of the probabilities along `axis`: those of a softmax directly from its scores, others divided by their sum
 * and held within [1e-7, 1 - 1e-7].
 */
export function logProbabilities(yPred: Value, axis: number, fromLogits: boolean): Value {
  if (fromLogits) return logSoftmax(yPred, axis);
  const known = logitsOf(yPred);
  if (known?.axis === normalizeAxis(axis, yPred.rank, 'loss')) return logSoftmax((known as Logits).x, axis);
  const p = div(yPred, reduceSum(yPred, [axis], true));
  return log(clip(p, epsilon, 1 - epsilon));
}

/**
 * `-t * ln(p) - (1 - t) * ln(1 - p)`, elementwise: of a sigmoid directly from its scores, else with `p` held within
 * [1e-7, 1 - 1e-7].
 */
export function binaryEntropy(t: Value, yPred: Value, fromLogits: boolean): Value {
  const scores = fromLogits ? yPred : independentLogits(yPred);
  if (scores) return sub(softplus(scores), mul(t, scores));
  const p = clip(yPred, epsilon, 1 - epsilon);
  return neg(add(mul(t, log(p)), mul(sub(1, t), log(sub(1, p)))));
}

function independentLogits(yPred: Value): Value | undefined {
  const known = logitsOf(yPred);
  return known?.axis === undefined ? known?.x : undefined;
}

/** `t * (1 - smoothing) + smoothing / classes`. */
export const smooth = (t: Value, smoothing: number, classes: number): Value =>
  smoothing === 0 ? t : add(mul(t, 1 - smoothing), smoothing / classes);
