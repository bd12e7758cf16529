import { formatShape, type Shape, sizeOf, type TensorType } from '../core/shape.ts';
import { ConfigError, ShapeError } from '../errors.ts';
import type { Value } from '../ir/graph.ts';
import type { OnnxNode } from '../ir/onnx-node.ts';
import { apply, attrs, defineOp, type Emit, type Operand } from '../ir/op.ts';
import { normal } from '../ir/samples.ts';
import { type ConvOptions, conv } from './conv.ts';
import { flip, lowerBlocked } from './conv-blocked.ts';
import { convGradWeights } from './conv-grad-weights.ts';
import { biasFilled, forEachProduct } from './conv-reference.ts';
import { type ConvAttrs, channelSum, checkBias, checkGroup } from './conv-support.ts';
import { lowerTranspose } from './shape.ts';
import { float } from './support.ts';
import { checkWindow, perAxis, readWindow, spatialOf, splitPads, windowAttrs, windowOnnx } from './window.ts';

interface ConvTransposeAttrs extends ConvAttrs {
  /** Elements that the result has at the end of each axis beyond those the last place reaches; below the stride. */
  readonly outputPadding: readonly number[];
}

export interface ConvTransposeOptions extends ConvOptions {
  readonly outputPadding?: number | readonly number[];
}

/**
 * Transposed convolution, channels first: the adjoint of {@link conv} with the same weights and options,
 * `y[n,c,o * strides + r * dilations - pads] += x[n,k,o] * w[k,c,r]`.
 * @param x - `[N, K, ...spatial]`
 * @param w - `[K, C / group, ...kernel]`
 * @param options - `bias` `[C]`; `pads` cut the result
 * @returns `[N, C, ...]` of sizes `strides * (n - 1) + dilations * (k - 1) + 1 - pads + outputPadding`
 * @throws {@link ShapeError} when ranks or channels do not fit or nothing is left of the result
 * @throws {@link ConfigError} when an option is out of range
 * @source ONNX ConvTranspose-11
 */
export function convTranspose(x: Value, w: Value, options: ConvTransposeOptions = {}): Value {
  const window = windowAttrs(options, x.rank - 2);
  const outputPadding = perAxis(options.outputPadding ?? 0, x.rank - 2);
  const a = { ...window, group: options.group ?? 1, outputPadding };
  return apply(convTransposeOp, { x, w, bias: options.bias }, a);
}

const plain: ConvTransposeAttrs = {
  strides: [1, 1],
  pads: [0, 0, 0, 0],
  dilations: [1, 1],
  group: 1,
  outputPadding: [0, 0],
};
const same: ConvTransposeAttrs = { ...plain, pads: [1, 1, 1, 1] };
const strided: ConvTransposeAttrs = { ...plain, strides: [2, 3], pads: [1, 0, 0, 1], outputPadding: [1, 0] };

const convTransposeOp = defineOp({
  name: 'convTranspose',
  inputs: { x: float, w: float, bias: { ...float, optional: true } },
  attrs: attrs<ConvTransposeAttrs>(),
  infer: ({ x, w, bias }, a): TensorType => {
    const shape = transposedShape(x.shape, w.shape, a);
    checkBias('convTranspose', bias, shape[1] as number);
    return { dtype: x.dtype, shape };
  },
  flops: ({ x, w }) => 2 * sizeOf(x.shape) * sizeOf(w.shape.slice(1)),
  lower: ({ x, w, bias }, a, emit, y) => {
    const pads = convPads(a, x.type.shape, w.type.shape, y.shape);
    if (pads !== undefined) {
      const adjoint = { ...a, strides: a.strides.map(() => 1), pads };
      const spread = { ...adjoint, spread: a.strides };
      const blocked = lowerBlocked(x, { operand: w, adjoint: true }, bias, spread, y.shape, emit);
      if (blocked !== undefined) return blocked;
      if (a.strides.every((s) => s === 1) && betterAsConv(x.type.shape, w.type.shape, a.group, y.shape))
        return lowerAsConv(x, w, bias, adjoint, emit);
    }
    const { group, outputPadding, ...window } = a;
    const own = { group: { int: group }, output_padding: { ints: outputPadding } };
    return emit.op('ConvTranspose', [x, w, bias], { ...windowOnnx(window), ...own });
  },
  vjp: ({ x, w, bias }, dy, a) => ({
    x: conv(dy, w, a),
    w: convGradWeights(dy, x, a, spatialOf(w.shape)),
    bias: bias === undefined ? null : channelSum(dy),
  }),
  reference: ({ x, w, bias }, a, y) => {
    const result = biasFilled(y.shape, bias?.data);
    forEachProduct({ x: y.shape, w: w.shape, y: x.shape }, a, (yi, wi, xi) => {
      result[yi] = (result[yi] as number) + (x.data[xi] as number) * (w.data[wi] as number);
    });
    return result;
  },
  samples: [
    { inputs: { x: normal([2, 3, 4, 3]), w: normal([3, 2, 3, 2]), bias: normal([2]) }, attrs: plain },
    { inputs: { x: normal([1, 5, 4, 4]), w: normal([5, 4, 3, 3]), bias: normal([4]) }, attrs: same },
    {
      inputs: { x: normal([2, 4, 5, 5]), w: normal([4, 4, 3, 3]), bias: undefined },
      attrs: { ...same, dilations: [2, 1], pads: [2, 1, 2, 1], group: 2 },
    },
    {
      inputs: { x: normal([1, 3, 4, 4]), w: normal([3, 1, 3, 3]), bias: undefined },
      attrs: { ...same, group: 3 },
    },
    { inputs: { x: normal([2, 2, 3, 4]), w: normal([2, 3, 3, 2]), bias: normal([3]) }, attrs: strided },
    {
      inputs: { x: normal([1, 4, 3, 2]), w: normal([4, 1, 2, 3]), bias: undefined },
      attrs: { ...strided, group: 2 },
    },
    {
      inputs: { x: normal([2, 2, 4]), w: normal([2, 2, 3]), bias: undefined },
      attrs: { strides: [2], pads: [1, 2], dilations: [2], group: 1, outputPadding: [1] },
    },
    {
      inputs: { x: normal([1, 2, 2, 2, 3]), w: normal([2, 1, 2, 1, 2]), bias: undefined },
      attrs: {
        strides: [2, 1, 1],
        pads: [0, 0, 1, 0, 0, 0],
        dilations: [1, 1, 1],
        group: 1,
        outputPadding: [1, 0, 0],
      },
    },
  ],
  errors: [
    {
      inputs: { x: normal([1, 3, 4, 4]), w: normal([2, 2, 3, 3]), bias: undefined },
      attrs: plain,
      throws: ShapeError,
    },
    {
      inputs: { x: normal([1, 2, 1, 1]), w: normal([2, 2, 2, 2]), bias: undefined },
      attrs: same,
      throws: ShapeError,
    },
    {
      inputs: { x: normal([1, 2, 4, 4]), w: normal([2, 2, 3, 3]), bias: undefined },
      attrs: { ...plain, outputPadding: [1, 0] },
      throws: ConfigError,
    },
  ],
  onnx: { ConvTranspose: readConvTranspose },
});

/**
 * Pads of the convolution with flipped weights that is the same sum, where there is one: it slides without strides over
 * `x` with `stride - 1` zeros after each element.
 */
function convPads(
  { strides, pads, dilations }: ConvTransposeAttrs,
  x: Shape,
  w: Shape,
  y: Shape,
): number[] | undefined {
  const reach = spatialOf(w).map((k, i) => (dilations[i] as number) * (k - 1));
  const before = reach.map((n, i) => n - (pads[i] as number));
  const spread = spatialOf(x).map((n, i) => n * (strides[i] as number));
  const after = spatialOf(y).map(
    (n, i) => n + (reach[i] as number) - (spread[i] as number) - (before[i] as number),
  );
  return [...before, ...after].every((n) => n >= 0) ? [...before, ...after] : undefined;
}

/**
 * The plain convolution has as many places as the result has elements, but runs threaded and without scattering: it
 * wins unless the result is the larger one or has few channels.
 */
function betterAsConv(x: Shape, w: Shape, group: number, y: Shape): boolean {
  const depthwise = w[0] === group && w[1] === 1;
  const worthwhile = depthwise || (w[1] as number) >= 4;
  return worthwhile && sizeOf(spatialOf(y)) <= 1.1 * sizeOf(spatialOf(x));
}

/** {@link convTranspose} without strides, as a convolution with flipped weights, groups swapped inside. */
function lowerAsConv(x: Operand, w: Operand, bias: Operand | undefined, a: ConvAttrs, emit: Emit): string {
  const [inputs, depth, ...kernel] = w.type.shape as [number, number, ...number[]];
  const each = inputs / a.group;
  const apart = [a.group, each, depth, sizeOf(kernel)];
  const shape = [a.group * depth, each, ...kernel];
  const weights = lowerTranspose(flip(w, spatialOf(w.type.shape), 2, emit), apart, [0, 2, 1, 3], shape, emit);
  return emit.op('Conv', [x, weights, bias], { ...windowOnnx(a), group: { int: a.group } });
}

function transposedShape(x: Shape, w: Shape, a: ConvTransposeAttrs): Shape {
  const op = 'convTranspose';
  if (x.length < 3 || w.length !== x.length || w[0] !== x[1]) {
    throw new ShapeError(
      `${op}: x [N,K,...spatial] and w [K,C/group,...kernel] need the same number of axes, three or more, and the ` +
        `same K. Received ${formatShape(x)} and ${formatShape(w)}.`,
      { op, received: `${formatShape(x)} and ${formatShape(w)}` },
    );
  }
  checkGroup(op, a.group, w[0] as number);
  const kernel = spatialOf(w);
  const spatial = kernel.length;
  const full = spatialOf(x).map(
    (n, i) =>
      (a.strides[i] as number) * (n - 1) + (a.dilations[i] as number) * ((kernel[i] as number) - 1) + 1,
  );
  checkWindow(op, full, kernel, a);
  const { outputPadding, strides } = a;
  if (
    outputPadding.length !== spatial ||
    outputPadding.some((n, i) => n < 0 || n >= (strides[i] as number))
  ) {
    const expected = `${spatial} numbers from 0 to below the strides (${strides.join(',')})`;
    throw new ConfigError(
      `${op}: outputPadding must be ${expected}. Received [${outputPadding.join(',')}].`,
      {
        op,
        argument: 'outputPadding',
        expected,
        received: `[${outputPadding.join(',')}]`,
      },
    );
  }
  const sizes = full.map(
    (n, i) => n - (a.pads[i] as number) - (a.pads[spatial + i] as number) + (outputPadding[i] as number),
  );
  if (sizes.some((n) => n <= 0)) {
    throw new ShapeError(
      `${op}: pads ${a.pads.join(',')} leave nothing of a result of ${formatShape(full)}.`,
      {
        op,
        argument: 'pads',
      },
    );
  }
  return [x[0] as number, (w[1] as number) * a.group, ...sizes];
}

function readConvTranspose(node: OnnxNode): Value {
  const [x, w] = [node.input(0), node.input(1)];
  const sizes = spatialOf(x.shape);
  const kernel = spatialOf(w.shape);
  const window = readWindow(node, sizes, kernel);
  const outputPadding = node.ints('output_padding', perAxis(0, sizes.length));
  const mode = node.string('auto_pad', 'NOTSET');
  const options = { ...window, group: node.int('group', 1), ...(node.inputs[2] && { bias: node.inputs[2] }) };
  const wanted = node.has('output_shape')
    ? node.ints('output_shape').slice(-sizes.length)
    : mode.startsWith('SAME')
      ? sizes.map((n, i) => n * (window.strides[i] as number))
      : undefined;
  if (wanted === undefined) return convTranspose(x, w, { ...options, outputPadding });
  const surplus = sizes.map((n, i) => {
    const full =
      (window.strides[i] as number) * (n - 1) +
      (window.dilations[i] as number) * ((kernel[i] as number) - 1) +
      1;
    return full + (outputPadding[i] as number) - (wanted[i] as number);
  });
  const pads = splitPads(
    surplus.map((n) => Math.max(n, 0)),
    mode === 'SAME_UPPER' ? 'end' : 'begin',
  );
  const missing = surplus.map((n, i) => (outputPadding[i] as number) + Math.max(-n, 0));
  return convTranspose(x, w, { ...options, pads, outputPadding: missing });
}
