import type * as z from 'zod';
import { deferred } from '../../core/deferred.ts';
import { functionOption } from '../../core/functions.ts';
import type { Value } from '../../ir/graph.ts';
import { metricOptions, metrics } from '../metric.ts';
import { MeanMetric } from './mean.ts';

const schema = deferred(() =>
  metricOptions.extend({
    /** Gives a number for each sample, or each element; a model can be saved once it has a name (`registerFunction`). */
    fn: functionOption<(yTrue: Value, yPred: Value) => Value>(),
  }),
);

/** The (weighted) mean of a function of targets and predictions. @source keras/src/metrics/reduction_metrics.py */
export class MeanMetricWrapper extends MeanMetric<typeof schema> {
  static override readonly className = 'MeanMetricWrapper';
  static override readonly schema = schema;
  protected values(yTrue: Value, yPred: Value): Value {
    return this.options.fn(yTrue, yPred);
  }
}
/** The mean of a function of targets and predictions. @see {@link MeanMetricWrapper} */
export const meanMetricWrapper = (options: z.input<typeof schema>): MeanMetricWrapper =>
  new MeanMetricWrapper(options);
metrics.register(MeanMetricWrapper);
