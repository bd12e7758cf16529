import { dtypeFromOnnx } from '../core/dtype.ts';
import { normalizeAxis, type Shape, sizeOf } from '../core/shape.ts';
import { scalar, Tensor, tensor } from '../core/tensor.ts';
import { constant, type Value } from '../ir/graph.ts';
import type { OnnxNode } from '../ir/onnx-node.ts';
import { celu, hardSigmoid, hardSwish, mish, prelu, selu, softsign, thresholdedRelu } from './activation.ts';
import { add, div, maximum, minimum, mul, pow, sub } from './binary.ts';
import { cast } from './cast.ts';
import { equal, greater, less, where } from './compare.ts';
import { einsum } from './einsum.ts';
import { gatherElements, oneHot } from './gather.ts';
import { matmul } from './matmul.ts';
import { controlReaders } from './onnx-control.ts';
import { lossReaders } from './onnx-losses.ts';
import { normalizationReaders } from './onnx-normalization.ts';
import { quantizedReaders } from './onnx-quantized.ts';
import { argMax } from './ordering.ts';
import { reduceSum } from './reduce.ts';
import { depthToSpace, spaceToDepth } from './resize.ts';
import { broadcastTo, expandDims, reshape, squeeze } from './shape.ts';
import { scalarConstant } from './support.ts';
import { abs, log, square } from './unary.ts';

/** Makes one value of an ONNX node, or one for each of its results. */
export type CompositeReader = (node: OnnxNode) => Value | readonly Value[];

const activationReaders: Readonly<Record<string, CompositeReader>> = {
  Celu: (node) => celu(node.input(0), node.float('alpha', 1)),
  HardSigmoid: (node) => hardSigmoid(node.input(0), node.float('alpha', 0.2), node.float('beta', 0.5)),
  HardSwish: (node) => hardSwish(node.input(0)),
  Mish: (node) => mish(node.input(0)),
  PRelu: (node) => prelu(node.input(0), node.input(1)),
  Selu: (node) =>
    selu(node.input(0), node.float('alpha', 1.6732632423543772), node.float('gamma', 1.0507009873554805)),
  Shrink: readShrink,
  Softsign: (node) => softsign(node.input(0)),
  ThresholdedRelu: (node) => thresholdedRelu(node.input(0), node.float('alpha', 1)),
};

const arithmeticReaders: Readonly<Record<string, CompositeReader>> = {
  BitShift: readBitShift,
  Einsum: (node) => einsum(node.string('equation'), inputsOf(node)),
  Gemm: readGemm,
  IsInf: readIsInf,
  Max: (node) => inputsOf(node).reduce(maximum),
  Mean: (node) => div(inputsOf(node).reduce(add), node.inputs.length),
  Min: (node) => inputsOf(node).reduce(minimum),
  ReduceLogSum: (node) => log(reduced(node, node.input(0))),
  ReduceSumSquare: (node) => reduced(node, square(node.input(0))),
  Sum: (node) => inputsOf(node).reduce(add),
};

const shapeReaders: Readonly<Record<string, CompositeReader>> = {
  Constant: readConstant,
  ConstantOfShape: readConstantOfShape,
  DepthToSpace: (node) =>
    depthToSpace(node.input(0), node.int('blocksize'), node.string('mode', 'DCR') === 'CRD' ? 'CRD' : 'DCR'),
  Dropout: readDropout,
  EyeLike: readEyeLike,
  Hardmax: readHardmax,
  Identity: (node) => node.input(0),
  Range: readRange,
  ReverseSequence: readReverseSequence,
  Shape: readShape,
  Size: (node) => scalarConstant(sizeOf(node.input(0).shape), 'int64'),
  SpaceToDepth: (node) => spaceToDepth(node.input(0), node.int('blocksize')),
  Squeeze: (node) => squeeze(node.input(0), axesOf(node)),
  Trilu: readTrilu,
  Unsqueeze: readUnsqueeze,
};

/** ONNX types that are no op of their own but a few others. */
export const compositeReaders: Readonly<Record<string, CompositeReader>> = {
  ...activationReaders,
  ...arithmeticReaders,
  ...shapeReaders,
  ...controlReaders,
  ...quantizedReaders,
  ...normalizationReaders,
  ...lossReaders,
};

/** All inputs of a node that takes any number of them. */
const inputsOf = (node: OnnxNode): Value[] => node.inputs.map((_, i) => node.input(i));

/** Axes: an attribute in older files, an input in newer ones. */
const axesOf = (node: OnnxNode): readonly number[] | undefined =>
  node.has('axes') ? node.ints('axes') : node.constantInts(1);

function reduced(node: OnnxNode, x: Value): Value {
  const axes = axesOf(node) ?? [];
  if (axes.length === 0 && node.int('noop_with_empty_axes', 0) === 1) return x;
  return reduceSum(x, axes.length === 0 ? undefined : axes, node.int('keepdims', 1) === 1);
}

/** `x + bias` below `-lambda`, `x - bias` above `lambda`, 0 between. */
function readShrink(node: OnnxNode): Value {
  const [x, limit, bias] = [node.input(0), node.float('lambd', 0.5), node.float('bias', 0)];
  return where(greater(x, limit), sub(x, bias), where(less(x, -limit), add(x, bias), 0));
}

/** `alpha * a b + beta * c`. */
function readGemm(node: OnnxNode): Value {
  const [alpha, beta, c] = [node.float('alpha', 1), node.float('beta', 1), node.inputs[2]];
  const transposed = { transposeA: node.int('transA', 0) === 1, transposeB: node.int('transB', 0) === 1 };
  const product = matmul(node.input(0), node.input(1), transposed);
  const scaled = alpha === 1 ? product : mul(product, alpha);
  return c === undefined ? scaled : add(scaled, beta === 1 ? c : mul(c, beta));
}

/** Unsigned integers times or divided by powers of 2, in 64 bits. */
function readBitShift(node: OnnxNode): Value {
  const x = node.input(0);
  const factor = pow(scalarConstant(2, 'int64'), cast(node.input(1), 'int64'));
  const shift = node.string('direction') === 'LEFT' ? mul : div;
  return cast(shift(cast(x, 'int64'), factor), x.dtype);
}

/** Infinity of either sign, or of one of them. */
function readIsInf(node: OnnxNode): Value {
  const x = node.input(0);
  const positive = node.int('detect_positive', 1) === 1;
  const negative = node.int('detect_negative', 1) === 1;
  if (positive && negative) return equal(abs(x), Number.POSITIVE_INFINITY);
  if (!positive && !negative) return broadcastTo(scalarConstant(0, 'bool'), x.shape);
  return equal(x, positive ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY);
}

function readConstant(node: OnnxNode): Value {
  if (node.has('value_float')) return scalarConstant(node.float('value_float'), 'float32');
  if (node.has('value_int')) return scalarConstant(node.int('value_int'), 'int64');
  if (node.has('value_ints')) return constant(tensor([...node.ints('value_ints')]).cast('int64'));
  const value = node.tensor('value');
  return value === undefined
    ? node.unsupported('a constant of strings, several floats or a sparse tensor as attribute')
    : constant(value);
}

function readConstantOfShape(node: OnnxNode): Value {
  const shape = node.constantInts(0) ?? node.unsupported('a missing shape');
  const value = node.tensor('value') ?? scalar(0);
  return broadcastTo(constant(value.reshape([])), shape);
}

/** Nothing is dropped at inference, or at rate 0; every element counts as kept. */
function readDropout(node: OnnxNode): readonly Value[] {
  const x = node.input(0);
  const training = Number(node.constant(2)?.data[0] ?? 0) !== 0;
  if (training && Number(node.constant(1)?.data[0] ?? 0.5) !== 0) return node.unsupported('training mode');
  return [x, broadcastTo(scalarConstant(1, 'bool'), x.shape)];
}

/** Ones on the diagonal that lies `k` to the right of the main one. */
function readEyeLike(node: OnnxNode): Value {
  const x = node.input(0);
  const dtype = node.has('dtype') ? dtypeFromOnnx(node.int('dtype')) : x.dtype;
  const shift = node.int('k', 0);
  return constant(matrixOf(x.shape, (row, column) => column - row === shift).cast(dtype));
}

/** The part above (or below) the diagonal `k` to the right of the main one; zeros elsewhere. */
function readTrilu(node: OnnxNode): Value {
  const x = node.input(0);
  const shift = node.constantInts(1)?.[0] ?? 0;
  const upper = node.int('upper', 1) === 1;
  const kept = (row: number, column: number): boolean =>
    upper ? column - row >= shift : column - row <= shift;
  const mask = constant(matrixOf(x.shape.slice(-2), kept));
  return where(mask, x, scalarConstant(0, x.dtype));
}

/** A matrix of booleans. */
function matrixOf([rows, columns]: Shape, holds: (row: number, column: number) => boolean): Tensor {
  const [height, width] = [rows as number, columns as number];
  const data = Uint8Array.from({ length: height * width }, (_, i) =>
    Number(holds(Math.floor(i / width), i % width)),
  );
  return new Tensor('bool', [height, width], data);
}

/** Before opset 13 one line is everything from the axis on. */
function readHardmax(node: OnnxNode): Value {
  const x = node.input(0);
  const axis = normalizeAxis(node.int('axis', node.opset < 13 ? 1 : -1), x.rank, 'Hardmax');
  const lines = node.opset < 13 ? reshape(x, [sizeOf(x.shape.slice(0, axis)), -1]) : x;
  const along = node.opset < 13 ? 1 : axis;
  const hot = oneHot(argMax(lines, along), lines.shape[along] as number, along, x.dtype);
  return reshape(hot, x.shape);
}

function readRange(node: OnnxNode): Value {
  const [start, limit, delta] = [0, 1, 2].map((i) => Number(node.constant(i)?.data[0])) as [
    number,
    number,
    number,
  ];
  const length = Math.max(0, Math.ceil((limit - start) / delta));
  const values = Float64Array.from({ length }, (_, i) => start + i * delta);
  return constant(tensor(values).cast(node.input(0).dtype));
}

/** The first `lengths[b]` elements of each sequence in reverse order: step `t` reads `lengths[b] - 1 - t`. */
function readReverseSequence(node: OnnxNode): Value {
  const [x, lengths] = [node.input(0), node.input(1)];
  const [time, batch] = [node.int('time_axis', 0), node.int('batch_axis', 1)];
  const along = (axis: number): Shape => x.shape.map((n, i) => (i === axis ? n : 1));
  const steps = constant(
    tensor(Float64Array.from({ length: x.shape[time] as number }, (_, t) => t)).cast('int64'),
  );
  const [t, ends] = [reshape(steps, along(time)), reshape(lengths, along(batch))];
  const places = where(less(t, ends), sub(sub(ends, 1), t), t);
  return gatherElements(x, broadcastTo(places, x.shape), time);
}

/** Shapes are known: a constant. */
function readShape(node: OnnxNode): Value {
  const { shape } = node.input(0);
  const part = shape.slice(node.int('start', 0), node.int('end', shape.length));
  return constant(tensor(Float64Array.from(part)).cast('int64'));
}

function readUnsqueeze(node: OnnxNode): Value {
  const x = node.input(0);
  const axes = axesOf(node) ?? node.unsupported('a node without axes');
  const rank = x.rank + axes.length;
  return axes
    .map((axis) => normalizeAxis(axis, rank, 'Unsqueeze'))
    .sort((a, b) => a - b)
    .reduce(expandDims, x);
}
