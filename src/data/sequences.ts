import { allocate, type DType } from '../core/dtype.ts';
import { formatShape } from '../core/shape.ts';
import { Tensor, type TensorLike, tensor } from '../core/tensor.ts';
import { DataError } from '../errors.ts';

/** Options of {@link padSequences}. */
export interface PadOptions {
  /** Length of every row; by default that of the longest. */
  readonly maxLength?: number;
  /** Default `int32`. */
  readonly dtype?: DType;
  /** Where the padding goes. Default `pre`. */
  readonly padding?: 'pre' | 'post';
  /** Which end of rows that are too long is cut off. Default `pre`. */
  readonly truncating?: 'pre' | 'post';
  /** What pads. Default 0. */
  readonly value?: number;
}

/**
 * Rows of different length as one tensor `[rows, length]`.
 * @example padSequences([[1], [2, 3]]) // [[0, 1], [2, 3]]
 * @source keras/src/utils/sequence_utils.py
 */
export function padSequences(
  sequences: readonly ArrayLike<number>[],
  { maxLength, dtype = 'int32', padding = 'pre', truncating = 'pre', value = 0 }: PadOptions = {},
): Tensor {
  const length = maxLength ?? sequences.reduce((longest, row) => Math.max(longest, row.length), 0);
  const data = new Float64Array(sequences.length * length).fill(value);
  sequences.forEach((row, i) => {
    const numbers = Array.from(row);
    const kept =
      truncating === 'post' ? numbers.slice(0, length) : numbers.slice(Math.max(0, row.length - length));
    data.set(kept, i * length + (padding === 'pre' ? length - kept.length : 0));
  });
  return new Tensor('float64', [sequences.length, length], data).cast(dtype);
}

/**
 * Class numbers as rows with a 1 at the class: `[...]` (a last axis of 1 goes) becomes `float32 [..., numClasses]`.
 * @param numClasses - the largest number and one by default
 * @throws {@link DataError} for a number outside of `[0, numClasses)`
 * @source keras/src/utils/numerical_utils.py
 */
export function toCategorical(labels: TensorLike, numClasses?: number): Tensor {
  const { shape, data } = tensor(labels);
  const classes = Array.from(data as ArrayLike<number | bigint>, Number);
  const depth = numClasses ?? classes.reduce((most, label) => Math.max(most, label), -1) + 1;
  const result = new Float32Array(classes.length * depth);
  classes.forEach((label, i) => {
    if (!Number.isInteger(label) || label < 0 || label >= depth) {
      throw new DataError(`toCategorical: expected classes 0 to ${depth - 1}. Received ${label}.`, {
        op: 'toCategorical',
        expected: `0 to ${depth - 1}`,
        received: String(label),
      });
    }
    result[i * depth + label] = 1;
  });
  const kept = shape.length > 1 && shape.at(-1) === 1 ? shape.slice(0, -1) : shape;
  return new Tensor('float32', [...kept, depth], result);
}

/**
 * Vectors along an axis divided by their norm: `x / sum(|x|^order)^(1/order)`; zeros stay.
 * @param axis - default the last
 * @param order - default 2, the Euclidean norm; `Infinity` is the largest magnitude
 * @source keras/src/utils/numerical_utils.py
 */
export function normalize(x: TensorLike, axis = -1, order = 2): Tensor {
  const { shape, data } = tensor(x);
  const at = axis < 0 ? axis + shape.length : axis;
  const size = shape[at];
  if (size === undefined) {
    throw new DataError(`normalize: expected an axis of ${formatShape(shape)}. Received ${axis}.`, {
      op: 'normalize',
      argument: 'axis',
      received: String(axis),
    });
  }
  const inner = shape.slice(at + 1).reduce((a, b) => a * b, 1);
  const numbers = Float64Array.from(data as ArrayLike<number | bigint>, Number);
  const result = allocate('float32', numbers.length);
  for (let i = 0; i < numbers.length; i++) {
    const start = Math.floor(i / (size * inner)) * size * inner + (i % inner);
    const vector = Array.from({ length: size }, (_, j) => Math.abs(numbers[start + j * inner] as number));
    const norm =
      order === Number.POSITIVE_INFINITY
        ? Math.max(...vector)
        : vector.reduce((sum, v) => sum + v ** order, 0) ** (1 / order);
    result[i] = (numbers[i] as number) / (norm === 0 ? 1 : norm);
  }
  return new Tensor('float32', shape, result);
}
