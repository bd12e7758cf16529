import { type DType, onnxDtype } from '../core/dtype.ts';
import { formatShape, normalizeAxis, type Shape, sameShape, sizeOf, stridesOf } from '../core/shape.ts';
import { DataError, ShapeError } from '../errors.ts';
import type { Value } from '../ir/graph.ts';
import { forEachIndex, type NDArray } from '../ir/ndarray.ts';
import type { Emit, Operand } from '../ir/op.ts';
import { broadcastTo } from './shape.ts';
import { scalarConstant } from './support.ts';

/** Position of index `i` on an axis of `n` elements; negative ones count from the end. */
export function checkedIndex(i: number, n: number, op: string): number {
  if (i >= -n && i < n) return i < 0 ? i + n : i;
  throw new DataError(
    `${op}: index ${i} is out of range for an axis of ${n} elements. Use ${-n} to ${n - 1}.`,
    {
      op,
      argument: 'indices',
      expected: `${-n} to ${n - 1}`,
      received: String(i),
    },
  );
}

/** Zeros of a shape, broadcast from a scalar. */
export const zeros = (shape: Shape, dtype: DType): Value => broadcastTo(scalarConstant(0, dtype), shape);

/** Checks that `indices` pick single elements of `shape` along `axis`. */
export function checkElementIndices(shape: Shape, indices: Shape, axis: number, op: string): void {
  const at = normalizeAxis(axis, shape.length, op);
  const fits =
    indices.length === shape.length && indices.every((n, i) => i === at || n <= (shape[i] as number));
  if (fits) return;
  throw new ShapeError(
    `${op}: indices ${formatShape(indices)} must have as many axes as ${formatShape(shape)} and be no larger except ` +
      `along axis ${at}.`,
    { op, argument: 'indices', expected: formatShape(shape), received: formatShape(indices) },
  );
}

/** Calls `f(flat, place)`: the flat position of an index, and of the element of `x` that it picks. */
export function forEachElementIndex(
  x: NDArray,
  indices: NDArray,
  axis: number,
  op: string,
  f: (flat: number, place: number) => void,
): void {
  const strides = stridesOf(x.shape);
  forEachIndex(indices.shape, (flat, at) => {
    const picked = checkedIndex(indices.data[flat] as number, x.shape[axis] as number, op);
    const place = at.reduce((sum, k, i) => sum + (i === axis ? picked : k) * (strides[i] as number), 0);
    f(flat, place);
  });
}

/** Number of coordinates in the last axis of `indices`. */
export function coordinatesOf(shape: Shape, indices: Shape, batchDims: number, op: string): number {
  const k = indices.at(-1) ?? 0;
  const batched =
    sameShape(shape.slice(0, batchDims), indices.slice(0, batchDims)) && batchDims < indices.length;
  if (k >= 1 && batched && batchDims + k <= shape.length) return k;
  throw new ShapeError(
    `${op}: the last axis of indices ${formatShape(indices)} must hold 1 to ${shape.length - batchDims} coordinates ` +
      `of ${formatShape(shape)}, with ${batchDims} leading axes shared.`,
    { op, argument: 'indices', expected: formatShape(shape), received: formatShape(indices) },
  );
}

/** Calls `f(row, place, inner)`: which coordinates, where in `x` their slice starts and its size. */
export function forEachCoordinate(
  x: NDArray,
  indices: NDArray,
  batchDims: number,
  op: string,
  f: (row: number, place: number, inner: number) => void,
): void {
  const k = indices.shape.at(-1) as number;
  const strides = stridesOf(x.shape);
  const inner = sizeOf(x.shape.slice(batchDims + k));
  forEachIndex(indices.shape.slice(0, -1), (row, at) => {
    let place = 0;
    for (let axis = 0; axis < batchDims; axis++) place += (at[axis] as number) * (strides[axis] as number);
    for (let c = 0; c < k; c++) {
      const axis = batchDims + c;
      const picked = checkedIndex(indices.data[row * k + c] as number, x.shape[axis] as number, op);
      place += picked * (strides[axis] as number);
    }
    f(row, place, inner);
  });
}

/** The kernels that take coordinates know `int64` only. */
export const int64Indices = (indices: Operand, emit: Emit): Operand | string =>
  indices.type.dtype === 'int64' ? indices : emit.op('Cast', [indices], { to: { int: onnxDtype('int64') } });
