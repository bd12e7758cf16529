import type * as z from 'zod';
import { formatShape, type Shape, sameShape } from '../../core/shape.ts';
import type { Tensor } from '../../core/tensor.ts';
import { DataError, ShapeError } from '../../errors.ts';
import type { Value } from '../../ir/graph.ts';
import { cast } from '../../ops/index.ts';
import { Loss } from '../loss.ts';

/** Keras's fuzz factor: keeps logarithms and divisions finite. */
export const epsilon = 1e-7;

/** A loss of targets that have the type and shape of the predictions. */
export abstract class PairLoss<S extends z.ZodType = z.ZodType> extends Loss<S> {
  /** The losses; both values have one type and shape. */
  protected abstract losses(yTrue: Value, yPred: Value): Value;

  /** What to do about targets of another shape. */
  protected get shapeHint(): string {
    return '';
  }

  /** @throws {@link ShapeError} when the shapes differ */
  call(yTrue: Value, yPred: Value): Value {
    if (!sameShape(yTrue.shape, yPred.shape)) {
      throw new ShapeError(
        `${this.className}: expected targets of the shape of the predictions, ${formatShape(yPred.shape)}. ` +
          `Received ${formatShape(yTrue.shape)}. ${this.shapeHint}`.trimEnd(),
        { op: this.className, expected: formatShape(yPred.shape), received: formatShape(yTrue.shape) },
      );
    }
    return this.losses(cast(yTrue, yPred.dtype), yPred);
  }

  /** @throws {@link DataError} when a target is not a number */
  override checkTargets(yTrue: Tensor): void {
    const at = yTrue.data.findIndex((v: number | bigint) => Number.isNaN(v));
    if (at < 0) return;
    throw new DataError(
      `${this.className}: targets must be numbers, but ${place(yTrue.shape, at)} is NaN. ` +
        'Drop such samples or fill them in.',
      { op: this.className, argument: 'y', received: 'NaN' },
    );
  }
}

/** `y[3,17]`: where the element at a flat position is. */
export function place(shape: Shape, flat: number): string {
  const index: number[] = [];
  let rest = flat;
  for (const n of shape.toReversed()) {
    index.unshift(rest % n);
    rest = Math.floor(rest / n);
  }
  return `y[${index}]`;
}
