import * as z from 'zod';
import { deferred } from '../../core/deferred.ts';
import type { Value } from '../../ir/graph.ts';
import { Metric, type MetricSums, metricOptions, metrics, ratio } from '../metric.ts';
import {
  type Confusion,
  confusions,
  evenThresholds,
  examplesOf,
  givenThresholds,
  histograms,
} from './thresholds.ts';

const precisionOf = ({ tp, fp }: Confusion): number => ratio(tp, tp + fp);
const recallOf = ({ tp, fn }: Confusion): number => ratio(tp, tp + fn);
const specificityOf = ({ tn, fp }: Confusion): number => ratio(tn, tn + fp);

const pointOptions = deferred(() =>
  metricOptions.extend({
    /** Thresholds that are tried, evenly from 0 to 1. */
    numThresholds: z.int().min(1).default(200),
    /** Only this class counts; all by default. */
    classId: z.int().nonnegative().nullable().default(null),
  }),
);
interface PointOptions {
  readonly numThresholds: number;
  readonly classId: number | null;
}
const rate = z.number().min(0).max(1);

/** The best rate among the thresholds at which another rate is high enough; 0 where there is none. */
abstract class OperatingPoint<S extends z.ZodType<PointOptions>> extends Metric<S> {
  protected abstract readonly required: number;
  protected abstract constrained(confusion: Confusion): number;
  protected abstract figure(confusion: Confusion): number;

  update(yTrue: Value, yPred: Value, sampleWeight: Value | undefined): Readonly<Record<string, Value>> {
    const { numThresholds, classId } = this.options;
    const thresholds = numThresholds === 1 ? givenThresholds([0.5]) : evenThresholds(numThresholds, false);
    return histograms(examplesOf(yTrue, yPred, sampleWeight, this.className, { classId }), thresholds);
  }

  result(sums: MetricSums): number {
    const feasible = confusions(sums).filter((c) => this.constrained(c) >= this.required);
    return Math.max(0, ...feasible.map((c) => this.figure(c)));
  }

  override get direction(): 'max' {
    return 'max';
  }
}

const precisionAtRecallSchema = deferred(() => pointOptions.extend({ recall: rate }));
/** The best precision at which the recall is at least `recall`. @source keras/src/metrics/confusion_metrics.py */
export class PrecisionAtRecall extends OperatingPoint<typeof precisionAtRecallSchema> {
  static override readonly className = 'PrecisionAtRecall';
  static override readonly schema = precisionAtRecallSchema;
  protected readonly required = this.options.recall;
  protected constrained = recallOf;
  protected figure = precisionOf;
}
/** The best precision at which the recall is at least `recall`. */
export const precisionAtRecall = (options: z.input<typeof precisionAtRecallSchema>): PrecisionAtRecall =>
  new PrecisionAtRecall(options);
metrics.register(PrecisionAtRecall);

const recallAtPrecisionSchema = deferred(() => pointOptions.extend({ precision: rate }));
/** The best recall at which the precision is at least `precision`. @source keras/src/metrics/confusion_metrics.py */
export class RecallAtPrecision extends OperatingPoint<typeof recallAtPrecisionSchema> {
  static override readonly className = 'RecallAtPrecision';
  static override readonly schema = recallAtPrecisionSchema;
  protected readonly required = this.options.precision;
  protected constrained = precisionOf;
  protected figure = recallOf;
}
/** The best recall at which the precision is at least `precision`. */
export const recallAtPrecision = (options: z.input<typeof recallAtPrecisionSchema>): RecallAtPrecision =>
  new RecallAtPrecision(options);
metrics.register(RecallAtPrecision);

const sensitivityAtSpecificitySchema = deferred(() => pointOptions.extend({ specificity: rate }));
/** The best recall at which `tn / (tn + fp)` is at least `specificity`. @source keras/src/metrics/confusion_metrics.py */
export class SensitivityAtSpecificity extends OperatingPoint<typeof sensitivityAtSpecificitySchema> {
  static override readonly className = 'SensitivityAtSpecificity';
  static override readonly schema = sensitivityAtSpecificitySchema;
  protected readonly required = this.options.specificity;
  protected constrained = specificityOf;
  protected figure = recallOf;
}
/** The best recall at which `tn / (tn + fp)` is at least `specificity`. */
export const sensitivityAtSpecificity = (
  options: z.input<typeof sensitivityAtSpecificitySchema>,
): SensitivityAtSpecificity => new SensitivityAtSpecificity(options);
metrics.register(SensitivityAtSpecificity);

const specificityAtSensitivitySchema = deferred(() => pointOptions.extend({ sensitivity: rate }));
/** The best `tn / (tn + fp)` at which the recall is at least `sensitivity`. @source keras/src/metrics/confusion_metrics.py */
export class SpecificityAtSensitivity extends OperatingPoint<typeof specificityAtSensitivitySchema> {
  static override readonly className = 'SpecificityAtSensitivity';
  static override readonly schema = specificityAtSensitivitySchema;
  protected readonly required = this.options.sensitivity;
  protected constrained = recallOf;
  protected figure = specificityOf;
}
/** The best `tn / (tn + fp)` at which the recall is at least `sensitivity`. */
export const specificityAtSensitivity = (
  options: z.input<typeof specificityAtSensitivitySchema>,
): SpecificityAtSensitivity => new SpecificityAtSensitivity(options);
metrics.register(SpecificityAtSensitivity);
