import { isFloat } from '../core/dtype.ts';
import { type Shape, sizeOf } from '../core/shape.ts';
import { Tensor } from '../core/tensor.ts';
import { ConfigError, ShapeError } from '../errors.ts';
import { constant, type Value } from '../ir/graph.ts';
import type { OnnxNode } from '../ir/onnx-node.ts';
import { apply, attrs, defineOp, makeNode } from '../ir/op.ts';
import { distinct, normal } from '../ir/samples.ts';
import { add, div, mod, mul, pow, sub } from './binary.ts';
import { cast } from './cast.ts';
import { convTranspose } from './conv-transpose.ts';
import { maxPoolCotangent, maxPoolIndices } from './max-pool-gradient.ts';
import { isFilledAround, pad } from './pad.ts';
import { forEachTouch, type PoolAttrs, poolType } from './pool-support.ts';
import { reduceMax, reduceMean, reduceSum } from './reduce.ts';
import { float, scalarConstant } from './support.ts';
import { abs, sqrt } from './unary.ts';
import { upsample } from './upsample.ts';
import {
  ceilPads,
  perAxis,
  readWindow,
  spatialOf,
  touches,
  type WindowOptions,
  windowAttrs,
  windowOnnx,
  windowPlaces,
  windowRemainders,
} from './window.ts';

/** Average pooling has neighbouring taps only. */
interface AveragePoolAttrs extends PoolAttrs {
  /** Whether padding counts as zeros; else it is left out of the average. */
  readonly countIncludePad: boolean;
}

export interface PoolOptions extends WindowOptions {
  readonly kernel: number | readonly number[];
  /** Whether a last, partial step of the window along an axis has a place in the result. */
  readonly ceilMode?: boolean;
}

export interface AveragePoolOptions extends Omit<PoolOptions, 'dilations'> {
  readonly countIncludePad?: boolean;
}

/**
 * Largest element under a window, channels first: `y[n,c,o] = max over r of x[n,c,o * strides + r * dilations - pads]`.
 * Where elements tie, the first one gets the gradient.
 * @param x - `[N, C, ...spatial]`
 * @param options - `strides` default to the kernel; pads are smaller than the kernel
 * @returns `[N, C, ...places]`
 * @throws {@link ShapeError} when the kernel is larger than the padded input
 * @throws {@link ConfigError} when an option is out of range
 * @source ONNX MaxPool-12
 */
export function maxPool(x: Value, options: PoolOptions): Value {
  return apply(maxPoolOp, { x }, poolAttrs(x, options));
}

const halves: PoolAttrs = { kernel: [2, 2], strides: [2, 2], pads: [0, 0, 0, 0], dilations: [1, 1] };
const overlapping: PoolAttrs = { kernel: [3, 2], strides: [2, 1], pads: [1, 0, 1, 1], dilations: [1, 1] };

/**
 * ONNX Runtime fuses a `Pad` of zeros into the `MaxPool` behind it, where padding is less than any number. It does not
 * where the pool says `VALID`, so one that pads as well has its padding before it.
 */
const maxPoolWindow = (a: PoolAttrs) => {
  const { pads, ...others } = windowOnnx(a);
  return a.pads.every((n) => n === 0) ? { ...others, auto_pad: { string: 'VALID' } } : { ...others, pads };
};

function paddedApart(x: Value, a: PoolAttrs): Value {
  const rank = a.kernel.length;
  const margins = a.kernel.map((_, i): [number, number] => [a.pads[i] as number, a.pads[rank + i] as number]);
  const padded = pad(x, [[0, 0], [0, 0], ...margins], 'constant', Number.NEGATIVE_INFINITY);
  return apply(maxPoolOp, { x: padded }, { ...a, pads: a.pads.map(() => 0) });
}

const maxPoolOp = defineOp({
  name: 'maxPool',
  inputs: { x: float },
  attrs: attrs<PoolAttrs>(),
  infer: ({ x }, a) => poolType('maxPool', x, a),
  lower: ({ x }, a, emit) =>
    emit.op('MaxPool', [x], { kernel_shape: { ints: a.kernel }, ...maxPoolWindow(a) }),
  vjp: ({ x }, dy, a, y) => ({ x: maxPoolCotangent(x, y, dy, a) }),
  // max(f(x)) = f(max(x)) for a rising f, which then has fewer elements to do
  simplify: ({ x }, a): Value | undefined => {
    const { kind, inputs, attrs: inner } = x.node;
    if (isFilledAround(x) && a.pads.some((n) => n !== 0)) return paddedApart(x, a);
    if (typeof kind === 'string' || !kind.monotone) return undefined;
    const pooled = apply(maxPoolOp, { x: inputs[0] as Value }, a);
    return makeNode(kind, [pooled], inner).outputs[0];
  },
  reference: ({ x }, a, y) => {
    const result = new Float64Array(sizeOf(y.shape)).fill(Number.NEGATIVE_INFINITY);
    forEachTouch(x.shape, a, (input, place) => {
      result[place] = Math.max(result[place] as number, x.data[input] as number);
    });
    return result;
  },
  samples: [
    { inputs: { x: distinct([2, 3, 4, 6]) }, attrs: halves },
    { inputs: { x: distinct([2, 2, 5, 7]) }, attrs: { ...halves, kernel: [2, 3], strides: [2, 3] } },
    { inputs: { x: distinct([1, 2, 5, 5]) }, attrs: { ...halves, pads: [1, 0, 0, 1] } },
    { inputs: { x: distinct([2, 2, 6, 5]) }, attrs: overlapping },
    { inputs: { x: distinct([1, 2, 7, 7]) }, attrs: { ...halves, dilations: [2, 3] } },
    {
      inputs: { x: distinct([2, 2, 7]) },
      attrs: { kernel: [3], strides: [3], pads: [1, 1], dilations: [1] },
    },
    {
      inputs: { x: distinct([1, 2, 4, 2, 5]) },
      attrs: { kernel: [2, 2, 2], strides: [2, 2, 2], pads: perAxis(0, 6), dilations: [1, 1, 1] },
    },
    {
      inputs: { x: distinct([1, 2, 2, 4, 5]) },
      attrs: { kernel: [1, 2, 3], strides: [1, 1, 2], pads: perAxis(0, 6), dilations: [1, 1, 1] },
    },
  ],
  errors: [
    { inputs: { x: normal([1, 2, 1, 4]) }, attrs: halves, throws: ShapeError },
    { inputs: { x: normal([2, 4]) }, attrs: halves, throws: ShapeError },
    { inputs: { x: normal([1, 2, 4, 4]) }, attrs: { ...halves, strides: [2] }, throws: ConfigError },
    { inputs: { x: normal([1, 2, 4, 4]) }, attrs: { ...halves, pads: [2, 0, 0, 0] }, throws: ConfigError },
  ],
  onnx: {
    MaxPool: (node) => {
      const x = node.input(0);
      const a = readPool(node, x);
      if (!isFloat(x.dtype)) return cast(maxPool(cast(x, 'float32'), a), x.dtype); // bytes: exact
      if (node.outputCount < 2) return maxPool(x, a);
      const indices = maxPoolIndices(x, a);
      return [maxPool(x, a), node.int('storage_order', 0) === 0 ? indices : byColumns(indices, x)];
    },
    GlobalMaxPool: (node) => globalMaxPool(node.input(0)),
  },
});

/**
 * Mean under a window, channels first.
 * @param x - `[N, C, ...spatial]`
 * @param options - `strides` default to the kernel; pads are smaller than the kernel
 * @returns `[N, C, ...places]`
 * @throws {@link ShapeError} when the kernel is larger than the padded input
 * @throws {@link ConfigError} when an option is out of range
 * @source ONNX AveragePool-11
 */
export function averagePool(x: Value, { countIncludePad = false, ...options }: AveragePoolOptions): Value {
  const own = windowAttrs({ strides: options.kernel, ...options }, x.rank - 2);
  const { kernel, ...grown } = poolAttrs(x, options);
  if (!countIncludePad || own.pads.every((n, i) => n === grown.pads[i])) {
    return apply(averagePoolOp, { x }, { kernel, ...grown, countIncludePad });
  }
  // What ceil mode adds never counts: the padding that does becomes part of the input.
  const spatial = kernel.length;
  const padded = pad(x, [
    [0, 0],
    [0, 0],
    ...kernel.map((_, i) => [own.pads[i], own.pads[spatial + i]] as [number, number]),
  ]);
  const rest = grown.pads.map((n, i) => n - (own.pads[i] as number));
  return apply(averagePoolOp, { x: padded }, { kernel, ...grown, pads: rest, countIncludePad: false });
}

const averagePoolOp = defineOp({
  name: 'averagePool',
  inputs: { x: float },
  attrs: attrs<AveragePoolAttrs>(),
  infer: ({ x }, a) => {
    if (a.dilations.every((d) => d === 1)) return poolType('averagePool', x, a);
    throw new ConfigError('averagePool: dilations must be 1. Use a depthwise conv instead.', {
      op: 'averagePool',
      argument: 'dilations',
    });
  },
  lower: ({ x }, { kernel, strides, pads, countIncludePad }, emit) =>
    emit.op('AveragePool', [x], {
      kernel_shape: { ints: kernel },
      strides: { ints: strides },
      pads: { ints: pads },
      count_include_pad: { int: Number(countIncludePad) },
    }),
  vjp: ({ x }, dy, a) => ({ x: spreadOverWindows(mul(dy, windowWeights(x, a)), x.shape, a) }),
  reference: ({ x }, a, y) => {
    const result = new Float64Array(sizeOf(y.shape));
    const counts = new Float64Array(result.length);
    forEachTouch(x.shape, a, (input, place) => {
      result[place] = (result[place] as number) + (x.data[input] as number);
      counts[place] = (counts[place] as number) + 1;
    });
    return result.map((v, i) => v / (a.countIncludePad ? sizeOf(a.kernel) : (counts[i] as number)));
  },
  simplify: ({ x }, a) => (sizeOf(a.kernel) === 1 && a.strides.every((s) => s === 1) ? x : undefined),
  samples: [
    { inputs: { x: normal([2, 3, 4, 6]) }, attrs: { ...halves, countIncludePad: false } },
    {
      inputs: { x: normal([1, 2, 5, 7]) },
      attrs: { ...halves, kernel: [2, 3], strides: [2, 3], countIncludePad: true },
    },
    { inputs: { x: normal([2, 2, 6, 5]) }, attrs: { ...overlapping, countIncludePad: false } },
    { inputs: { x: normal([2, 2, 6, 5]) }, attrs: { ...overlapping, countIncludePad: true } },
    {
      inputs: { x: normal([1, 2, 6]) },
      attrs: { kernel: [2], strides: [3], pads: [1, 0], dilations: [1], countIncludePad: false },
    },
    {
      inputs: { x: normal([1, 2, 4, 2, 5]) },
      attrs: {
        kernel: [2, 1, 2],
        strides: [2, 1, 2],
        pads: perAxis(0, 6),
        dilations: [1, 1, 1],
        countIncludePad: false,
      },
    },
  ],
  errors: [
    { inputs: { x: normal([1, 2, 1, 4]) }, attrs: { ...halves, countIncludePad: false }, throws: ShapeError },
    {
      inputs: { x: normal([1, 2, 4, 4]) },
      attrs: { ...halves, dilations: [2, 2], countIncludePad: false },
      throws: ConfigError,
    },
  ],
  onnx: {
    AveragePool: readAveragePool,
    GlobalAveragePool: (node) => globalAveragePool(node.input(0)),
    LpPool: (node) => {
      const p = node.int('p', 2);
      const powers = pow(abs(node.input(0)), p);
      const { kernel, dilations, ...window } = readPool(node, powers);
      if (dilations.some((d) => d !== 1)) node.unsupported('dilations');
      const sums = mul(averagePool(powers, { kernel, ...window, countIncludePad: true }), sizeOf(kernel));
      return root(sums, p);
    },
    GlobalLpPool: (node) => {
      const [x, p] = [node.input(0), node.int('p', 2)];
      return root(reduceSum(pow(abs(x), p), spatialAxes(x), true), p);
    },
  },
});

/** Largest element of each channel: `[N, C, ...spatial]` becomes `[N, C, 1, ...]`, or `[N, C]` without `keepDims`. */
export const globalMaxPool = (x: Value, keepDims = true): Value => reduceMax(x, spatialAxes(x), keepDims);

/** Mean of each channel: `[N, C, ...spatial]` becomes `[N, C, 1, ...]`, or `[N, C]` without `keepDims`. */
export const globalAveragePool = (x: Value, keepDims = true): Value =>
  reduceMean(x, spatialAxes(x), keepDims);

const spatialAxes = (x: Value): number[] => spatialOf(x.shape).map((_, axis) => axis + 2);

const root = (x: Value, p: number): Value => (p === 1 ? x : p === 2 ? sqrt(x) : pow(x, 1 / p));

function poolAttrs(x: Value, { kernel, ceilMode = false, ...options }: PoolOptions): PoolAttrs {
  const spatial = x.rank - 2;
  const sizes = perAxis(kernel, spatial);
  const window = windowAttrs({ strides: sizes, ...options }, spatial);
  return { kernel: sizes, ...(ceilMode ? ceilPads(spatialOf(x.shape), sizes, window) : window) };
}

function readPool(node: OnnxNode, x: Value): PoolAttrs {
  const kernel = node.ints('kernel_shape');
  const window = readWindow(node, spatialOf(x.shape), kernel);
  return poolAttrs(x, { kernel, ...window, ceilMode: node.int('ceil_mode', 0) === 1 });
}

function readAveragePool(node: OnnxNode): Value {
  const x = node.input(0);
  const kernel = node.ints('kernel_shape');
  const { dilations, ...window } = readWindow(node, spatialOf(x.shape), kernel);
  if (dilations.some((d) => d !== 1)) node.unsupported('dilations');
  const ceilMode = node.int('ceil_mode', 0) === 1;
  return averagePool(x, {
    kernel,
    ...window,
    ceilMode,
    countIncludePad: node.int('count_include_pad', 0) === 1,
  });
}

/** Positions in `[N, C, H, W]` counted column by column within each plane. */
function byColumns(indices: Value, x: Value): Value {
  const [, , height = 1, width = 1] = x.shape;
  const inPlane = mod(indices, height * width);
  const column = mod(inPlane, width);
  const row = div(sub(inPlane, column), width);
  return add(sub(indices, inPlane), add(mul(column, height), row));
}

/** What one element counts under each place of the window: one over the number of elements there. */
function windowWeights(x: Value, a: AveragePoolAttrs): Value {
  if (a.countIncludePad || a.pads.every((n) => n === 0)) return scalarConstant(1 / sizeOf(a.kernel), x.dtype);
  const sizes = spatialOf(x.shape);
  const places = windowPlaces(sizes, a.kernel, a);
  const counts = new Float64Array(sizeOf(places));
  for (const { place } of touches(sizes, a.kernel, a)) counts[place] = (counts[place] as number) + 1;
  return constant(
    new Tensor(
      'float64',
      places,
      counts.map((n) => 1 / n),
    ).cast(x.dtype),
  );
}

/** Each element of `dy` added to all elements under its place of the window: the adjoint of a sum over windows. */
function spreadOverWindows(dy: Value, shape: Shape, a: PoolAttrs): Value {
  const apart = a.kernel.every((k, i) => k === a.strides[i]) && a.pads.every((n) => n === 0);
  const outputPadding = windowRemainders(spatialOf(shape), a.kernel, a);
  if (apart)
    return pad(
      upsample(dy, a.kernel),
      [0, 0, ...outputPadding].map((n) => [0, n] as const),
    );
  const channels = shape[1] as number;
  const taps = new Tensor(
    'float64',
    [channels, 1, ...a.kernel],
    new Float64Array(channels * sizeOf(a.kernel)).fill(1),
  );
  const { strides, pads, dilations } = a;
  return convTranspose(dy, constant(taps.cast(dy.dtype)), {
    strides,
    pads,
    dilations,
    group: channels,
    outputPadding,
  });
}
