import * as z from 'zod';
import { deferred } from '../../core/deferred.ts';
import type { Value } from '../../ir/graph.ts';
import { Metric, type MetricSums, metricOptions, metrics, ratio } from '../metric.ts';
import {
  type Confusion,
  confusions,
  type ExampleOptions,
  examplesOf,
  givenThresholds,
  histograms,
  never,
  noConfusion,
  thresholdOption,
} from './thresholds.ts';

/** A figure of the confusion matrix at one threshold. */
abstract class ConfusionMetric<S extends z.ZodType> extends Metric<S> {
  protected abstract readonly threshold: number;
  protected readonly exampleOptions: ExampleOptions = {};
  protected abstract figure(confusion: Confusion): number;

  update(yTrue: Value, yPred: Value, sampleWeight: Value | undefined): Readonly<Record<string, Value>> {
    const examples = examplesOf(yTrue, yPred, sampleWeight, this.className, this.exampleOptions);
    return histograms(examples, givenThresholds([this.threshold]));
  }

  result(sums: MetricSums): number {
    return this.figure(confusions(sums)[0] ?? noConfusion);
  }
}

const countSchema = deferred(() =>
  metricOptions.extend({
    /** A score above it is a "yes"; 0.5 by default. */
    thresholds: thresholdOption,
  }),
);
type CountOptions = z.input<typeof countSchema>;

/** How many (weighted) examples fall into one cell of the confusion matrix. */
abstract class ConfusionCount extends ConfusionMetric<typeof countSchema> {
  static override readonly schema = countSchema;
  protected readonly threshold = this.options.thresholds ?? 0.5;
}

/** Number of "yes" answers that are right. @source keras/src/metrics/confusion_metrics.py */
export class TruePositives extends ConfusionCount {
  static override readonly className = 'TruePositives';
  protected figure({ tp }: Confusion): number {
    return tp;
  }
}
/** Number of "yes" answers that are right. */
export const truePositives = (options: CountOptions = {}): TruePositives => new TruePositives(options);
metrics.register(TruePositives);

/** Number of "no" answers that are right. @source keras/src/metrics/confusion_metrics.py */
export class TrueNegatives extends ConfusionCount {
  static override readonly className = 'TrueNegatives';
  protected figure({ tn }: Confusion): number {
    return tn;
  }
}
/** Number of "no" answers that are right. */
export const trueNegatives = (options: CountOptions = {}): TrueNegatives => new TrueNegatives(options);
metrics.register(TrueNegatives);

/** Number of "yes" answers that are wrong. @source keras/src/metrics/confusion_metrics.py */
export class FalsePositives extends ConfusionCount {
  static override readonly className = 'FalsePositives';
  protected figure({ fp }: Confusion): number {
    return fp;
  }
}
/** Number of "yes" answers that are wrong. */
export const falsePositives = (options: CountOptions = {}): FalsePositives => new FalsePositives(options);
metrics.register(FalsePositives);

/** Number of "no" answers that are wrong. @source keras/src/metrics/confusion_metrics.py */
export class FalseNegatives extends ConfusionCount {
  static override readonly className = 'FalseNegatives';
  protected figure({ fn }: Confusion): number {
    return fn;
  }
}
/** Number of "no" answers that are wrong. */
export const falseNegatives = (options: CountOptions = {}): FalseNegatives => new FalseNegatives(options);
metrics.register(FalseNegatives);

const rateSchema = deferred(() =>
  metricOptions.extend({
    /** A score above it is a "yes"; 0.5 by default, and no threshold with `topK`. */
    thresholds: thresholdOption,
    /** Only the `topK` highest scores along the last axis can be a "yes". */
    topK: z.int().min(1).nullable().default(null),
    /** Only this class counts; all by default. */
    classId: z.int().nonnegative().nullable().default(null),
  }),
);
type RateOptions = z.input<typeof rateSchema>;

/** A rate at a threshold, or among the highest scores. */
abstract class ConfusionRate extends ConfusionMetric<typeof rateSchema> {
  static override readonly schema = rateSchema;
  protected readonly threshold = this.options.thresholds ?? (this.options.topK === null ? 0.5 : never);
  protected override readonly exampleOptions = this.options;
  override get direction(): 'max' {
    return 'max';
  }
}

/** Share of the "yes" answers that are right: `tp / (tp + fp)`. @source keras/src/metrics/confusion_metrics.py */
export class Precision extends ConfusionRate {
  static override readonly className = 'Precision';
  protected figure({ tp, fp }: Confusion): number {
    return ratio(tp, tp + fp);
  }
}
/** Share of the "yes" answers that are right: `tp / (tp + fp)`. */
export const precision = (options: RateOptions = {}): Precision => new Precision(options);
metrics.register(Precision);

/** Share of what is true that was found: `tp / (tp + fn)`. @source keras/src/metrics/confusion_metrics.py */
export class Recall extends ConfusionRate {
  static override readonly className = 'Recall';
  protected figure({ tp, fn }: Confusion): number {
    return ratio(tp, tp + fn);
  }
}
/** Share of what is true that was found: `tp / (tp + fn)`. */
export const recall = (options: RateOptions = {}): Recall => new Recall(options);
metrics.register(Recall);
