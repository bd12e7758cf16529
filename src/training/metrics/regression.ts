import * as z from 'zod';
import { deferred } from '../../core/deferred.ts';
import type { Value } from '../../ir/graph.ts';
import { cast, neg, squaredDifference } from '../../ops/index.ts';
import * as losses from '../losses/index.ts';
import { type MetricSums, metricOptions, metrics } from '../metric.ts';
import { LossMetric, MeanMetric } from './mean.ts';

type PlainOptions = z.input<typeof metricOptions>;

/** Mean of `(yPred - yTrue)^2`. @source keras/src/metrics/regression_metrics.py */
export class MeanSquaredError extends LossMetric<typeof metricOptions> {
  static override readonly className = 'MeanSquaredError';
  protected readonly loss = losses.meanSquaredError();
}
/** Mean of `(yPred - yTrue)^2`. */
export const meanSquaredError = (options: PlainOptions = {}): MeanSquaredError =>
  new MeanSquaredError(options);
metrics.register(MeanSquaredError, 'mse');

/** Mean of `|yPred - yTrue|`. @source keras/src/metrics/regression_metrics.py */
export class MeanAbsoluteError extends LossMetric<typeof metricOptions> {
  static override readonly className = 'MeanAbsoluteError';
  protected readonly loss = losses.meanAbsoluteError();
}
/** Mean of `|yPred - yTrue|`. */
export const meanAbsoluteError = (options: PlainOptions = {}): MeanAbsoluteError =>
  new MeanAbsoluteError(options);
metrics.register(MeanAbsoluteError, 'mae');

/** Mean of `100 * |yTrue - yPred| / max(|yTrue|, 1e-7)`. @source keras/src/metrics/regression_metrics.py */
export class MeanAbsolutePercentageError extends LossMetric<typeof metricOptions> {
  static override readonly className = 'MeanAbsolutePercentageError';
  protected readonly loss = losses.meanAbsolutePercentageError();
}
/** Mean of `100 * |yTrue - yPred| / max(|yTrue|, 1e-7)`. */
export const meanAbsolutePercentageError = (options: PlainOptions = {}): MeanAbsolutePercentageError =>
  new MeanAbsolutePercentageError(options);
metrics.register(MeanAbsolutePercentageError, 'mape');

/** Mean of `(ln(yPred + 1) - ln(yTrue + 1))^2`. @source keras/src/metrics/regression_metrics.py */
export class MeanSquaredLogarithmicError extends LossMetric<typeof metricOptions> {
  static override readonly className = 'MeanSquaredLogarithmicError';
  protected readonly loss = losses.meanSquaredLogarithmicError();
}
/** Mean of `(ln(yPred + 1) - ln(yTrue + 1))^2`. */
export const meanSquaredLogarithmicError = (options: PlainOptions = {}): MeanSquaredLogarithmicError =>
  new MeanSquaredLogarithmicError(options);
metrics.register(MeanSquaredLogarithmicError, 'msle');

const logCoshErrorSchema = deferred(() => metricOptions.extend({ name: z.string().default('logcosh') }));
/** Mean of `ln(cosh(yPred - yTrue))`. @source keras/src/metrics/regression_metrics.py */
export class LogCoshError extends LossMetric<typeof logCoshErrorSchema> {
  static override readonly className = 'LogCoshError';
  static override readonly schema = logCoshErrorSchema;
  protected readonly loss = losses.logCosh();
}
/** Mean of `ln(cosh(yPred - yTrue))`. */
export const logCoshError = (options: z.input<typeof logCoshErrorSchema> = {}): LogCoshError =>
  new LogCoshError(options);
metrics.register(LogCoshError, 'logCosh');

/** `sqrt(mean((yPred - yTrue)^2))`. @source keras/src/metrics/regression_metrics.py */
export class RootMeanSquaredError extends MeanMetric<typeof metricOptions> {
  static override readonly className = 'RootMeanSquaredError';
  protected values(yTrue: Value, yPred: Value): Value {
    return squaredDifference(yPred, cast(yTrue, yPred.dtype));
  }
  /** As in Keras, all values count: this metric does not look at masks. */
  protected override mask(): undefined {
    return undefined;
  }
  override result(sums: MetricSums): number {
    return Math.sqrt(super.result(sums));
  }
  override get direction(): 'min' {
    return 'min';
  }
}
/** `sqrt(mean((yPred - yTrue)^2))`. */
export const rootMeanSquaredError = (options: PlainOptions = {}): RootMeanSquaredError =>
  new RootMeanSquaredError(options);
metrics.register(RootMeanSquaredError, 'rmse');

const cosineSimilaritySchema = deferred(() => metricOptions.extend({ axis: z.int().default(-1) }));
/**
 * Mean of `sum(unit(yTrue) * unit(yPred))` over `axis`: 1 where both point the same way (the loss is the negative).
 * @source keras/src/metrics/regression_metrics.py
 */
export class CosineSimilarity extends MeanMetric<typeof cosineSimilaritySchema> {
  static override readonly className = 'CosineSimilarity';
  static override readonly schema = cosineSimilaritySchema;
  readonly #loss = losses.cosineSimilarity({ axis: this.options.axis });
  protected values(yTrue: Value, yPred: Value): Value {
    return neg(this.#loss.call(yTrue, yPred));
  }
  override get direction(): 'max' {
    return 'max';
  }
}
/** Mean of `sum(unit(yTrue) * unit(yPred))` over `axis`. */
export const cosineSimilarity = (options: z.input<typeof cosineSimilaritySchema> = {}): CosineSimilarity =>
  new CosineSimilarity(options);
metrics.register(CosineSimilarity);
