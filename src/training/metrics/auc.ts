import * as z from 'zod';
import { deferred } from '../../core/deferred.ts';
import { formatShape } from '../../core/shape.ts';
import { tensor } from '../../core/tensor.ts';
import { ShapeError } from '../../errors.ts';
import { constant, type Value } from '../../ir/graph.ts';
import { broadcastTo, mul, sigmoid } from '../../ops/index.ts';
import { epsilon } from '../losses/pair-loss.ts';
import { Metric, type MetricSums, metricOptions, metrics, ratio } from '../metric.ts';
import {
  type Confusion,
  confusions,
  type Examples,
  evenThresholds,
  examplesOf,
  givenThresholds,
  histograms,
  type Thresholds,
} from './thresholds.ts';

const schema = deferred(() =>
  metricOptions
    .extend({
      /** Thresholds of the curve, evenly from 0 to 1. */
      numThresholds: z.int().min(2).default(200),
      /** `PRGAIN` is precision and recall against those of always saying "yes" (Flach and Kull 2015). */
      curve: z.enum(['ROC', 'PR', 'PRGAIN']).default('ROC'),
      /** How the area between two points is filled; `interpolation` of a PR curve is that of Davis and Goadrich. */
      summationMethod: z.enum(['interpolation', 'majoring', 'minoring']).default('interpolation'),
      /** Thresholds in [0, 1] instead of even ones; 0 and 1 are added. */
      thresholds: z.array(z.number().min(0).max(1)).nullable().default(null),
      /** A curve for each entry of the last axis, averaged; else all entries make one curve. */
      multiLabel: z.boolean().default(false),
      numLabels: z.int().min(1).nullable().default(null),
      /** Weight of each entry of the last axis. */
      labelWeights: z.array(z.number().nonnegative()).nullable().default(null),
      fromLogits: z.boolean().default(false),
    })
    .refine(({ multiLabel, numLabels }) => multiLabel || numLabels === null, {
      path: ['numLabels'],
      error: 'Needed only with "multiLabel: true".',
    }),
);

/** Area under the ROC, the precision-recall or the precision-recall-gain curve. @source keras/src/metrics/confusion_metrics.py */
export class AUC extends Metric<typeof schema> {
  static override readonly className = 'AUC';
  static override readonly schema = schema;

  update(yTrue: Value, yPred: Value, sampleWeight: Value | undefined): Readonly<Record<string, Value>> {
    const { multiLabel, fromLogits } = this.options;
    const scores = fromLogits ? sigmoid(yPred) : yPred;
    const examples = examplesOf(yTrue, scores, sampleWeight, 'AUC');
    const labels = this.#checkedLabels(examples.scores);
    return multiLabel
      ? histograms(examples, this.#thresholds(), labels)
      : histograms(this.#labelWeighted(examples), this.#thresholds());
  }

  result(sums: MetricSums): number {
    const { multiLabel, labelWeights } = this.options;
    if (!multiLabel) return this.#area(confusions(sums));
    const labels = (sums.positives?.length ?? 0) / (this.#thresholds().count + 1);
    let [total, weight] = [0, 0];
    for (let label = 0; label < labels; label++) {
      const w = labelWeights?.[label] ?? 1;
      total += w * this.#area(confusions(sums, label, labels));
      weight += w;
    }
    return ratio(total, weight);
  }

  override get direction(): 'max' {
    return 'max';
  }

  #thresholds(): Thresholds {
    const { thresholds, numThresholds } = this.options;
    if (thresholds === null) return evenThresholds(numThresholds, true);
    return givenThresholds([-epsilon, ...thresholds.toSorted((a, b) => a - b), 1 + epsilon]);
  }

  #checkedLabels({ shape }: Value): number {
    const { multiLabel, numLabels, labelWeights } = this.options;
    const labels = shape.at(-1) ?? 1;
    const wanted = numLabels ?? labelWeights?.length ?? labels;
    if (
      (!multiLabel || shape.length === 2) &&
      labels === wanted &&
      wanted === (labelWeights?.length ?? wanted)
    ) {
      return labels;
    }
    throw new ShapeError(
      `AUC: expected predictions ${multiLabel ? `[batch, ${wanted}]` : `[..., ${wanted}]`}` +
        `${labelWeights ? ` for ${labelWeights.length} label weights` : ''}. Received ${formatShape(shape)}.`,
      { op: 'AUC', expected: `last axis of ${wanted}`, received: formatShape(shape) },
    );
  }

  #labelWeighted(examples: Examples): Examples {
    const { labelWeights } = this.options;
    if (labelWeights === null) return examples;
    const { shape, dtype } = examples.scores;
    const own = broadcastTo(constant(tensor(labelWeights, undefined, dtype)), shape);
    return { ...examples, weights: examples.weights ? mul(examples.weights, own) : own };
  }

  #area(points: readonly Confusion[]): number {
    const { curve, summationMethod } = this.options;
    if (curve === 'PR' && summationMethod === 'interpolation') return interpolatedPrecision(points);
    const { x, y } = axes[curve];
    return areaUnder(points.map(x), points.map(y), heights[summationMethod]);
  }
}
/** Area under the ROC, the precision-recall or the precision-recall-gain curve. */
export const auc = (options: z.input<typeof schema> = {}): AUC => new AUC(options);
metrics.register(AUC);

const heights = {
  interpolation: (a: number, b: number) => (a + b) / 2,
  majoring: Math.max,
  minoring: Math.min,
};
const recallOf = ({ tp, fn }: Confusion): number => ratio(tp, tp + fn);

/** `1 - odds * wrong / tp`, with the odds of "yes" in truth. */
const gain = ({ tp, fp, tn, fn }: Confusion, wrong: number): number =>
  1 - ratio(tp + fn, tn + fp) * ratio(wrong, tp);

/** What the curves show, point by point. */
const axes = {
  ROC: { x: ({ fp, tn }: Confusion) => ratio(fp, fp + tn), y: recallOf },
  PR: { x: recallOf, y: ({ tp, fp }: Confusion) => ratio(tp, tp + fp) },
  PRGAIN: {
    x: (c: Confusion) => (c.tp === 0 ? 0 : Math.max(0, gain(c, c.fn))),
    y: (c: Confusion) => gain(c, c.fp),
  },
};

/** Sum of `(x[i] - x[i + 1]) * height(y[i], y[i + 1])`. */
function areaUnder(
  xs: readonly number[],
  ys: readonly number[],
  height: (a: number, b: number) => number,
): number {
  let sum = 0;
  for (let i = 0; i + 1 < xs.length; i++) {
    const width = (xs[i] as number) - (xs[i + 1] as number);
    sum += width * height(ys[i] as number, ys[i + 1] as number);
  }
  return sum;
}

/**
 * Area under the precision-recall curve with true positives, not precision, interpolated between thresholds:
 * `slope * (dTP + intercept * ln(pA / pB)) / (TP + FN)`, with `p = TP + FP`, `slope = dTP / dp`.
 * @source Davis & Goadrich 2006, https://www.biostat.wisc.edu/~page/rocpr.pdf
 */
function interpolatedPrecision(points: readonly Confusion[]): number {
  let sum = 0;
  for (let i = 0; i + 1 < points.length; i++) {
    const [low, high] = [points[i], points[i + 1]] as [Confusion, Confusion];
    const [pLow, pHigh] = [low.tp + low.fp, high.tp + high.fp];
    const dTp = low.tp - high.tp;
    const slope = ratio(dTp, Math.max(pLow - pHigh, 0));
    const intercept = high.tp - slope * pHigh;
    const growth = pLow > 0 && pHigh > 0 ? Math.log(pLow / pHigh) : 0;
    sum += ratio(slope * (dTp + intercept * growth), high.tp + high.fn);
  }
  return sum;
}
