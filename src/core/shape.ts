import { ShapeError } from '../errors.ts';
import type { DType } from './dtype.ts';

/** Sizes of a tensor's axes, outermost first. Inside a graph every size is known. */
export type Shape = readonly number[];

/** Shape of a symbolic tensor; `null` is a size known only when data arrives (the batch axis, as a rule). */
export type PartialShape = readonly (number | null)[];

/** Element type and shape of a value. */
export interface TensorType {
  readonly dtype: DType;
  readonly shape: Shape;
}

/** Number of elements: the product of all sizes (1 for a scalar). */
export const sizeOf = (shape: Shape): number => shape.reduce((product, n) => product * n, 1);

/**
 * A shape for so many elements, of which one size may be -1: whatever the others leave.
 * @throws {@link ShapeError} when there is no such shape
 */
export function completeShape(shape: Shape, elements: number): Shape {
  const known = sizeOf(shape.filter((n) => n !== -1));
  const full = shape.map((n) => (n === -1 ? elements / known : n));
  if (sizeOf(full) === elements && full.every((n) => Number.isInteger(n) && n >= 0)) return full;
  throw new ShapeError(
    `reshape: cannot view ${elements} elements as ${formatShape(shape)}. One size may be -1: what the others leave.`,
    {
      op: 'reshape',
      argument: 'shape',
      expected: `a shape of ${elements} elements`,
      received: formatShape(shape),
    },
  );
}

/** Row-major strides in elements. */
export function stridesOf(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let step = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = step;
    step *= shape[axis] as number;
  }
  return strides;
}

export const sameShape = (a: PartialShape, b: PartialShape): boolean =>
  a.length === b.length && a.every((n, i) => n === b[i]);

export const sameType = (a: TensorType, b: TensorType): boolean =>
  a.dtype === b.dtype && sameShape(a.shape, b.shape);

/** `[2,3]`; unknown sizes print as `?`. */
export const formatShape = (shape: PartialShape): string => `[${shape.map((n) => n ?? '?').join(',')}]`;

/** `float32[2,3]`. */
export const formatType = (type: { readonly dtype: DType; readonly shape: PartialShape }): string =>
  `${type.dtype}${formatShape(type.shape)}`;

/**
 * Shape of an elementwise result under NumPy's rules: align at the right; sizes are equal or 1.
 * @throws {@link ShapeError} when two sizes differ and neither is 1
 */
export function broadcastShapes(shapes: readonly Shape[], op: string): Shape {
  const rank = Math.max(0, ...shapes.map((s) => s.length));
  const result = new Array<number>(rank).fill(1);
  for (const shape of shapes) {
    const offset = rank - shape.length;
    for (let i = 0; i < shape.length; i++) {
      const n = shape[i] as number;
      const have = result[offset + i] as number;
      if (n === have || n === 1) continue;
      if (have !== 1) {
        const received = shapes.map(formatShape).join(' and ');
        throw new ShapeError(
          `${op}: shapes ${received} do not broadcast: sizes ${have} and ${n} of axis ${i - shape.length} differ ` +
            'and neither is 1.',
          { op, expected: 'equal sizes, or 1', received },
        );
      }
      result[offset + i] = n;
    }
  }
  return result;
}

/**
 * Axis counted from the front: `-1` becomes `rank - 1`.
 * @throws {@link ShapeError} when the axis lies outside `[-rank, rank)`
 */
export function normalizeAxis(axis: number, rank: number, op: string): number {
  if (!Number.isInteger(axis) || axis < -rank || axis >= rank) {
    throw new ShapeError(
      `${op}: axis ${axis} is out of range for a tensor with ${rank} axes. Use ${-rank} to ${rank - 1}.`,
      { op, argument: 'axis', expected: `${-rank} to ${rank - 1}`, received: String(axis) },
    );
  }
  return axis < 0 ? axis + rank : axis;
}

/** Sorted, distinct axes counted from the front; no axes means all of them. */
export function normalizeAxes(
  axes: readonly number[] | undefined,
  rank: number,
  op: string,
): readonly number[] {
  if (axes === undefined) return Array.from({ length: rank }, (_, i) => i);
  const result = axes.map((axis) => normalizeAxis(axis, rank, op)).sort((a, b) => a - b);
  if (new Set(result).size !== result.length) {
    throw new ShapeError(`${op}: axes [${axes.join(',')}] name an axis twice.`, { op, argument: 'axes' });
  }
  return result;
}
