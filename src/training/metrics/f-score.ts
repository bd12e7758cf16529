import * as z from 'zod';
import { deferred } from '../../core/deferred.ts';
import { formatShape, sameShape } from '../../core/shape.ts';
import { ShapeError } from '../../errors.ts';
import type { Value } from '../../ir/graph.ts';
import {
  abs,
  cast,
  greater,
  greaterEqual,
  logicalAnd,
  mul,
  reduceMax,
  reduceSum,
  sub,
} from '../../ops/index.ts';
import { alignWeights } from '../loss.ts';
import { epsilon } from '../losses/pair-loss.ts';
import { Metric, type MetricSums, metricOptions, metrics } from '../metric.ts';

const f1Schema = deferred(() =>
  metricOptions.extend({
    /**
     * `micro`: one score of all classes together; `macro`: mean of the scores of the classes; `weighted`: mean by how
     * often each occurs.
     */
    average: z
      .enum(['micro', 'macro', 'weighted'], {
        error:
          'Expected "micro", "macro" or "weighted": a metric is one number. For one class use precision and recall with "classId".',
      })
      .default('macro'),
    /** A score above it is a "yes"; by default only the highest of each row is. */
    threshold: z.number().gt(0).max(1).nullable().default(null),
  }),
);
const fBetaSchema = deferred(() =>
  f1Schema.extend({
    name: z.string().default('fbeta_score'),
    /** Above 1 recall counts more, below 1 precision. */
    beta: z.number().positive().default(1),
  }),
);

/**
 * `(1 + beta^2) * precision * recall / (beta^2 * precision + recall)`; targets and predictions are `[batch, classes]`.
 * @source keras/src/metrics/f_score_metrics.py
 */
abstract class FScore<S extends z.ZodType<z.output<typeof f1Schema>>> extends Metric<S> {
  protected abstract readonly beta: number;

  /** @throws {@link ShapeError} when targets and predictions are not `[batch, classes]` */
  update(yTrue: Value, yPred: Value, sampleWeight: Value | undefined): Readonly<Record<string, Value>> {
    if (yPred.rank !== 2 || !sameShape(yTrue.shape, yPred.shape)) {
      throw new ShapeError(
        `${this.className}: expected targets and predictions [batch, classes]. Received ` +
          `${formatShape(yTrue.shape)} and ${formatShape(yPred.shape)}.`,
        { op: this.className, expected: '[batch, classes]', received: formatShape(yTrue.shape) },
      );
    }
    const t = cast(yTrue, yPred.dtype);
    const p = cast(this.#answers(yPred), yPred.dtype);
    const weights = sampleWeight && alignWeights(sampleWeight, t);
    const total = (x: Value): Value => reduceSum(weights ? mul(x, weights) : x, [0]);
    return {
      truePositives: total(mul(p, t)),
      falsePositives: total(mul(p, sub(1, t))),
      falseNegatives: total(mul(sub(1, p), t)),
    };
  }

  result(sums: MetricSums): number {
    const { average } = this.options;
    const { truePositives = [], falsePositives = [], falseNegatives = [] } = sums;
    const classes = Array.from(truePositives, (tp, i) => ({
      tp,
      fp: falsePositives[i] as number,
      fn: falseNegatives[i] as number,
    }));
    if (classes.length === 0) return 0;
    const total = (of: (c: (typeof classes)[number]) => number): number =>
      classes.reduce((s, c) => s + of(c), 0);
    if (average === 'micro') {
      return this.#score(
        total((c) => c.tp),
        total((c) => c.fp),
        total((c) => c.fn),
      );
    }
    const mean = average === 'macro' ? classes.length : total((c) => c.tp + c.fn) + epsilon;
    return total((c) => this.#score(c.tp, c.fp, c.fn) * (average === 'macro' ? 1 : c.tp + c.fn)) / mean;
  }

  override get direction(): 'max' {
    return 'max';
  }

  #answers(yPred: Value): Value {
    const { threshold } = this.options;
    if (threshold !== null) return greater(yPred, threshold);
    // a row of zeros has no highest
    return logicalAnd(greaterEqual(yPred, reduceMax(yPred, [-1], true)), greater(abs(yPred), 1e-9));
  }

  #score(tp: number, fp: number, fn: number): number {
    const precision = tp / (tp + fp + epsilon);
    const recall = tp / (tp + fn + epsilon);
    const square = this.beta ** 2;
    return ((1 + square) * precision * recall) / (square * precision + recall + epsilon);
  }
}

/** Harmonic mean of precision and recall. @source keras/src/metrics/f_score_metrics.py */
export class F1Score extends FScore<typeof f1Schema> {
  static override readonly className = 'F1Score';
  static override readonly schema = f1Schema;
  protected readonly beta = 1;
}
/** Harmonic mean of precision and recall. */
export const f1Score = (options: z.input<typeof f1Schema> = {}): F1Score => new F1Score(options);
metrics.register(F1Score);

/** Weighted harmonic mean of precision and recall. @source keras/src/metrics/f_score_metrics.py */
export class FBetaScore extends FScore<typeof fBetaSchema> {
  static override readonly className = 'FBetaScore';
  static override readonly schema = fBetaSchema;
  protected readonly beta = this.options.beta;
}
/** Weighted harmonic mean of precision and recall. */
export const fBetaScore = (options: z.input<typeof fBetaSchema> = {}): FBetaScore => new FBetaScore(options);
metrics.register(FBetaScore);
