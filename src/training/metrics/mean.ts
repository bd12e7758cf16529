import type * as z from 'zod';
import { sizeOf } from '../../core/shape.ts';
import type { Value } from '../../ir/graph.ts';
import { maskOf } from '../../layers/masks.ts';
import { mul, reduceSum } from '../../ops/index.ts';
import { scalarConstant } from '../../ops/support.ts';
import { bothMasks, type Loss, sameRank, weigh } from '../loss.ts';
import { Metric, type MetricSums, ratio, scalarSum } from '../metric.ts';

/**
 * The (weighted) mean of a number per sample, or per element.
 * @source keras/src/metrics/reduction_metrics.py
 */
export abstract class MeanMetric<S extends z.ZodType = z.ZodType> extends Metric<S> {
  /** What is averaged; `yTrue` has been brought to the rank of `yPred` where one has a last axis of size 1. */
  protected abstract values(yTrue: Value, yPred: Value): Value;

  /** Which values count, as booleans; `undefined`: all of them. By default what the mask of `yPred` lets pass. */
  protected mask(_yTrue: Value, yPred: Value): Value | undefined {
    return maskOf(yPred);
  }

  update(yTrue: Value, yPred: Value, sampleWeight: Value | undefined): { total: Value; count: Value } {
    const pair = sameRank(yTrue, yPred);
    const { values, weights } = weigh(this.values(...pair), sampleWeight, this.mask(...pair));
    return weights
      ? { total: reduceSum(mul(values, weights)), count: reduceSum(weights) }
      : { total: reduceSum(values), count: scalarConstant(sizeOf(values.shape), values.dtype) };
  }

  result(sums: MetricSums): number {
    return ratio(scalarSum(sums, 'total'), scalarSum(sums, 'count'));
  }
}

/** The mean of a loss. */
export abstract class LossMetric<S extends z.ZodType = z.ZodType> extends MeanMetric<S> {
  protected abstract readonly loss: Loss;

  protected values(yTrue: Value, yPred: Value): Value {
    return this.loss.call(yTrue, yPred);
  }

  protected override mask(yTrue: Value, yPred: Value): Value | undefined {
    return bothMasks(maskOf(yPred), this.loss.mask(yTrue, yPred));
  }

  override get direction(): 'min' {
    return 'min';
  }
}
