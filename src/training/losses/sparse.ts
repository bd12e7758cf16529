import * as z from 'zod';
import { deferred } from '../../core/deferred.ts';
import { formatShape, normalizeAxis, type PartialShape, sameShape } from '../../core/shape.ts';
import type { Tensor } from '../../core/tensor.ts';
import { DataError, ShapeError } from '../../errors.ts';
import type { Value } from '../../ir/graph.ts';
import {
  cast,
  div,
  equal,
  expandDims,
  gatherElements,
  logicalNot,
  neg,
  pow,
  reshape,
  squeeze,
  sub,
  where,
} from '../../ops/index.ts';
import { Loss, losses, lossOptions } from '../loss.ts';
import { place } from './pair-loss.ts';
import { logProbabilities, probabilityOptions } from './probabilities.ts';

/**
 * Class numbers as integers, in the shape of the predictions without the class axis.
 * @throws {@link ShapeError} when there is not one for each prediction
 */
export function classLabels(yTrue: Value, yPred: Value, classAxis: number, op: string): Value {
  const axis = normalizeAxis(classAxis, yPred.rank, op);
  const expected = yPred.shape.toSpliced(axis, 1);
  const single = yTrue.rank === yPred.rank && yTrue.shape[axis] === 1;
  if (!sameShape(single ? yTrue.shape.toSpliced(axis, 1) : yTrue.shape, expected)) {
    throw new ShapeError(
      `${op}: expected one class number per prediction, ${formatShape(expected)}. ` +
        `Received ${formatShape(yTrue.shape)}. One-hot rows need the kind that is called categorical, not sparse.`,
      { op, expected: formatShape(expected), received: formatShape(yTrue.shape) },
    );
  }
  return reshape(yTrue.dtype === 'int64' ? yTrue : cast(yTrue, 'int32'), expected);
}

/** A loss whose targets are class numbers, one for each distribution along the class axis of the predictions. */
abstract class LabelLoss<S extends z.ZodType> extends Loss<S> {
  protected abstract readonly classAxis: number;
  /** A label that stands for "unknown". */
  protected abstract readonly ignored: number | null;

  /** @throws {@link DataError} when a label is not a class number */
  override checkTargets(yTrue: Tensor, predictions: PartialShape): void {
    const classes = predictions.at(this.classAxis);
    if (typeof classes !== 'number') return;
    for (let i = 0; i < yTrue.size; i++) {
      const label = Number(yTrue.data[i]);
      if (label === this.ignored || (Number.isInteger(label) && label >= 0 && label < classes)) continue;
      throw new DataError(
        `${this.className}: labels out of range: ${place(yTrue.shape, i)} is ${label}, but the model's output has ` +
          `${classes} classes (0 to ${classes - 1}). Number the classes from 0, or give the last layer more units.`,
        {
          op: this.className,
          argument: 'y',
          expected: `whole numbers from 0 to ${classes - 1}`,
          received: String(label),
        },
      );
    }
  }

  #labels(yTrue: Value, yPred: Value): Value {
    return classLabels(yTrue, yPred, this.classAxis, this.className);
  }

  override mask(yTrue: Value, yPred: Value): Value | undefined {
    return this.ignored === null ? undefined : logicalNot(equal(this.#labels(yTrue, yPred), this.ignored));
  }

  /** The element of `x` at each label; at class 0 where the label is ignored. */
  protected pick(x: Value, yTrue: Value, yPred: Value): Value {
    const labels = this.#labels(yTrue, yPred);
    const classes = this.ignored === null ? labels : where(equal(labels, this.ignored), 0, labels);
    const axis = normalizeAxis(this.classAxis, yPred.rank, this.className);
    return squeeze(gatherElements(x, expandDims(classes, axis), axis), [axis]);
  }
}

const sparseSchema = deferred(() =>
  probabilityOptions.extend({
    /** Label that stands for "unknown": such entries count neither in the loss nor in its mean. */
    ignoreClass: z.int().nullable().default(null),
  }),
);
/**
 * `-ln(p[label])`, for class numbers as targets.
 *
 * Where predictions are the result of a softmax along `axis`, the loss is computed from its input: exact and stable,
 * also where a probability has saturated (as Keras on TensorFlow does in graphs). Other probabilities are divided by
 * their sum and held within [1e-7, 1 - 1e-7].
 * @source keras/src/losses/losses.py
 */
export class SparseCategoricalCrossentropy extends LabelLoss<typeof sparseSchema> {
  static override readonly className = 'SparseCategoricalCrossentropy';
  static override readonly schema = sparseSchema;
  protected readonly classAxis = this.options.axis;
  protected readonly ignored = this.options.ignoreClass;
  call(yTrue: Value, yPred: Value): Value {
    const { axis, fromLogits } = this.options;
    return neg(this.pick(logProbabilities(yPred, axis, fromLogits), yTrue, yPred));
  }
}
/** Cross-entropy of class numbers. */
export const sparseCategoricalCrossentropy = (
  options: z.input<typeof sparseSchema> = {},
): SparseCategoricalCrossentropy => new SparseCategoricalCrossentropy(options);
losses.register(SparseCategoricalCrossentropy);

const generalizedSchema = deferred(() =>
  lossOptions.extend({
    /** Towards 0 cross-entropy, towards 1 absolute error: how little wrong labels hurt. */
    q: z.number().gt(0).lt(1).default(0.5),
  }),
);
/**
 * `(1 - p[label]^q) / q` along the last axis, for class numbers as targets, some of which may be wrong.
 * @source keras/src/losses/losses.py; https://arxiv.org/abs/1805.07836
 */
export class CategoricalGeneralizedCrossEntropy extends LabelLoss<typeof generalizedSchema> {
  static override readonly className = 'CategoricalGeneralizedCrossEntropy';
  static override readonly schema = generalizedSchema;
  protected readonly classAxis = -1;
  protected readonly ignored = null;
  call(yTrue: Value, yPred: Value): Value {
    const { q } = this.options;
    return div(sub(1, pow(this.pick(yPred, yTrue, yPred), q)), q);
  }
}
/** Cross-entropy that tolerates wrong labels. */
export const categoricalGeneralizedCrossEntropy = (
  options: z.input<typeof generalizedSchema> = {},
): CategoricalGeneralizedCrossEntropy => new CategoricalGeneralizedCrossEntropy(options);
losses.register(CategoricalGeneralizedCrossEntropy);
