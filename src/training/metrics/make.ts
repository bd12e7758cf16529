import type { TensorType } from '../../core/shape.ts';
import { type Metric, type MetricSpec, metrics } from '../metric.ts';
import { problemOf } from '../problem.ts';

/** Names whose meaning depends on targets and predictions. */
const ambiguous = /^(accuracy|acc|crossentropy|ce)$/i;

/** Refuses what {@link makeMetric} cannot make, before targets are known. @throws {@link ConfigError} */
export function checkMetric(spec: MetricSpec): void {
  if (typeof spec !== 'string' || !ambiguous.test(spec)) metrics.make(spec);
}

/**
 * The metric that `spec` describes. `accuracy` (`acc`) and `crossentropy` (`ce`) are the kind that fits targets and
 * predictions. A metric given by name is called by that very name in logs.
 * @throws {@link ConfigError} for an unknown name or bad options
 */
export function makeMetric(spec: MetricSpec, yTrue: TensorType, yPred: TensorType): Metric {
  if (typeof spec !== 'string') return metrics.make(spec);
  const type = /^(accuracy|acc)$/i.test(spec)
    ? `${problemOf(yTrue, yPred)}Accuracy`
    : /^(crossentropy|ce)$/i.test(spec)
      ? `${problemOf(yTrue, yPred)}Crossentropy`
      : spec;
  return metrics.make({ type, name: spec });
}
