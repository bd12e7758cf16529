import { allocate, type DType, isBig, isFloat } from '../core/dtype.ts';
import { type Shape, sizeOf, stridesOf } from '../core/shape.ts';
import { Tensor } from '../core/tensor.ts';

/** A tensor of the reference interpreter: every element a float64, whatever the declared type. */
export interface NDArray {
  readonly dtype: DType;
  readonly shape: Shape;
  readonly data: Float64Array;
}

/** Float64 copy of a host tensor. */
export const toNDArray = (t: Tensor): NDArray => ({
  dtype: t.dtype,
  shape: t.shape,
  data: Float64Array.from(t.data as ArrayLike<number | bigint>, Number),
});

/** Host tensor of the declared type. */
export function fromNDArray({ dtype, shape, data }: NDArray): Tensor {
  const storage = allocate(dtype, data.length);
  if (isBig(dtype))
    data.forEach((v, i) => {
      storage[i] = BigInt(Math.trunc(v));
    });
  else (storage as Float64Array).set(data);
  return new Tensor(dtype, shape, storage);
}

/** Rounds results to what their type can hold: integers wrap, `bool` is 0 or 1, floats stay float64. */
export function normalize(dtype: DType, data: Float64Array): Float64Array {
  if (isFloat(dtype) || isBig(dtype)) return data;
  if (dtype === 'bool') return data.map((v) => (v === 0 ? 0 : 1));
  const cells = allocate(dtype, data.length);
  for (let i = 0; i < data.length; i++) cells[i] = data[i] as number;
  return Float64Array.from(cells as ArrayLike<number | bigint>, Number);
}

/** Calls `f(flat, index)` for every element of `shape` in row-major order; `index` is reused between calls. */
export function forEachIndex(shape: Shape, f: (flat: number, index: readonly number[]) => void): void {
  const index = new Array<number>(shape.length).fill(0);
  const total = sizeOf(shape);
  for (let flat = 0; flat < total; flat++) {
    f(flat, index);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      index[axis] = (index[axis] as number) + 1;
      if ((index[axis] as number) < (shape[axis] as number)) break;
      index[axis] = 0;
    }
  }
}

/** Position in a tensor of `shape` of the element that broadcasting reads at `index` of the result. */
export function broadcastReader(shape: Shape, rank: number): (index: readonly number[]) => number {
  const strides = stridesOf(shape);
  const offset = rank - shape.length;
  return (index) => {
    let position = 0;
    for (let axis = 0; axis < shape.length; axis++) {
      if (shape[axis] !== 1) position += (index[offset + axis] as number) * (strides[axis] as number);
    }
    return position;
  };
}

/** The arrays of all inputs in order; a loop, because it runs for every scalar of an optimizer step. */
function present(inputs: Readonly<Record<string, NDArray | readonly NDArray[] | undefined>>): NDArray[] {
  const arrays: NDArray[] = [];
  for (const x of Object.values(inputs)) {
    if (x === undefined) continue;
    if ('data' in x) arrays.push(x);
    else arrays.push(...x);
  }
  return arrays;
}

/** `f` of the first elements; spelled out because it runs for every scalar of an optimizer step. */
function ofScalars(f: (...xs: number[]) => number, arrays: readonly NDArray[]): number {
  const [a, b] = arrays as readonly [NDArray, NDArray?];
  if (arrays.length > 2) return f(...arrays.map((x) => x.data[0] as number));
  return b === undefined ? f(a.data[0] as number) : f(a.data[0] as number, b.data[0] as number);
}

/** Elementwise reference with NumPy broadcasting. */
export function elementwise(
  f: (...xs: number[]) => number,
): (
  inputs: Readonly<Record<string, NDArray | readonly NDArray[] | undefined>>,
  attrs: unknown,
  y: { readonly shape: Shape },
) => Float64Array {
  return (inputs, _attrs, y) => {
    const arrays = present(inputs);
    if (y.shape.length === 0) return Float64Array.of(ofScalars(f, arrays));
    const result = new Float64Array(sizeOf(y.shape));
    if (arrays.every((a) => a.data.length === result.length)) {
      for (let i = 0; i < result.length; i++) result[i] = f(...arrays.map((a) => a.data[i] as number));
      return result;
    }
    const readers = arrays.map((a) => broadcastReader(a.shape, y.shape.length));
    forEachIndex(y.shape, (flat, index) => {
      result[flat] = f(
        ...arrays.map((a, k) => a.data[(readers[k] as (i: readonly number[]) => number)(index)] as number),
      );
    });
    return result;
  };
}
