import { DataError, DtypeError, ShapeError } from '../errors.ts';
import { allocate, type DType, dtypeOfData, isBig, type TensorData } from './dtype.ts';
import { formatTensor } from './format-tensor.ts';
import {
  completeShape,
  formatType,
  type Shape,
  sameShape,
  sizeOf,
  stridesOf,
  type TensorType,
} from './shape.ts';
import { type SliceRange, sliceData } from './slice-data.ts';

/** Nested arrays of numbers, booleans or bigints. */
export type NestedArray = number | boolean | bigint | readonly NestedArray[];
/** What {@link tensor} accepts. */
export type TensorLike = Tensor | TensorData | NestedArray;

/** A tensor in host memory: row-major `data` of one element type. An ordinary garbage-collected object. */
export class Tensor {
  readonly dtype: DType;
  readonly shape: Shape;
  readonly data: TensorData;

  /** @throws {@link ShapeError} when `data` does not hold as many elements as `shape` says */
  constructor(dtype: DType, shape: Shape, data: TensorData) {
    if (data.length !== sizeOf(shape)) {
      throw new ShapeError(
        `tensor: shape ${formatType({ dtype, shape })} has ${sizeOf(shape)} elements, the data has ${data.length}.`,
        { expected: String(sizeOf(shape)), received: String(data.length) },
      );
    }
    this.dtype = dtype;
    this.shape = shape;
    this.data = data;
  }

  get size(): number {
    return this.data.length;
  }

  get rank(): number {
    return this.shape.length;
  }

  /** The single element of a one-element tensor. */
  item(): number {
    if (this.size !== 1) {
      throw new ShapeError(`tensor.item(): expected one element. Received ${formatType(this)}.`, {
        expected: '1 element',
        received: formatType(this),
      });
    }
    return Number(this.data[0]);
  }

  /** The elements as nested arrays of numbers; `bool` gives booleans. */
  array(): NestedArray {
    const strides = stridesOf(this.shape);
    const read = (offset: number): NestedArray =>
      this.dtype === 'bool' ? this.data[offset] === 1 : Number(this.data[offset]);
    const build = (axis: number, offset: number): NestedArray =>
      axis === this.rank
        ? read(offset)
        : Array.from({ length: this.shape[axis] as number }, (_, i) =>
            build(axis + 1, offset + i * (strides[axis] as number)),
          );
    return build(0, 0);
  }

  /**
   * The same elements under another shape, without a copy; one size may be -1: whatever the others leave.
   * @throws {@link ShapeError} when the number of elements differs
   */
  reshape(shape: Shape): Tensor {
    return new Tensor(this.dtype, completeShape(shape, this.size), this.data);
  }

  /** The elements converted to another type; the same tensor where nothing changes. */
  cast(dtype: DType): Tensor {
    return dtype === this.dtype ? this : new Tensor(dtype, this.shape, convert(this.data, dtype));
  }

  /** Rows `[start, end)` of the first axis, as a view. */
  rows(start: number, end: number): Tensor {
    const row = sizeOf(this.shape.slice(1));
    return new Tensor(
      this.dtype,
      [end - start, ...this.shape.slice(1)],
      this.data.subarray(start * row, end * row),
    );
  }

  /**
   * A part of the tensor, copied: one entry per axis, the rest whole. A number picks one index and drops the axis,
   * `[start, end]` a range (`end` may be left out), `null` everything; negative numbers count from the end.
   * @example `x.slice(0, [1, 3], null)` is NumPy's `x[0, 1:3, :]`
   * @throws {@link ShapeError} when there are more ranges than axes, or an index lies outside
   */
  slice(...ranges: readonly SliceRange[]): Tensor {
    const { shape, data } = sliceData(this, ranges);
    return new Tensor(this.dtype, shape, data);
  }

  /** Whether type, shape and every element are the same; NaN equals NaN. */
  equals(other: Tensor): boolean {
    if (this.dtype !== other.dtype || !sameShape(this.shape, other.shape)) return false;
    for (let i = 0; i < this.size; i++) {
      const [a, b] = [this.data[i], other.data[i]];
      if (a !== b && !(Number.isNaN(a) && Number.isNaN(b))) return false;
    }
    return true;
  }

  /**
   * Whether shapes are the same and every element is close: `|a - b| <= atol + rtol * |b|`.
   * @param tolerance - defaults are NumPy's: `rtol` 1e-5, `atol` 1e-8
   */
  allClose(other: Tensor, tolerance: { readonly rtol?: number; readonly atol?: number } = {}): boolean {
    const { rtol = 1e-5, atol = 1e-8 } = tolerance;
    if (!sameShape(this.shape, other.shape)) return false;
    for (let i = 0; i < this.size; i++) {
      const [a, b] = [Number(this.data[i]), Number(other.data[i])];
      if (a !== b && !(Math.abs(a - b) <= atol + rtol * Math.abs(b))) return false;
    }
    return true;
  }

  toString(): string {
    const shown = this.data.subarray(0, 6).join(', ');
    return `Tensor ${formatType(this)} [${shown}${this.size > 6 ? ', ...' : ''}]`;
  }

  /** What `console.log` shows: type, shape and elements as nested lists, long axes shortened. */
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return formatTensor(this);
  }
}

/** Copies elements into storage of another type; non-zero becomes 1 for `bool`, floats truncate to integers. */
export function convert(data: TensorData, dtype: DType): TensorData {
  const result = allocate(dtype, data.length);
  if (isBig(dtype)) {
    for (let i = 0; i < data.length; i++) {
      const v = data[i] as number | bigint;
      result[i] = typeof v === 'bigint' ? v : BigInt(Math.trunc(v));
    }
  } else if (dtype === 'bool') {
    for (let i = 0; i < data.length; i++) result[i] = Number(data[i]) === 0 ? 0 : 1;
  } else {
    for (let i = 0; i < data.length; i++) result[i] = Number(data[i]);
  }
  return result;
}

/**
 * A tensor of nested arrays, a typed array (with `shape`) or another tensor.
 *
 * Numbers become `float32`, booleans `bool`, bigints `int64`; a typed array keeps its type.
 * @throws {@link ShapeError} when nested arrays are ragged or `shape` does not fit
 */
export function tensor(data: TensorLike, shape?: Shape, dtype?: DType): Tensor {
  if (data instanceof Tensor) return (shape ? data.reshape(shape) : data).cast(dtype ?? data.dtype);
  if (ArrayBuffer.isView(data)) {
    const own = dtypeOfData(data);
    const stored = dtype === 'bool' && own === 'uint8' ? 'bool' : own;
    return new Tensor(stored, shape ?? [data.length], data).cast(dtype ?? stored);
  }
  const found: number[] = [];
  for (let level = data; Array.isArray(level); level = level[0] as NestedArray) {
    found.push(level.length);
    if (level.length === 0) break;
  }
  const flat: (number | boolean | bigint)[] = [];
  flatten(data, found, 0, flat);
  const type = dtype ?? dtypeOfElement(flat[0]);
  const storage = allocate(type, flat.length);
  const store = isBig(type) ? (v: number | boolean | bigint) => BigInt(v) : Number;
  for (let i = 0; i < flat.length; i++) storage[i] = store(flat[i] as number | boolean | bigint);
  return new Tensor(type, shape ?? found, storage);
}

/** A scalar tensor. */
export const scalar = (value: number, dtype: DType = 'float32'): Tensor => tensor(value, [], dtype);

function dtypeOfElement(value: number | boolean | bigint | undefined): DType {
  if (typeof value === 'boolean') return 'bool';
  return typeof value === 'bigint' ? 'int64' : 'float32';
}

function flatten(value: NestedArray, shape: Shape, depth: number, out: (number | boolean | bigint)[]): void {
  if (!Array.isArray(value)) {
    if (depth !== shape.length) throw raggedError(depth, shape);
    if (typeof value !== 'number' && typeof value !== 'boolean' && typeof value !== 'bigint') {
      throw new DtypeError(
        `tensor: expected numbers, booleans or bigints. Received ${typeof value} ${String(value)}.`,
      );
    }
    out.push(value);
    return;
  }
  if (value.length !== shape[depth]) throw raggedError(depth, shape);
  for (const element of value) flatten(element as NestedArray, shape, depth + 1, out);
}

const raggedError = (depth: number, shape: Shape): DataError =>
  new DataError(
    `tensor: nested arrays are ragged at depth ${depth}; every row must have the shape [${shape.join(',')}].`,
  );

/**
 * The rows of several arrays, one after the other.
 * @param type - of each; how many rows it has does not count
 * @returns a tensor of its own memory; a single array becomes the tensor's
 */
export function concatenateRows({ dtype, shape }: TensorType, parts: readonly TensorData[]): Tensor {
  const joined = parts.length === 1 ? (parts[0] as TensorData) : joinArrays(dtype, parts);
  const row = Math.max(1, sizeOf(shape.slice(1)));
  return new Tensor(dtype, [joined.length / row, ...shape.slice(1)], joined);
}

function joinArrays(dtype: DType, parts: readonly TensorData[]): TensorData {
  const total = parts.reduce((n, part) => n + part.length, 0);
  const joined = allocate(dtype, total) as Float32Array;
  let at = 0;
  for (const part of parts) {
    joined.set(part as Float32Array, at);
    at += part.length;
  }
  return joined;
}
