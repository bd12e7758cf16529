import type { DType } from '../core/dtype.ts';
import type { Random } from '../core/random.ts';
import { type Shape, sizeOf } from '../core/shape.ts';

/** Data of an example call: a type, a shape and how to fill it. */
export interface SampleData {
  readonly dtype: DType;
  readonly shape: Shape;
  fill(random: Random): Float64Array;
}

const filled =
  (dtype: DType, draw: (random: Random) => number) =>
  (shape: Shape): SampleData => ({
    dtype,
    shape,
    fill: (random) => Float64Array.from({ length: sizeOf(shape) }, () => draw(random)),
  });

/** Standard normal numbers. */
export const normal = filled('float32', (r) => r.normal());
/** Uniform in [0.25, 2]. */
export const positive = filled('float32', (r) => 0.25 + 1.75 * r.uniform());
/** Uniform in (-0.9, 0.9). */
export const unit = filled('float32', (r) => 1.8 * r.uniform() - 0.9);
/** Away from zero and other kinks: 0.2 to 1.2 with either sign. */
export const nonzero = filled('float32', (r) => (0.2 + r.uniform()) * (r.uniform() < 0.5 ? -1 : 1));
/** 0 or 1. */
export const bools = filled('bool', (r) => r.integer(2));

/** Distinct numbers a tenth apart, shuffled: maxima are unique. */
export const distinct = (shape: Shape): SampleData => ({
  dtype: 'float32',
  shape,
  fill: (random) =>
    Float64Array.from(random.permutation(sizeOf(shape)), (i) => (i - sizeOf(shape) / 2) / 10 + 0.03),
});

/** Integers in [0, limit). */
export const integers = (shape: Shape, limit: number, dtype: DType = 'int64'): SampleData =>
  filled(dtype, (r) => r.integer(limit))(shape);

/** Exactly these numbers; a vector unless a shape is given. */
export const values = (
  data: readonly number[],
  shape: Shape = [data.length],
  dtype: DType = 'float32',
): SampleData => ({
  dtype,
  shape,
  fill: () => Float64Array.from(data),
});
