import { dtypeFromOnnx } from '../core/dtype.ts';
import { normalizeAxis } from '../core/shape.ts';
import type { Value } from '../ir/graph.ts';
import type { OnnxNode } from '../ir/onnx-node.ts';
import { add, div, maximum, minimum, mul, sub } from './binary.ts';
import { cast } from './cast.ts';
import { clip } from './clip.ts';
import { readConv } from './conv.ts';
import { matmul } from './matmul.ts';
import { reduceMax, reduceMin } from './reduce.ts';
import { reshape } from './shape.ts';
import { scalarConstant } from './support.ts';
import { round } from './unary.ts';

/** ONNX types that compute with whole numbers `q`, which stand for `(q - zero) * scale`. */
export const quantizedReaders: Readonly<Record<string, (node: OnnxNode) => Value | readonly Value[]>> = {
  ConvInteger: readConvInteger,
  DequantizeLinear: (node) => readDequantize(node),
  DynamicQuantizeLinear: readDynamicQuantize,
  MatMulInteger: readMatmulInteger,
  QLinearConv: readQuantizedConv,
  QLinearMatMul: readQuantizedMatmul,
  QuantizeLinear: readQuantize,
};

const ranges = { int8: [-128, 127], uint8: [0, 255], int16: [-32768, 32767], uint16: [0, 65535] } as const;
type Quantized = keyof typeof ranges;

/** A number for all, or one for each entry of an axis. */
function along(v: Value, x: Value, node: OnnxNode): Value {
  if (v.rank === 0 || v.shape[0] === 1) return reshape(v, []);
  if (node.int('block_size', 0) !== 0) return node.unsupported('scales of blocks');
  const axis = normalizeAxis(node.int('axis', 1), x.rank, node.opType);
  return reshape(
    v,
    x.shape.map((_, i) => (i === axis ? -1 : 1)),
  );
}

const dequantize = (q: Value, scale: Value, zero: Value | undefined): Value => {
  const whole = cast(q, 'float32');
  return mul(zero === undefined ? whole : sub(whole, cast(zero, 'float32')), scale);
};

/** `round(x / scale) + zero` within the range of the type; halves go to the even number. */
function quantize(x: Value, scale: Value, zero: Value, node: OnnxNode): Value {
  const type = zero.dtype;
  if (!(type in ranges)) return node.unsupported(`quantization to ${type}`);
  const [low, high] = ranges[type as Quantized];
  return cast(clip(add(round(div(x, scale)), cast(zero, 'float32')), low, high), type);
}

function readDequantize(node: OnnxNode): Value {
  const [q, zero] = [node.input(0), node.inputs[2]];
  return dequantize(q, along(node.input(1), q, node), zero && along(zero, q, node));
}

function readQuantize(node: OnnxNode): Value {
  const x = node.input(0);
  const stated = node.int('output_dtype', 0);
  const zero = node.inputs[2] ?? scalarConstant(0, stated === 0 ? 'uint8' : dtypeFromOnnx(stated));
  return quantize(x, along(node.input(1), x, node), along(zero, x, node), node);
}

/** Scale and zero so that the range of `x`, with 0, fills that of uint8. */
function readDynamicQuantize(node: OnnxNode): readonly Value[] {
  const x = node.input(0);
  const [low, high] = [minimum(reduceMin(x), 0), maximum(reduceMax(x), 0)];
  const scale = div(sub(high, low), 255);
  const zero = cast(clip(round(div(mul(low, -1), scale)), 0, 255), 'uint8');
  return [quantize(x, scale, zero, node), scale, zero];
}

/** Sums of products of whole numbers are exact in float64. */
function readMatmulInteger(node: OnnxNode): Value {
  const [a, b] = [0, 1].map((i) => {
    const [q, zero] = [cast(node.input(i), 'float64'), node.inputs[i + 2]];
    if (zero === undefined) return q;
    const perLine = zero.rank === 1 && zero.shape[0] !== 1;
    return sub(q, cast(perLine && i === 0 ? reshape(zero, [-1, 1]) : zero, 'float64'));
  }) as [Value, Value];
  return cast(matmul(a, b), 'int32');
}

/** Sums of products are whole numbers, exact up to 2^24; what they are scaled to later is no more precise. */
function readConvInteger(node: OnnxNode): Value {
  const [x, w] = [0, 1].map((i) => {
    const [q, zero] = [cast(node.input(i), 'float32'), node.inputs[i + 2]];
    return zero === undefined ? q : sub(q, cast(perFilter(zero, i, q), 'float32'));
  }) as [Value, Value];
  return cast(readConv(node, x, w), 'int32');
}

/** A number for each filter stands along the first axis of the weights, which are input `i`. */
const perFilter = (v: Value, i: number, w: Value): Value =>
  i > 0 && v.rank === 1 ? reshape(v, [-1, ...w.shape.slice(1).map(() => 1)]) : reshape(v, []);

function readQuantizedConv(node: OnnxNode): Value {
  const [x, w] = [0, 3].map((i) => {
    const q = node.input(i);
    const [scale, zero] = [i + 1, i + 2].map((k) => perFilter(node.input(k), i, q)) as [Value, Value];
    return dequantize(q, scale, zero);
  }) as [Value, Value];
  const bias = node.inputs[8];
  const whole = bias && mul(cast(bias, 'float32'), mul(node.input(1), node.input(4)));
  return quantize(readConv(node, x, w, whole), node.input(6), node.input(7), node);
}

function readQuantizedMatmul(node: OnnxNode): Value {
  const part = (i: number): Value => {
    const [scale, zero] = [node.input(i + 1), node.input(i + 2)];
    return dequantize(node.input(i), scale, zero);
  };
  return quantize(matmul(part(0), part(3)), node.input(6), node.input(7), node);
}
