import type { Shape } from '../core/shape.ts';
import { InternalError } from '../errors.ts';
import type { Value } from './graph.ts';

/** What the engine itself needs to compute: the reverse walk sums cotangents, the layout pass moves axes. */
export interface Algebra {
  /** The sum of one or more values of the same shape. */
  sum(values: readonly Value[]): Value;
  /** Sums a broadcast cotangent down to `shape`. */
  sumTo(x: Value, shape: Shape): Value;
  /** `like`'s type filled with one number. */
  fill(like: Value, value: number): Value;
  transpose(x: Value, permutation: readonly number[]): Value;
  reshape(x: Value, shape: Shape): Value;
  broadcastTo(x: Value, shape: Shape): Value;
}

let provided: Algebra | undefined;

/** Called once by `ops/`, so that the engine knows no op by name. */
export function provideAlgebra(algebra: Algebra): void {
  provided = algebra;
}

/** The provided functions. */
export function algebra(): Algebra {
  if (provided === undefined) throw new InternalError('the engine was used before the ops were loaded.');
  return provided;
}
