import * as z from 'zod';
import { deferred } from '../../core/deferred.ts';
import type { Value } from '../../ir/graph.ts';
import {
  add,
  cast,
  div,
  equal,
  mul,
  reduceMean,
  sqrt,
  square,
  squaredDifference,
  sub,
  where,
} from '../../ops/index.ts';
import { epsilon } from '../losses/pair-loss.ts';
import { metricOptions, metrics } from '../metric.ts';
import { MeanMetric } from './mean.ts';

const schema = deferred(() =>
  metricOptions.extend({
    /** Axes over which targets and predictions are compared. */
    axis: z.union([z.int(), z.array(z.int())]).default(-1),
  }),
);
type Options = z.input<typeof schema>;

/** Means, variances and the covariance of targets and predictions over `axis`. */
interface Moments {
  readonly means: readonly [Value, Value];
  readonly variances: readonly [Value, Value];
  readonly covariance: Value;
}

/** A figure of how targets and predictions vary together, averaged over samples. */
abstract class Correlation extends MeanMetric<typeof schema> {
  static override readonly schema = schema;

  protected abstract figure(moments: Moments): Value;

  protected values(yTrue: Value, yPred: Value): Value {
    const axes = [this.options.axis].flat();
    const mean = (x: Value): Value => reduceMean(x, axes);
    const [t, p] = [cast(yTrue, yPred.dtype), yPred];
    const [offT, offP] = [sub(t, reduceMean(t, axes, true)), sub(p, reduceMean(p, axes, true))];
    return this.figure({
      means: [mean(t), mean(p)],
      variances: [mean(square(offT)), mean(square(offP))],
      covariance: mean(mul(offT, offP)),
    });
  }

  override get direction(): 'max' {
    return 'max';
  }
}

/**
 * Linear correlation over `axis`, averaged over samples: `cov(t, p) / sqrt(var(t) * var(p))`, and 0 where one of them
 * does not vary.
 * @source keras/src/metrics/correlation_metrics.py
 */
export class PearsonCorrelation extends Correlation {
  static override readonly className = 'PearsonCorrelation';
  protected figure({ variances: [t, p], covariance }: Moments): Value {
    const scale = sqrt(mul(t, p));
    const still = equal(scale, 0);
    return div(covariance, where(still, 1, scale));
  }
}
/** Linear correlation of targets and predictions. @see {@link PearsonCorrelation} */
export const pearsonCorrelation = (options: Options = {}): PearsonCorrelation =>
  new PearsonCorrelation(options);
metrics.register(PearsonCorrelation);

/**
 * Agreement over `axis`, averaged over samples: `2 * cov(t, p) / (var(t) + var(p) + (mean(t) - mean(p))^2 + 1e-7)`.
 * @source Lin 1989; keras/src/metrics/correlation_metrics.py
 */
export class ConcordanceCorrelation extends Correlation {
  static override readonly className = 'ConcordanceCorrelation';
  protected figure({ means, variances: [t, p], covariance }: Moments): Value {
    const spread = add(add(t, p), squaredDifference(...means));
    return div(mul(covariance, 2), add(spread, epsilon));
  }
}
/** Agreement of targets and predictions. @see {@link ConcordanceCorrelation} */
export const concordanceCorrelation = (options: Options = {}): ConcordanceCorrelation =>
  new ConcordanceCorrelation(options);
metrics.register(ConcordanceCorrelation);
