import { formatShape, normalizeAxis, type Shape, sameShape, sizeOf, type TensorType } from '../core/shape.ts';
import { ShapeError } from '../errors.ts';
import type { Value } from '../ir/graph.ts';
import { forEachIndex } from '../ir/ndarray.ts';
import { apply, attrs, defineOp, type Emit, type Operand } from '../ir/op.ts';
import { normal } from '../ir/samples.ts';
import { add, div, mul, sub } from './binary.ts';
import { reduceMean, reduceSum } from './reduce.ts';
import { reshape, transpose } from './shape.ts';
import { float } from './support.ts';
import { neg, rsqrt, square } from './unary.ts';

interface ChannelAttrs {
  /** The axis of the channels. */
  readonly axis: number;
}

/**
 * A scale and a shift for each channel: `y = x * scale + shift`, in one pass.
 * @param scale - `[channels]`
 * @param shift - `[channels]`
 * @throws {@link ShapeError} when there is not one of each for every channel
 * @source ONNX BatchNormalization-15, with mean 0 and variance 1
 */
export function affine(x: Value, scale: Value, shift: Value, axis = 1): Value {
  return apply(affineOp, { x, scale, shift }, { axis: normalizeAxis(axis, x.rank, 'affine') });
}
const affineOp = defineOp({
  name: 'affine',
  inputs: { x: float, scale: float, shift: float },
  attrs: attrs<ChannelAttrs>(),
  infer: ({ x, scale, shift }, { axis }) => perChannel('affine', x, { scale, shift }, axis),
  lower: ({ x, scale, shift }, { axis }, emit) => {
    if (axis === 1) return normalized(x, scale, shift, undefined, 0, emit);
    const scaled = emit.op('Mul', [x, alongAxis(scale, x.type.shape, axis, emit)]);
    return emit.op('Add', [scaled, alongAxis(shift, x.type.shape, axis, emit)]);
  },
  vjp: ({ x, scale }, dy, { axis }) => {
    const others = otherAxes(x.rank, axis);
    return {
      x: mul(dy, reshape(scale, aligned(x.shape, axis))),
      scale: reduceSum(mul(dy, x), others),
      shift: reduceSum(dy, others),
    };
  },
  sinkTranspose: ({ x, scale, shift }, { axis }, permutation) =>
    transpose(affine(x, scale, shift, permutation[axis]), permutation),
  reference: ({ x, scale, shift }, { axis }) => {
    const result = new Float64Array(x.data.length);
    forEachIndex(x.shape, (flat, index) => {
      const channel = index[axis] as number;
      result[flat] =
        (x.data[flat] as number) * (scale.data[channel] as number) + (shift.data[channel] as number);
    });
    return result;
  },
  samples: [
    { inputs: { x: normal([2, 3, 2, 2]), scale: normal([3]), shift: normal([3]) }, attrs: { axis: 1 } },
    { inputs: { x: normal([2, 2, 3]), scale: normal([3]), shift: normal([3]) }, attrs: { axis: 2 } },
    { inputs: { x: normal([4, 3]), scale: normal([3]), shift: normal([3]) }, attrs: { axis: 1 } },
  ],
  errors: [
    {
      inputs: { x: normal([2, 3]), scale: normal([2]), shift: normal([3]) },
      attrs: { axis: 1 },
      throws: ShapeError,
    },
  ],
});

interface BatchNormalizationAttrs extends ChannelAttrs {
  readonly epsilon: number;
}

/**
 * Batch normalization by the batch's own statistics, for each channel:
 * `y = gamma * (x - mean) / sqrt(variance + epsilon) + beta`, mean and population variance over all other axes.
 * @param gamma - `[channels]`
 * @param beta - `[channels]`
 * @throws {@link ShapeError} when there is not one of each for every channel
 * @source Ioffe & Szegedy 2015
 */
export function batchNormalize(x: Value, gamma: Value, beta: Value, axis: number, epsilon: number): Value {
  return apply(
    batchNormalizeOp,
    { x, gamma, beta },
    { axis: normalizeAxis(axis, x.rank, 'batchNormalize'), epsilon },
  );
}
const batchNormalizeOp = defineOp({
  name: 'batchNormalize',
  inputs: { x: float, gamma: float, beta: float },
  attrs: attrs<BatchNormalizationAttrs>(),
  infer: ({ x, gamma, beta }, { axis }) => perChannel('batchNormalize', x, { gamma, beta }, axis),
  // the statistics are written as `batchMoments` is, so that they are computed once
  lower: ({ x, gamma, beta }, { axis, epsilon }, emit) => {
    const { shape } = x.type;
    const over = { axes: { ints: otherAxes(shape.length, axis) }, keepdims: { int: 0 } };
    const mean = emit.op('ReduceMean', [x], over);
    const centred = emit.op('Sub', [x, alongAxis(mean, shape, axis, emit)]);
    const variance = emit.op('ReduceMean', [emit.op('Mul', [centred, centred])], over);
    if (axis === 1) return normalized({ ...x, name: centred }, gamma, beta, variance, epsilon, emit);
    const deviation = emit.op('Sqrt', [
      emit.op('Add', [variance, emit.constant([epsilon], x.type.dtype, [])]),
    ]);
    const scale = emit.op('Div', [gamma, deviation]);
    const scaled = emit.op('Mul', [centred, alongAxis(scale, shape, axis, emit)]);
    return emit.op('Add', [scaled, alongAxis(beta, shape, axis, emit)]);
  },
  // dx = a * (dy - mean(dy) - centred * mean(dy * centred) / deviation^2), a = gamma / deviation
  vjp: ({ x, gamma }, dy, { axis, epsilon }) => {
    const others = otherAxes(x.rank, axis);
    const count = sizeOf(x.shape) / (x.shape[axis] as number);
    const { centred, variance } = batchMoments(x, axis);
    const inverse = rsqrt(add(variance, epsilon));
    const [total, product] = [reduceSum(dy, others), reduceSum(mul(dy, centred), others)];
    const scale = mul(gamma, inverse);
    const slope = neg(div(mul(scale, mul(square(inverse), product)), count));
    const rest = affine(centred, slope, neg(div(mul(scale, total), count)), axis);
    return {
      x: add(mul(dy, reshape(scale, aligned(x.shape, axis))), rest),
      gamma: mul(product, inverse),
      beta: total,
    };
  },
  sinkTranspose: ({ x, gamma, beta }, { axis, epsilon }, permutation) =>
    transpose(batchNormalize(x, gamma, beta, permutation[axis] as number, epsilon), permutation),
  reference: ({ x, gamma, beta }, { axis, epsilon }) => {
    const channels = x.shape[axis] as number;
    const count = x.data.length / channels;
    const [means, variances] = [new Float64Array(channels), new Float64Array(channels)];
    const add = (to: Float64Array, channel: number, value: number): void => {
      to[channel] = (to[channel] as number) + value / count;
    };
    const each = (f: (flat: number, channel: number) => void): void =>
      forEachIndex(x.shape, (flat, index) => f(flat, index[axis] as number));
    each((flat, c) => add(means, c, x.data[flat] as number));
    each((flat, c) => add(variances, c, ((x.data[flat] as number) - (means[c] as number)) ** 2));
    const result = new Float64Array(x.data.length);
    each((flat, c) => {
      const standard =
        ((x.data[flat] as number) - (means[c] as number)) / Math.sqrt((variances[c] as number) + epsilon);
      result[flat] = (gamma.data[c] as number) * standard + (beta.data[c] as number);
    });
    return result;
  },
  samples: [
    {
      inputs: { x: normal([2, 3, 2, 2]), gamma: normal([3]), beta: normal([3]) },
      attrs: { axis: 1, epsilon: 1e-3 },
    },
    {
      inputs: { x: normal([2, 2, 3]), gamma: normal([3]), beta: normal([3]) },
      attrs: { axis: 2, epsilon: 0.1 },
    },
    {
      inputs: { x: normal([4, 3]), gamma: normal([3]), beta: normal([3]) },
      attrs: { axis: 1, epsilon: 1e-3 },
    },
  ],
  errors: [
    {
      inputs: { x: normal([2, 3]), gamma: normal([3]), beta: normal([3, 1]) },
      attrs: { axis: 1, epsilon: 1e-3 },
      throws: ShapeError,
    },
  ],
});

/** Mean and population variance of each channel, `[channels]`, and `x` without the mean. */
export function batchMoments(x: Value, axis: number): { mean: Value; centred: Value; variance: Value } {
  const others = otherAxes(x.rank, axis);
  const mean = reduceMean(x, others);
  const centred = sub(x, reshape(mean, aligned(x.shape, axis)));
  return { mean, centred, variance: reduceMean(square(centred), others) };
}

const otherAxes = (rank: number, axis: number): number[] =>
  Array.from({ length: rank }, (_, i) => i).filter((i) => i !== axis);

/** `[channels]` brought to a shape that broadcasts along `axis`. */
const aligned = (shape: Shape, axis: number): Shape => shape.map((n, i) => (i === axis ? n : 1));

const alongAxis = (v: Operand | string, shape: Shape, axis: number, emit: Emit): string =>
  emit.op('Reshape', [v, emit.constant(aligned(shape, axis), 'int64')]);

/** The runtime's one pass over `[N, C, ...]`: `(x - 0) / sqrt(variance + epsilon) * scale + shift`. */
function normalized(
  x: Operand,
  scale: Operand,
  shift: Operand,
  variance: string | undefined,
  epsilon: number,
  emit: Emit,
): string {
  const channels = x.type.shape[1] as number;
  const all = (value: number) => emit.constant(new Array<number>(channels).fill(value), x.type.dtype);
  const inputs = [x, scale, shift, all(0), variance ?? all(1)];
  return emit.op('BatchNormalization', inputs, { epsilon: { float: epsilon } });
}

/** The type of `x`, once each of the others was found to have a number for every channel. */
function perChannel(
  op: string,
  x: TensorType,
  others: Readonly<Record<string, TensorType>>,
  axis: number,
): TensorType {
  const expected = [x.shape[normalizeAxis(axis, x.shape.length, op)] as number];
  for (const [argument, { shape }] of Object.entries(others)) {
    if (sameShape(shape, expected)) continue;
    const [wanted, received] = [formatShape(expected), formatShape(shape)];
    throw new ShapeError(`${op}: ${argument} must have shape ${wanted}. Received ${received}.`, {
      op,
      argument,
      expected: wanted,
      received,
    });
  }
  return x;
}
