import { sizeOf, type TensorType } from '../core/shape.ts';
import { ConfigError, ShapeError } from '../errors.ts';
import type { Value } from '../ir/graph.ts';
import type { OnnxNode } from '../ir/onnx-node.ts';
import { apply, attrs, defineOp } from '../ir/op.ts';
import { normal } from '../ir/samples.ts';
import { lowerBlocked } from './conv-blocked.ts';
import { convGradWeights } from './conv-grad-weights.ts';
import { biasFilled, forEachProduct } from './conv-reference.ts';
import { type ConvAttrs, channelSum, checkBias, convShape } from './conv-support.ts';
import { convTranspose } from './conv-transpose.ts';
import { float } from './support.ts';
import {
  readWindow,
  spatialOf,
  type WindowOptions,
  windowAttrs,
  windowOnnx,
  windowRemainders,
} from './window.ts';

export interface ConvOptions extends WindowOptions {
  readonly bias?: Value;
  readonly group?: number;
}

/**
 * Convolution (cross-correlation) over any number of spatial axes, channels first:
 * `y[n,k,o] = bias[k] + sum over c, r of x[n,c,o * strides + r * dilations - pads] * w[k,c,r]`.
 * @param x - `[N, C, ...spatial]`
 * @param w - `[K, C / group, ...kernel]`
 * @param options - `bias` `[K]`; `pads` are explicit: see {@link samePads}
 * @returns `[N, K, ...places]`
 * @throws {@link ShapeError} when ranks or channels do not fit, or the kernel is larger than the padded input
 * @throws {@link ConfigError} when an option is out of range
 * @source ONNX Conv-11
 */
export function conv(x: Value, w: Value, options: ConvOptions = {}): Value {
  const a = { ...windowAttrs(options, x.rank - 2), group: options.group ?? 1 };
  return apply(convOp, { x, w, bias: options.bias }, a);
}

const strided: ConvAttrs = { strides: [2, 1], pads: [1, 0, 1, 2], dilations: [1, 2], group: 1 };
const plain: ConvAttrs = { strides: [1, 1], pads: [0, 0, 0, 0], dilations: [1, 1], group: 1 };
const grouped: ConvAttrs = { strides: [2, 2], pads: [0, 1, 1, 1], dilations: [1, 1], group: 2 };

const convOp = defineOp({
  name: 'conv',
  inputs: { x: float, w: float, bias: { ...float, optional: true } },
  attrs: attrs<ConvAttrs>(),
  infer: ({ x, w, bias }, a): TensorType => {
    const shape = convShape('conv', x.shape, w.shape, a);
    checkBias('conv', bias, w.shape[0] as number);
    return { dtype: x.dtype, shape };
  },
  flops: ({ w }, _attrs, y) => 2 * sizeOf(y.shape) * sizeOf(w.shape.slice(1)),
  lower: ({ x, w, bias }, a, emit, y) =>
    lowerBlocked(x, { operand: w }, bias, a, y.shape, emit) ??
    emit.op('Conv', [x, w, bias], { ...windowOnnx(a), group: { int: a.group } }),
  vjp: ({ x, w, bias }, dy, a) => ({
    x: convTranspose(dy, w, {
      ...a,
      outputPadding: windowRemainders(spatialOf(x.shape), spatialOf(w.shape), a),
    }),
    w: convGradWeights(x, dy, a, spatialOf(w.shape)),
    bias: bias === undefined ? null : channelSum(dy),
  }),
  reference: ({ x, w, bias }, a, y) => {
    const result = biasFilled(y.shape, bias?.data);
    forEachProduct({ x: x.shape, w: w.shape, y: y.shape }, a, (xi, wi, yi) => {
      result[yi] = (result[yi] as number) + (x.data[xi] as number) * (w.data[wi] as number);
    });
    return result;
  },
  samples: [
    { inputs: { x: normal([2, 3, 5, 4]), w: normal([4, 3, 3, 2]), bias: normal([4]) }, attrs: plain },
    { inputs: { x: normal([2, 2, 6, 7]), w: normal([3, 2, 3, 2]), bias: undefined }, attrs: strided },
    { inputs: { x: normal([2, 4, 6, 5]), w: normal([6, 2, 3, 2]), bias: normal([6]) }, attrs: grouped },
    {
      inputs: { x: normal([1, 3, 5, 5]), w: normal([3, 1, 3, 3]), bias: undefined }, // depthwise
      attrs: { ...plain, pads: [1, 1, 1, 1], group: 3 },
    },
    {
      inputs: { x: normal([2, 3, 5, 5]), w: normal([2, 3, 1, 1]), bias: undefined }, // pointwise
      attrs: { ...plain, strides: [2, 2] },
    },
    {
      inputs: { x: normal([2, 2, 9]), w: normal([3, 2, 3]), bias: normal([3]) },
      attrs: { strides: [2], pads: [1, 0], dilations: [2], group: 1 },
    },
    {
      inputs: { x: normal([1, 2, 4, 3, 4]), w: normal([2, 2, 2, 2, 3]), bias: undefined },
      attrs: { strides: [1, 1, 2], pads: [0, 1, 0, 1, 0, 1], dilations: [1, 1, 1], group: 1 },
    },
  ],
  errors: [
    {
      inputs: { x: normal([1, 3, 5, 5]), w: normal([2, 2, 3, 3]), bias: undefined },
      attrs: plain,
      throws: ShapeError,
    },
    {
      inputs: { x: normal([1, 3, 5]), w: normal([2, 3, 3, 3]), bias: undefined },
      attrs: plain,
      throws: ShapeError,
    },
    {
      inputs: { x: normal([1, 1, 2, 5]), w: normal([2, 1, 3, 3]), bias: undefined },
      attrs: plain,
      throws: ShapeError,
    },
    {
      inputs: { x: normal([1, 1, 5, 5]), w: normal([2, 1, 3, 3]), bias: normal([3]) },
      attrs: plain,
      throws: ShapeError,
    },
    {
      inputs: { x: normal([1, 1, 5, 5]), w: normal([2, 1, 3, 3]), bias: undefined },
      attrs: { ...plain, strides: [1] },
      throws: ConfigError,
    },
    {
      inputs: { x: normal([1, 4, 5, 5]), w: normal([3, 2, 3, 3]), bias: undefined },
      attrs: { ...plain, group: 2 },
      throws: ConfigError,
    },
  ],
  onnx: {
    Conv: (node) => readConv(node, node.input(0), node.input(1), node.inputs[2]),
  },
});

/** The convolution that a node's attributes describe. */
export function readConv(node: OnnxNode, x: Value, w: Value, bias?: Value): Value {
  const window = readWindow(node, spatialOf(x.shape), spatialOf(w.shape));
  return conv(x, w, { ...window, group: node.int('group', 1), ...(bias && { bias }) });
}
