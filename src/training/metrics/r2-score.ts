import * as z from 'zod';
import { deferred } from '../../core/deferred.ts';
import { formatShape } from '../../core/shape.ts';
import { ShapeError } from '../../errors.ts';
import type { Value } from '../../ir/graph.ts';
import {
  broadcastTo,
  cast,
  equal,
  logicalNot,
  mul,
  reduceMax,
  reduceSum,
  squaredDifference,
} from '../../ops/index.ts';
import { scalarConstant } from '../../ops/support.ts';
import { alignWeights, sameRank } from '../loss.ts';
import { Metric, type MetricSums, metricOptions, metrics, ratio, scalarSum } from '../metric.ts';

const schema = deferred(() =>
  metricOptions.extend({
    /** Mean over the outputs, or mean weighted by the variance of their targets. */
    classAggregation: z.enum(['uniformAverage', 'varianceWeightedAverage']).default('uniformAverage'),
    /** Number of independent variables, for the adjusted score; 0: not adjusted. */
    numRegressors: z.int().nonnegative().default(0),
  }),
);

/**
 * Coefficient of determination: `1 - sum((yTrue - yPred)^2) / sum((yTrue - mean(yTrue))^2)` per output, averaged;
 * targets and predictions are `[batch, outputs]`.
 * @source keras/src/metrics/regression_metrics.py
 */
export class R2Score extends Metric<typeof schema> {
  static override readonly className = 'R2Score';
  static override readonly schema = schema;

  /** @throws {@link ShapeError} when targets and predictions are not `[batch, outputs]` */
  update(yTrue: Value, yPred: Value, sampleWeight: Value | undefined): Readonly<Record<string, Value>> {
    const [target, prediction] = sameRank(yTrue, yPred);
    if (target.rank !== 2 || prediction.rank !== 2) {
      throw new ShapeError(
        `R2Score: expected targets and predictions [batch, outputs]. Received ${formatShape(yTrue.shape)} and ` +
          `${formatShape(yPred.shape)}.`,
        { op: 'R2Score', expected: '[batch, outputs]', received: formatShape(yPred.shape) },
      );
    }
    const t = cast(target, prediction.dtype);
    const weights = sampleWeight
      ? alignWeights(sampleWeight, t)
      : broadcastTo(scalarConstant(1, t.dtype), t.shape);
    const weighted = mul(t, weights);
    const counts = reduceMax(cast(logicalNot(equal(weights, 0)), t.dtype), [1]);
    return {
      sum: reduceSum(weighted, [0]),
      squaredSum: reduceSum(mul(t, weighted), [0]),
      residual: reduceSum(mul(squaredDifference(t, prediction), weights), [0]),
      count: reduceSum(weights, [0]),
      samples: reduceSum(counts),
    };
  }

  result(sums: MetricSums): number {
    const { classAggregation, numRegressors } = this.options;
    const column = (name: string, i: number): number => sums[name]?.[i] ?? 0;
    const totals = Array.from(sums.count ?? [], (count, i) => {
      const sum = column('sum', i);
      return column('squaredSum', i) - sum * ratio(sum, count);
    });
    const scores = totals.map((total, i) => (total === 0 ? 0 : 1 - column('residual', i) / total));
    const weights = classAggregation === 'uniformAverage' ? totals.map(() => 1) : totals;
    const add = (xs: readonly number[]): number => xs.reduce((a, b) => a + b, 0);
    const score = ratio(add(scores.map((s, i) => s * (weights[i] as number))), add(weights));
    const samples = scalarSum(sums, 'samples');
    // the adjusted score needs more samples than variables
    if (numRegressors === 0 || samples - 1 <= numRegressors) return score;
    return 1 - ((1 - score) * (samples - 1)) / (samples - numRegressors - 1);
  }

  override get direction(): 'max' {
    return 'max';
  }
}
/** Coefficient of determination. */
export const r2Score = (options: z.input<typeof schema> = {}): R2Score => new R2Score(options);
metrics.register(R2Score);
