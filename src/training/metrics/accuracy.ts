import * as z from 'zod';
import { deferred } from '../../core/deferred.ts';
import type { Value } from '../../ir/graph.ts';
import {
  argMax,
  cast,
  equal,
  expandDims,
  gatherElements,
  greater,
  less,
  reduceSum,
} from '../../ops/index.ts';
import { classLabels } from '../losses/sparse.ts';
import { metricOptions, metrics } from '../metric.ts';
import { MeanMetric } from './mean.ts';

/** The share of right answers. */
abstract class AccuracyMetric<S extends z.ZodType> extends MeanMetric<S> {
  /** Whether each answer is right, as booleans. */
  protected abstract matches(yTrue: Value, yPred: Value): Value;

  protected values(yTrue: Value, yPred: Value): Value {
    return cast(this.matches(yTrue, yPred), 'float32');
  }

  override get direction(): 'max' {
    return 'max';
  }
}
type PlainOptions = z.input<typeof metricOptions>;

/** How often `yPred` equals `yTrue`. @source keras/src/metrics/accuracy_metrics.py */
export class Accuracy extends AccuracyMetric<typeof metricOptions> {
  static override readonly className = 'Accuracy';
  protected matches(yTrue: Value, yPred: Value): Value {
    return equal(cast(yTrue, yPred.dtype), yPred);
  }
}
/** How often `yPred` equals `yTrue`. */
export const accuracy = (options: PlainOptions = {}): Accuracy => new Accuracy(options);
metrics.register(Accuracy);

const binaryAccuracySchema = deferred(() => metricOptions.extend({ threshold: z.number().default(0.5) }));
/** How often `yPred > threshold` equals `yTrue`. @source keras/src/metrics/accuracy_metrics.py */
export class BinaryAccuracy extends AccuracyMetric<typeof binaryAccuracySchema> {
  static override readonly className = 'BinaryAccuracy';
  static override readonly schema = binaryAccuracySchema;
  protected matches(yTrue: Value, yPred: Value): Value {
    const answers = cast(greater(yPred, this.options.threshold), yPred.dtype);
    return equal(cast(yTrue, yPred.dtype), answers);
  }
}
/** How often `yPred > threshold` equals `yTrue`. */
export const binaryAccuracy = (options: z.input<typeof binaryAccuracySchema> = {}): BinaryAccuracy =>
  new BinaryAccuracy(options);
metrics.register(BinaryAccuracy);

/** How often the largest prediction is where the one-hot row has its one. @source keras/src/metrics/accuracy_metrics.py */
export class CategoricalAccuracy extends AccuracyMetric<typeof metricOptions> {
  static override readonly className = 'CategoricalAccuracy';
  protected matches(yTrue: Value, yPred: Value): Value {
    return equal(argMax(yTrue), argMax(yPred));
  }
}
/** How often the largest prediction is where the one-hot row has its one. */
export const categoricalAccuracy = (options: PlainOptions = {}): CategoricalAccuracy =>
  new CategoricalAccuracy(options);
metrics.register(CategoricalAccuracy);

/** The class of each prediction, as `int64`. */
const classOf = (yTrue: Value, yPred: Value, op: string): Value =>
  cast(classLabels(yTrue, yPred, -1, op), 'int64');

/** How often the largest prediction is that of the class number. @source keras/src/metrics/accuracy_metrics.py */
export class SparseCategoricalAccuracy extends AccuracyMetric<typeof metricOptions> {
  static override readonly className = 'SparseCategoricalAccuracy';
  protected matches(yTrue: Value, yPred: Value): Value {
    return equal(classOf(yTrue, yPred, this.className), argMax(yPred));
  }
}
/** How often the largest prediction is that of the class number. */
export const sparseCategoricalAccuracy = (options: PlainOptions = {}): SparseCategoricalAccuracy =>
  new SparseCategoricalAccuracy(options);
metrics.register(SparseCategoricalAccuracy);

/** Whether fewer than `k` classes are predicted higher than the right one. */
function amongTop(labels: Value, yPred: Value, k: number): Value {
  const right = gatherElements(yPred, expandDims(labels, -1), -1);
  return less(reduceSum(cast(greater(yPred, right), 'int32'), [-1]), k);
}
const topKSchema = deferred(() => metricOptions.extend({ k: z.int().min(1).default(5) }));

/** How often the one of the one-hot row is among the `k` largest predictions. @source keras/src/metrics/accuracy_metrics.py */
export class TopKCategoricalAccuracy extends AccuracyMetric<typeof topKSchema> {
  static override readonly className = 'TopKCategoricalAccuracy';
  static override readonly schema = topKSchema;
  protected matches(yTrue: Value, yPred: Value): Value {
    return amongTop(argMax(yTrue), yPred, this.options.k);
  }
}
/** How often the one of the one-hot row is among the `k` largest predictions. */
export const topKCategoricalAccuracy = (options: z.input<typeof topKSchema> = {}): TopKCategoricalAccuracy =>
  new TopKCategoricalAccuracy(options);
metrics.register(TopKCategoricalAccuracy);

/** How often the class number is among the `k` largest predictions. @source keras/src/metrics/accuracy_metrics.py */
export class SparseTopKCategoricalAccuracy extends AccuracyMetric<typeof topKSchema> {
  static override readonly className = 'SparseTopKCategoricalAccuracy';
  static override readonly schema = topKSchema;
  protected matches(yTrue: Value, yPred: Value): Value {
    return amongTop(classOf(yTrue, yPred, this.className), yPred, this.options.k);
  }
}
/** How often the class number is among the `k` largest predictions. */
export const sparseTopKCategoricalAccuracy = (
  options: z.input<typeof topKSchema> = {},
): SparseTopKCategoricalAccuracy => new SparseTopKCategoricalAccuracy(options);
metrics.register(SparseTopKCategoricalAccuracy);
