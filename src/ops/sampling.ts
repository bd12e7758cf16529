import { tensor } from '../core/tensor.ts';
import { constant, type Value } from '../ir/graph.ts';
import { add, div, maximum, minimum, mod, mul, sub } from './binary.ts';
import { cast } from './cast.ts';
import { clip } from './clip.ts';
import { greaterEqual, lessEqual, logicalAnd, where } from './compare.ts';
import { stack } from './concat.ts';
import { gatherND } from './gather.ts';
import { broadcastTo, expandDims, reshape } from './shape.ts';
import type { ValueLike } from './support.ts';
import { abs, floor, sign } from './unary.ts';

/** How {@link sampleImages} finds colors between and beyond the pixels. */
export interface Sampling {
  readonly interpolation?: 'nearest' | 'bilinear' | 'bicubic';
  /**
   * What lies beyond the edge: one number, the pixel at the edge, the image mirrored with its edge (`reflect`: `b a | a b`)
   * or without (`mirror`: `c b | a b c`), or the image again.
   */
  readonly fillMode?: 'constant' | 'nearest' | 'reflect' | 'mirror' | 'wrap';
  /** The number of fill mode `constant`. */
  readonly fillValue?: number;
}

/** A neighbour of the places that are sampled, along one axis. */
interface Tap {
  /** Where in the image it is. */
  readonly place: Value;
  /** What it counts; undefined where there is no other. */
  readonly weight?: Value;
  /** Whether it is in the image, in mode `constant`. */
  readonly inside?: Value;
}

/**
 * Colors of images at any places: `y[n, i, j] = x[n, rows[n, i, j], columns[n, i, j]]`, rows and columns counted from the
 * centre of the first pixel.
 *
 * Not an op of its own but a sum over gathered neighbours, so that gradients need no further rule.
 * @param x - `[N, H, W, C]`
 * @param rows - `[N, h, w]`, as `columns`
 * @returns `[N, h, w, C]`
 */
export function sampleImages(x: Value, rows: Value, columns: Value, how: Sampling = {}): Value {
  const [, height, width] = x.shape as readonly [number, number, number];
  const across = tapsOf(columns, width, how);
  const parts = tapsOf(rows, height, how).flatMap((row) =>
    across.map((column) => {
      const pixel = gatherND(x, stack([row.place, column.place], -1), 1);
      const filled =
        row.inside && column.inside
          ? where(expandDims(logicalAnd(row.inside, column.inside), -1), pixel, how.fillValue ?? 0)
          : pixel;
      return row.weight && column.weight
        ? mul(filled, expandDims(mul(row.weight, column.weight), -1))
        : filled;
    }),
  );
  return parts.reduce((a, b) => add(a, b));
}

function tapsOf(
  at: Value,
  size: number,
  { interpolation = 'bilinear', fillMode = 'constant' }: Sampling,
): Tap[] {
  const tap = (index: Value, weight?: Value): Tap => ({
    place: cast(folded(index, size, fillMode), 'int64'),
    ...(weight && { weight }),
    ...(fillMode === 'constant' && {
      inside: logicalAnd(greaterEqual(index, 0), lessEqual(index, size - 1)),
    }),
  });
  // halves away from zero
  if (interpolation === 'nearest') return [tap(mul(sign(at), floor(add(abs(at), 0.5))))];
  const lower = floor(at);
  const weight = sub(at, lower);
  if (interpolation === 'bicubic') return cubicWeights(weight).map((w, k) => tap(add(lower, k - 1), w));
  return [tap(lower, sub(1, weight)), tap(add(lower, 1), weight)];
}

/** Weights of the four neighbours of a place `t` beyond the second, with `a = -0.75`. @source Keys 1981, equation 4 */
function cubicWeights(t: Value): Value[] {
  const near = (d: Value): Value => add(mul(mul(sub(mul(d, 1.25), 2.25), d), d), 1);
  const far = (d: Value): Value => mul(sub(mul(add(mul(sub(d, 5), d), 8), d), 4), -0.75);
  return [far(add(t, 1)), near(t), near(sub(1, t)), far(sub(2, t))];
}

/** Places beyond the edge taken to where the fill mode finds their color. */
function folded(index: Value, size: number, fillMode: Sampling['fillMode']): Value {
  if (fillMode === 'wrap') return mod(index, size);
  if (fillMode === 'reflect') {
    const there = mod(index, 2 * size);
    return minimum(there, sub(2 * size - 1, there));
  }
  if (fillMode === 'mirror') {
    const there = mod(index, Math.max(2 * size - 2, 1));
    return minimum(there, abs(sub(2 * size - 2, there)));
  }
  return clip(index, 0, size - 1);
}

/**
 * Where pixels of the result come from: `x = (a0 x' + a1 y' + a2) / k`, `y = (b0 x' + b1 y' + b2) / k` with
 * `k = c0 x' + c1 y' + 1`; each a number, or one for each image, `[N, 1, 1]`.
 */
export interface Projection {
  readonly a: readonly [ValueLike, ValueLike, ValueLike];
  readonly b: readonly [ValueLike, ValueLike, ValueLike];
  /** Left out in affine transforms. */
  readonly c?: readonly [ValueLike, ValueLike];
}

/**
 * Images moved, turned, stretched, sheared or seen from the side.
 * @param x - `[N, H, W, C]`
 * @returns the shape of `x`
 */
export function projectImages(x: Value, { a, b, c }: Projection, how?: Sampling): Value {
  const [batch, height, width] = x.shape as readonly [number, number, number];
  const [column, row] = [countUp(width, [1, 1, width]), countUp(height, [1, height, 1])];
  const weighed = ([p, q]: readonly ValueLike[]): Value =>
    add(mul(column, p as ValueLike), mul(row, q as ValueLike));
  const k = c && add(weighed(c), 1);
  const [columns, rows] = [a, b].map((line) => {
    const sum = add(weighed(line), line[2]);
    return broadcastTo(k ? div(sum, k) : sum, [batch, height, width]);
  }) as [Value, Value];
  return sampleImages(x, rows, columns, how);
}

/** `0, 1, ... n - 1` along the one long axis of `shape`. */
export const countUp = (n: number, shape: readonly number[]): Value =>
  reshape(
    constant(
      tensor(
        Array.from({ length: n }, (_, i) => i),
        [n],
        'float32',
      ),
    ),
    shape,
  );

/**
 * Windows of images, each at a whole place of its own.
 * @param x - `[N, H, W, C]`
 * @param top - first rows, whole numbers `[N, 1, 1]`; `left`: first columns
 * @returns `[N, height, width, C]`
 */
export function cropImages(x: Value, top: Value, left: Value, height: number, width: number): Value {
  const shape = [x.shape[0] as number, height, width];
  const rows = broadcastTo(add(countUp(height, [1, height, 1]), top), shape);
  const columns = broadcastTo(add(countUp(width, [1, 1, width]), left), shape);
  const within = (at: Value, size: number): Value => cast(maximum(minimum(at, size - 1), 0), 'int64');
  const [h, w] = [x.shape[1] as number, x.shape[2] as number];
  return gatherND(x, stack([within(rows, h), within(columns, w)], -1), 1);
}
