import * as z from 'zod';
import { deferred } from '../../core/deferred.ts';
import { formatShape, sizeOf } from '../../core/shape.ts';
import { ShapeError } from '../../errors.ts';
import type { Value } from '../../ir/graph.ts';
import {
  add,
  argMax,
  broadcastTo,
  cast,
  equal,
  greaterEqual,
  less,
  logicalAnd,
  logicalNot,
  mul,
  reshape,
  scatterElements,
  where,
} from '../../ops/index.ts';
import { scalarConstant } from '../../ops/support.ts';
import { alignWeights } from '../loss.ts';
import { epsilon } from '../losses/pair-loss.ts';
import { Metric, type MetricSums, metricOptions, metrics } from '../metric.ts';

/** How targets and predictions say which class a place belongs to. */
interface Regions {
  readonly numClasses: number;
  /** Classes whose IoU is averaged. */
  readonly targetClassIds: readonly number[];
  /** Places with this target do not count. */
  readonly ignoreClass: number | null;
  /** The class of every place, as integers. */
  readonly target: (yTrue: Value) => Value;
  readonly prediction: (yPred: Value) => Value;
}

/**
 * Intersection over union, `tp / (tp + fp + fn)`, averaged over those target classes that occur.
 * @source keras/src/metrics/iou_metrics.py
 */
abstract class IntersectionOverUnion<S extends z.ZodType> extends Metric<S> {
  protected abstract readonly regions: Regions;

  /** @throws {@link ShapeError} when there is not one target for each prediction */
  update(yTrue: Value, yPred: Value, sampleWeight: Value | undefined): { confusion: Value } {
    const { numClasses, ignoreClass, target, prediction } = this.regions;
    const [t, p] = [target(yTrue), prediction(yPred)];
    if (sizeOf(t.shape) !== sizeOf(p.shape)) {
      throw new ShapeError(
        `${this.className}: expected one target per prediction. Received ${formatShape(t.shape)} and ` +
          `${formatShape(p.shape)}.`,
        { op: this.className, expected: formatShape(p.shape), received: formatShape(t.shape) },
      );
    }
    const flat = (x: Value): Value => reshape(x, [sizeOf(x.shape)]);
    const known = logicalAnd(inRange(flat(t), numClasses), inRange(flat(p), numClasses));
    const counts = ignoreClass === null ? known : logicalAnd(known, logicalNot(equal(flat(t), ignoreClass)));
    const weights = flat(
      alignWeights(sampleWeight ?? scalarConstant(1, 'float32'), { dtype: 'float32', shape: t.shape }),
    );
    const cell = add(mul(flat(t), numClasses), flat(p));
    const empty = broadcastTo(scalarConstant(0, 'float32'), [numClasses ** 2]);
    const amounts = where(counts, weights, 0);
    return { confusion: scatterElements(empty, where(counts, cell, 0), amounts, 0, 'add') };
  }

  result({ confusion }: MetricSums): number {
    if (confusion === undefined) return 0;
    const { numClasses, targetClassIds } = this.regions;
    const cell = (t: number, p: number): number => confusion[t * numClasses + p] as number;
    let [total, occurring] = [0, 0];
    for (const id of targetClassIds) {
      let union = -cell(id, id);
      for (let other = 0; other < numClasses; other++) union += cell(id, other) + cell(other, id);
      if (union <= 1e-9) continue;
      total += cell(id, id) / (union + epsilon);
      occurring++;
    }
    return total / (occurring + epsilon);
  }

  override get direction(): 'max' {
    return 'max';
  }
}

const inRange = (x: Value, classes: number): Value => logicalAnd(greaterEqual(x, 0), less(x, classes));
const integers = (x: Value): Value => cast(x, 'int64');
const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

const classIds = z.array(z.int().nonnegative()).min(1);
const meanOptions = deferred(() =>
  metricOptions.extend({
    numClasses: z.int().min(1),
    /** Places with this target do not count. */
    ignoreClass: z.int().nullable().default(null),
    /** Predictions are class numbers; else the largest along `axis` wins. */
    sparseYPred: z.boolean().default(true),
    axis: z.int().default(-1),
  }),
);
const sparseOptions = deferred(() =>
  meanOptions.extend({
    /** Targets are class numbers; else the largest along `axis` wins. */
    sparseYTrue: z.boolean().default(true),
  }),
);
const oneHotOptions = deferred(() => meanOptions.extend({ sparseYPred: z.boolean().default(false) }));

interface RegionOptions {
  readonly numClasses: number;
  readonly targetClassIds?: readonly number[];
  readonly ignoreClass: number | null;
  readonly sparseYTrue?: boolean;
  readonly sparseYPred: boolean;
  readonly axis: number;
}
const regionsOf = (options: RegionOptions): Regions => {
  const {
    numClasses,
    targetClassIds = range(numClasses),
    ignoreClass,
    sparseYTrue = false,
    sparseYPred,
  } = options;
  const classes = (sparse: boolean) => (x: Value) => (sparse ? integers(x) : argMax(x, options.axis));
  return {
    numClasses,
    targetClassIds,
    ignoreClass,
    target: classes(sparseYTrue),
    prediction: classes(sparseYPred),
  };
};
const idsExist = ({
  targetClassIds,
  numClasses,
}: {
  targetClassIds: number[];
  numClasses: number;
}): boolean => targetClassIds.every((id) => id < numClasses);
const idsError = { path: ['targetClassIds'], error: 'Every id must be below "numClasses".' };

const iouSchema = deferred(() =>
  sparseOptions.extend({ targetClassIds: classIds }).refine(idsExist, idsError),
);
/** Mean intersection over union of the classes `targetClassIds`. @source keras/src/metrics/iou_metrics.py */
export class IoU extends IntersectionOverUnion<typeof iouSchema> {
  static override readonly className = 'IoU';
  static override readonly schema = iouSchema;
  protected readonly regions = regionsOf(this.options);
}
/** Mean intersection over union of the classes `targetClassIds`. */
export const iou = (options: z.input<typeof iouSchema>): IoU => new IoU(options);
metrics.register(IoU);

/** Mean intersection over union of all classes that occur. @source keras/src/metrics/iou_metrics.py */
export class MeanIoU extends IntersectionOverUnion<typeof sparseOptions> {
  static override readonly className = 'MeanIoU';
  static override readonly schema = sparseOptions;
  protected readonly regions = regionsOf(this.options);
}
/** Mean intersection over union of all classes that occur. */
export const meanIoU = (options: z.input<typeof sparseOptions>): MeanIoU => new MeanIoU(options);
metrics.register(MeanIoU);

const binaryIoUSchema = deferred(() =>
  metricOptions
    .extend({
      targetClassIds: classIds.default([0, 1]),
      /** A prediction of at least this is class 1. */
      threshold: z.number().default(0.5),
    })
    .refine(({ targetClassIds }) => targetClassIds.every((id) => id < 2), {
      path: ['targetClassIds'],
      error: 'Every id must be 0 or 1.',
    }),
);
/** Mean intersection over union of "no" (0) and "yes" (1). @source keras/src/metrics/iou_metrics.py */
export class BinaryIoU extends IntersectionOverUnion<typeof binaryIoUSchema> {
  static override readonly className = 'BinaryIoU';
  static override readonly schema = binaryIoUSchema;
  protected readonly regions: Regions = {
    numClasses: 2,
    targetClassIds: this.options.targetClassIds,
    ignoreClass: null,
    target: integers,
    prediction: (yPred) => integers(greaterEqual(yPred, this.options.threshold)),
  };
}
/** Mean intersection over union of "no" (0) and "yes" (1). */
export const binaryIoU = (options: z.input<typeof binaryIoUSchema> = {}): BinaryIoU => new BinaryIoU(options);
metrics.register(BinaryIoU);

const oneHotIoUSchema = deferred(() =>
  oneHotOptions.extend({ targetClassIds: classIds }).refine(idsExist, idsError),
);
/** Mean intersection over union of the classes `targetClassIds`; targets are one-hot. @source keras/src/metrics/iou_metrics.py */
export class OneHotIoU extends IntersectionOverUnion<typeof oneHotIoUSchema> {
  static override readonly className = 'OneHotIoU';
  static override readonly schema = oneHotIoUSchema;
  protected readonly regions = regionsOf(this.options);
}
/** Mean intersection over union of the classes `targetClassIds`; targets are one-hot. */
export const oneHotIoU = (options: z.input<typeof oneHotIoUSchema>): OneHotIoU => new OneHotIoU(options);
metrics.register(OneHotIoU);

/** Mean intersection over union of all classes that occur; targets are one-hot. @source keras/src/metrics/iou_metrics.py */
export class OneHotMeanIoU extends IntersectionOverUnion<typeof oneHotOptions> {
  static override readonly className = 'OneHotMeanIoU';
  static override readonly schema = oneHotOptions;
  protected readonly regions = regionsOf(this.options);
}
/** Mean intersection over union of all classes that occur; targets are one-hot. */
export const oneHotMeanIoU = (options: z.input<typeof oneHotOptions>): OneHotMeanIoU =>
  new OneHotMeanIoU(options);
metrics.register(OneHotMeanIoU);
