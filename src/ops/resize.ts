import { formatShape, type Shape, sameShape, sizeOf } from '../core/shape.ts';
import { Tensor, tensor } from '../core/tensor.ts';
import { ConfigError, ShapeError } from '../errors.ts';
import { constant, type Value } from '../ir/graph.ts';
import type { OnnxNode } from '../ir/onnx-node.ts';
import { gather } from './gather.ts';
import { matmul } from './matmul.ts';
import { reshape, transpose } from './shape.ts';
import { upsample } from './upsample.ts';
import { perAxis, spatialOf } from './window.ts';

/** How {@link resize} computes new elements from old ones. */
export interface Interpolation {
  readonly mode?: 'nearest' | 'linear' | 'cubic';
  /** Place in the input of an element of the result. */
  readonly coordinates?: 'halfPixel' | 'pytorchHalfPixel' | 'asymmetric' | 'alignCorners';
  /** Which neighbour is the nearest, mode `nearest`. */
  readonly nearestMode?: 'roundPreferFloor' | 'roundPreferCeil' | 'floor' | 'ceil';
  /** Coefficient `a` of the cubic kernel: -0.75 (ONNX, PyTorch) or -0.5 (TensorFlow, Pillow). */
  readonly cubicCoefficient?: number;
  /** Whether elements outside the input are left out and weights rescaled (mode `cubic`); else the edge repeats. */
  readonly excludeOutside?: boolean;
}

export interface ResizeOptions extends Interpolation {
  /** New spatial sizes; one number counts for all axes. */
  readonly sizes: number | readonly number[];
  /** Result size over input size as coordinates see it, where that is not just the quotient of the sizes. */
  readonly scales?: readonly number[];
}

/**
 * Resamples the spatial axes, channels first, one axis after the other.
 *
 * Not an op of its own: whole factors of mode `nearest` are {@link upsample}, other sizes a gather, and the
 * interpolations products with small constant matrices, so that gradients need no further rule.
 * @param x - `[N, C, ...spatial]`
 * @returns `[N, C, ...sizes]`
 * @throws {@link ShapeError} when `x` has no spatial axes
 * @throws {@link ConfigError} when sizes are not positive whole numbers
 * @source ONNX Resize-13
 */
export function resize(x: Value, { sizes, scales, ...how }: ResizeOptions): Value {
  const before = spatialOf(x.shape);
  const after = perAxis(sizes, before.length);
  checkSizes(x.shape, after);
  const places = after.map((n, axis) => coordinatesOf(before[axis] as number, n, scales?.[axis], how));
  if ((how.mode ?? 'nearest') !== 'nearest') {
    return places.reduce((y, at, axis) => mix(y, axis + 2, weightsOf(at, before[axis] as number, how)), x);
  }
  const indices = places.map((at, axis) =>
    at.map((c) => nearest(c, before[axis] as number, how.nearestMode)),
  );
  const factors = after.map((n, axis) => n / (before[axis] as number));
  if (
    indices.every((list, axis) => list.every((from, i) => from === Math.floor(i / (factors[axis] as number))))
  ) {
    if (factors.every(Number.isInteger)) return sameShape(before, after) ? x : upsample(x, factors);
  }
  return indices.reduce((y, list, axis) => {
    const unchanged = list.length === before[axis] && list.every((from, i) => from === i);
    return unchanged ? y : gather(y, constant(tensor(list, [list.length], 'int64')), axis + 2);
  }, x);
}

/** Places in the input, fractions between elements included, of the elements of an axis of the result. */
function coordinatesOf(
  before: number,
  after: number,
  scale = after / before,
  { coordinates = 'halfPixel' }: Interpolation,
): number[] {
  const place = (i: number): number => {
    if (coordinates === 'asymmetric') return i / scale;
    if (coordinates === 'alignCorners') return after === 1 ? 0 : (i * (before - 1)) / (after - 1);
    return coordinates === 'pytorchHalfPixel' && after === 1 ? 0 : (i + 0.5) / scale - 0.5;
  };
  return Array.from({ length: after }, (_, i) => place(i));
}

function nearest(
  place: number,
  size: number,
  mode: Interpolation['nearestMode'] = 'roundPreferFloor',
): number {
  const rounded = {
    roundPreferFloor: Math.ceil(place - 0.5),
    roundPreferCeil: Math.floor(place + 0.5),
    floor: Math.floor(place),
    ceil: Math.ceil(place),
  }[mode];
  return Math.min(Math.max(rounded, 0), size - 1);
}

/** Row `i`: how much every element of the input counts for element `i` of the result. */
function weightsOf(places: readonly number[], size: number, how: Interpolation): Tensor {
  const data = new Float64Array(places.length * size);
  places.forEach((place, row) => {
    const first = Math.floor(place);
    const t = place - first;
    const taps = how.mode === 'cubic' ? cubicWeights(t, how.cubicCoefficient ?? -0.75) : [0, 1 - t, t, 0];
    const inside = taps.map((w, k) => (first + k - 1 < 0 || first + k - 1 >= size ? 0 : w));
    const kept = how.excludeOutside ? inside.map((w) => w / inside.reduce((a, b) => a + b, 0)) : taps;
    kept.forEach((weight, k) => {
      const at = row * size + Math.min(Math.max(first + k - 1, 0), size - 1);
      data[at] = (data[at] as number) + weight;
    });
  });
  return new Tensor('float64', [places.length, size], data);
}

/** Weights of the four neighbours of a place `t` beyond the second. @source Keys 1981, equation 4 */
function cubicWeights(t: number, a: number): number[] {
  const near = (d: number): number => ((a + 2) * d - (a + 3)) * d * d + 1;
  const far = (d: number): number => ((d - 5) * d + 8) * d * a - 4 * a;
  return [far(1 + t), near(t), near(1 - t), far(2 - t)];
}

/** `weights` times the vectors along `axis`. */
function mix(x: Value, axis: number, weights: Tensor): Value {
  const [after, before] = weights.shape as [number, number];
  const shape = x.shape.toSpliced(axis, 1, after);
  const matrix = constant(weights.cast(x.dtype));
  if (axis === x.rank - 1) return matmul(x, matrix, { transposeB: true });
  const stacked = reshape(x, [sizeOf(x.shape.slice(0, axis)), before, sizeOf(x.shape.slice(axis + 1))]);
  return reshape(matmul(matrix, stacked), shape);
}

function checkSizes(shape: Shape, sizes: readonly number[]): void {
  if (shape.length < 3) {
    throw new ShapeError(`resize: x must be [N,C,...spatial]. Received ${formatShape(shape)}.`, {
      op: 'resize',
      expected: 'three axes or more',
      received: formatShape(shape),
    });
  }
  if (sizes.length === shape.length - 2 && sizes.every((n) => Number.isInteger(n) && n > 0)) return;
  const expected = `${shape.length - 2} positive whole numbers`;
  throw new ConfigError(`resize: sizes must be ${expected}. Received [${sizes.join(',')}].`, {
    op: 'resize',
    argument: 'sizes',
    expected,
    received: `[${sizes.join(',')}]`,
  });
}

const onnxCoordinates: Readonly<Record<string, Interpolation['coordinates']>> = {
  half_pixel: 'halfPixel',
  pytorch_half_pixel: 'pytorchHalfPixel',
  asymmetric: 'asymmetric',
  align_corners: 'alignCorners',
};
const onnxNearest: Readonly<Record<string, Interpolation['nearestMode']>> = {
  round_prefer_floor: 'roundPreferFloor',
  round_prefer_ceil: 'roundPreferCeil',
  floor: 'floor',
  ceil: 'ceil',
};

/** Reads ONNX `Resize` (opset 10 on) and `Upsample`: without a crop, along spatial axes, not antialiased. */
export function readResize(node: OnnxNode): Value {
  const x = node.input(0);
  const old = node.opType === 'Upsample' || node.opset < 11;
  const { scales, sizes } = readSizes(node, x.shape, old);
  if (sizes[0] !== x.shape[0] || sizes[1] !== x.shape[1]) node.unsupported('resizing batch or channels');
  const coordinates =
    onnxCoordinates[old ? 'asymmetric' : node.string('coordinate_transformation_mode', 'half_pixel')];
  if (coordinates === undefined) node.unsupported('this coordinate_transformation_mode');
  if (node.int('antialias', 0) === 1) node.unsupported('antialias');
  const modes = { nearest: 'nearest', linear: 'linear', bilinear: 'linear', cubic: 'cubic' } as const;
  const mode = modes[node.string('mode', 'nearest') as keyof typeof modes];
  const nearestMode =
    onnxNearest[old ? 'floor' : node.string('nearest_mode', 'round_prefer_floor')] ?? 'floor';
  return resize(x, {
    mode,
    coordinates: coordinates ?? 'halfPixel',
    nearestMode,
    cubicCoefficient: node.float('cubic_coeff_a', -0.75),
    excludeOutside: mode === 'cubic' && node.int('exclude_outside', 0) === 1,
    sizes: spatialOf(sizes),
    scales: spatialOf(scales),
  });
}

/** Factors and sizes for all axes of an ONNX `Resize`. */
function readSizes(node: OnnxNode, shape: Shape, old: boolean): { scales: readonly number[]; sizes: Shape } {
  const axes = node
    .ints(
      'axes',
      shape.map((_, axis) => axis),
    )
    .map((axis) => (axis < 0 ? axis + shape.length : axis));
  const overAll = (some: readonly number[], rest: (axis: number) => number): number[] =>
    shape.map((_, axis) => some[axes.indexOf(axis)] ?? rest(axis));
  const given = old ? undefined : node.constantInts(3);
  if (given !== undefined && given.length > 0) {
    if (node.string('keep_aspect_ratio_policy', 'stretch') !== 'stretch')
      node.unsupported('keep_aspect_ratio_policy');
    const sizes = overAll(given, (axis) => shape[axis] as number);
    return { sizes, scales: sizes.map((n, axis) => n / (shape[axis] as number)) };
  }
  const scales = overAll(readScales(node, old), () => 1);
  return { scales, sizes: scales.map((s, axis) => Math.floor(s * (shape[axis] as number))) };
}

function readScales(node: OnnxNode, old: boolean): readonly number[] {
  if (node.has('scales')) node.unsupported('scales as an attribute (opset 7)');
  const known = node.constant(old ? 1 : 2)?.data ?? [];
  return Array.from(known as ArrayLike<number | bigint>, Number);
}

/**
 * Blocks of channels become blocks of pixels: `[N, C * b * b, H, W]` to `[N, C, H * b, W * b]`.
 * @param mode - how channels are counted: `DCR` (row, column, depth) or `CRD` (depth, row, column)
 * @throws {@link ShapeError} when `x` is not 4-D or its channels are no multiple of `blockSize^2`
 * @source ONNX DepthToSpace-13
 */
export function depthToSpace(x: Value, blockSize: number, mode: 'DCR' | 'CRD' = 'DCR'): Value {
  const [batch, channels, height, width] = imageShape('depthToSpace', x.shape);
  const b = blockSize;
  const depth = channels / b ** 2;
  if (!Number.isInteger(depth))
    throw indivisible('depthToSpace', x.shape, `channels must be a multiple of ${b ** 2}`);
  const apart = mode === 'DCR' ? [batch, b, b, depth, height, width] : [batch, depth, b, b, height, width];
  const order = mode === 'DCR' ? [0, 3, 4, 1, 5, 2] : [0, 1, 4, 2, 5, 3];
  return reshape(transpose(reshape(x, apart), order), [batch, depth, height * b, width * b]);
}

/**
 * Blocks of pixels become blocks of channels, counted (row, column, depth): `[N, C, H * b, W * b]` to
 * `[N, b * b * C, H, W]`.
 * @throws {@link ShapeError} when `x` is not 4-D or its height or width is no multiple of `blockSize`
 * @source ONNX SpaceToDepth-13
 */
export function spaceToDepth(x: Value, blockSize: number): Value {
  const [batch, channels, height, width] = imageShape('spaceToDepth', x.shape);
  const b = blockSize;
  if (height % b !== 0 || width % b !== 0)
    throw indivisible('spaceToDepth', x.shape, `sizes must be multiples of ${b}`);
  const apart = reshape(x, [batch, channels, height / b, b, width / b, b]);
  return reshape(transpose(apart, [0, 3, 5, 1, 2, 4]), [batch, channels * b ** 2, height / b, width / b]);
}

function imageShape(op: string, shape: Shape): readonly [number, number, number, number] {
  if (shape.length !== 4) throw indivisible(op, shape, 'x must be [N,C,H,W]');
  return shape as readonly [number, number, number, number];
}

const indivisible = (op: string, shape: Shape, rule: string): ShapeError =>
  new ShapeError(`${op}: ${rule}. Received ${formatShape(shape)}.`, { op, received: formatShape(shape) });
