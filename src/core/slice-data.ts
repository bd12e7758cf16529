import { ShapeError } from '../errors.ts';
import { allocate, type DType, type TensorData } from './dtype.ts';
import { formatShape, type Shape, sizeOf, stridesOf } from './shape.ts';

/** What is taken of one axis: an index, `[start, end]` (`end` may be left out), or `null` for everything. */
export type SliceRange = number | readonly [start: number, end?: number] | null;

interface Axis {
  readonly start: number;
  readonly count: number;
  /** Whether an index was picked, so that the axis goes. */
  readonly picked: boolean;
}

/** Copies the part of a tensor that `ranges` name. */
export function sliceData(
  { dtype, shape, data }: { readonly dtype: DType; readonly shape: Shape; readonly data: TensorData },
  ranges: readonly SliceRange[],
): { readonly shape: Shape; readonly data: TensorData } {
  if (ranges.length > shape.length) {
    throw new ShapeError(
      `tensor.slice(): expected at most ${shape.length} ranges for shape ${formatShape(shape)}. Received ${ranges.length}.`,
      { op: 'slice', expected: `${shape.length} ranges`, received: String(ranges.length) },
    );
  }
  const axes = shape.map((size, axis) => axisOf(ranges[axis] ?? null, size, axis));
  const strides = stridesOf(shape);
  const taken = allocate(dtype, sizeOf(axes.map((a) => a.count)));
  let at = 0;
  const copy = (axis: number, offset: number): void => {
    const here = axes[axis];
    if (here === undefined) {
      taken[at++] = data[offset] as number | bigint;
      return;
    }
    for (let i = 0; i < here.count; i++)
      copy(axis + 1, offset + (here.start + i) * (strides[axis] as number));
  };
  copy(0, 0);
  return { shape: axes.filter((a) => !a.picked).map((a) => a.count), data: taken };
}

function axisOf(range: SliceRange, size: number, axis: number): Axis {
  if (range === null) return { start: 0, count: size, picked: false };
  if (typeof range === 'number') {
    const start = range < 0 ? range + size : range;
    if (Number.isInteger(range) && start >= 0 && start < size) return { start, count: 1, picked: true };
    throw new ShapeError(
      `tensor.slice(): index ${range} of axis ${axis} lies outside of its ${size} entries. Use ${-size} to ${size - 1}.`,
      { op: 'slice', expected: `${-size} to ${size - 1}`, received: String(range) },
    );
  }
  const [from, to = size] = range;
  const bound = (n: number): number => Math.min(Math.max(n < 0 ? n + size : n, 0), size);
  return { start: bound(from), count: Math.max(0, bound(to) - bound(from)), picked: false };
}
