import { formatShape, type Shape, sameShape, sizeOf, type TensorType } from '../core/shape.ts';
import { ShapeError } from '../errors.ts';
import type { Value } from '../ir/graph.ts';
import { forEachIndex } from '../ir/ndarray.ts';
import { apply, attrs, defineOp, type Emit, type Operand } from '../ir/op.ts';
import { normal } from '../ir/samples.ts';
import { conv } from './conv.ts';
import { lowerGradientBlocked } from './conv-blocked.ts';
import { forEachProduct } from './conv-reference.ts';
import { type ConvAttrs, convShape } from './conv-support.ts';
import { convTranspose } from './conv-transpose.ts';
import { swapLast } from './matmul.ts';
import { float } from './support.ts';
import { planeOf, spatialOf, windowRemainders } from './window.ts';

interface ConvGradWeightsAttrs extends ConvAttrs {
  /** Spatial sizes of the weights. */
  readonly kernel: Shape;
}

/**
 * Gradient of a convolution with respect to its weights, the third of the bilinear forms that are each other's
 * gradients: `dw[k,c,r] = sum over n, o of dy[n,k,o] * x[n,c,o * strides + r * dilations - pads]`.
 * @param x - `[N, C, ...spatial]`
 * @param dy - `[N, K, ...places]`
 * @returns `[K, C / group, ...kernel]`
 * @throws {@link ShapeError} when `dy` is not the cotangent of a convolution of `x`
 */
export function convGradWeights(
  x: Value,
  dy: Value,
  { strides, pads, dilations, group }: ConvAttrs,
  kernel: Shape,
): Value {
  return apply(convGradWeightsOp, { x, dy }, { strides, pads, dilations, group, kernel });
}

const plain: ConvGradWeightsAttrs = {
  strides: [1, 1],
  pads: [0, 0, 0, 0],
  dilations: [1, 1],
  group: 1,
  kernel: [3, 2],
};
const strided: ConvGradWeightsAttrs = { ...plain, strides: [2, 1], pads: [1, 0, 1, 2], dilations: [1, 2] };

const convGradWeightsOp = defineOp({
  name: 'convGradWeights',
  inputs: { x: float, dy: float },
  attrs: attrs<ConvGradWeightsAttrs>(),
  infer: ({ x, dy }, a): TensorType => {
    const shape = weightsShape(x.shape, dy.shape, a);
    const expected = convShape('convGradWeights', x.shape, shape, a);
    if (sameShape(expected, dy.shape)) return { dtype: x.dtype, shape };
    const [wanted, received] = [formatShape(expected), formatShape(dy.shape)];
    throw new ShapeError(
      `convGradWeights: dy must have the convolution's shape ${wanted}. Received ${received}.`,
      { op: 'convGradWeights', argument: 'dy', expected: wanted, received },
    );
  },
  lower: ({ x, dy }, a, emit) => {
    if (isPointwise(a) && (dy.type.shape[1] as number) / a.group <= planeOf(dy.type.shape)) {
      return lowerPointwise(x, dy, a, emit);
    }
    const blocked = lowerGradientBlocked(x, dy, a, a.kernel, emit);
    if (blocked !== undefined) return blocked;
    return sizeOf(a.kernel) <= mostProducts ? lowerAsProducts(x, dy, a, emit) : lowerAsConv(x, dy, a, emit);
  },
  vjp: ({ x, dy }, dw, a) => ({
    x: convTranspose(dy, dw, { ...a, outputPadding: windowRemainders(spatialOf(x.shape), a.kernel, a) }),
    dy: conv(x, dw, a),
  }),
  reference: ({ x, dy }, a, y) => {
    const result = new Float64Array(sizeOf(y.shape));
    forEachProduct({ x: x.shape, w: y.shape, y: dy.shape }, a, (xi, wi, yi) => {
      result[wi] = (result[wi] as number) + (x.data[xi] as number) * (dy.data[yi] as number);
    });
    return result;
  },
  samples: [
    { inputs: { x: normal([2, 3, 5, 4]), dy: normal([2, 4, 3, 3]) }, attrs: plain },
    { inputs: { x: normal([2, 17, 5, 4]), dy: normal([2, 2, 3, 3]) }, attrs: plain, order: 1 },
    { inputs: { x: normal([2, 2, 6, 7]), dy: normal([2, 3, 3, 7]) }, attrs: strided },
    {
      inputs: { x: normal([2, 4, 6, 5]), dy: normal([2, 6, 3, 3]) },
      attrs: { ...plain, strides: [2, 2], pads: [0, 1, 1, 1], group: 2 },
    },
    {
      inputs: { x: normal([1, 3, 5, 5]), dy: normal([1, 3, 5, 5]) },
      attrs: { ...plain, kernel: [3, 3], pads: [1, 1, 1, 1], group: 3 },
    },
    {
      inputs: { x: normal([2, 3, 5, 5]), dy: normal([2, 2, 3, 3]) },
      attrs: { ...plain, strides: [2, 2], kernel: [1, 1] },
    },
    {
      inputs: { x: normal([2, 4, 3, 2]), dy: normal([2, 6, 3, 2]) }, // pointwise
      attrs: { ...plain, group: 2, kernel: [1, 1] },
    },
    {
      inputs: { x: normal([2, 3, 1, 2]), dy: normal([2, 4, 1, 2]) },
      attrs: { ...plain, kernel: [1, 1] },
    },
    {
      inputs: { x: normal([2, 2, 9]), dy: normal([2, 3, 3]) },
      attrs: { strides: [2], pads: [1, 0], dilations: [2], group: 1, kernel: [3] },
    },
    {
      inputs: { x: normal([1, 2, 13, 12]), dy: normal([1, 2, 3, 2]) },
      attrs: { ...plain, strides: [4, 5], pads: [1, 2, 1, 0], kernel: [6, 6] },
      order: 1,
    },
    {
      inputs: { x: normal([2, 4, 40]), dy: normal([2, 2, 4]) },
      attrs: { strides: [2], pads: [1, 0], dilations: [1], group: 2, kernel: [34] },
      order: 1,
    },
  ],
  errors: [
    { inputs: { x: normal([2, 3, 5, 4]), dy: normal([2, 4, 3, 2]) }, attrs: plain, throws: ShapeError },
  ],
});

const weightsShape = (x: Shape, dy: Shape, { group, kernel }: ConvGradWeightsAttrs): Shape => [
  dy[1] as number,
  (x[1] as number) / group,
  ...kernel,
];

/** Larger kernels would be too many nodes. */
const mostProducts = 36;
/** Few channels make thin products: several taps share one until it has this many rows. */
const rowsPerProduct = 16;

/** Whether every place of the window reads just the element below it. */
const isPointwise = ({ kernel, strides, pads }: ConvGradWeightsAttrs): boolean =>
  sizeOf(kernel) === 1 && strides.every((s) => s === 1) && pads.every((n) => n === 0);

/** One product for every image, then a sum over the batch: nothing needs to be shifted or transposed. */
function lowerPointwise(
  x: Operand,
  dy: Operand,
  { group, kernel }: ConvGradWeightsAttrs,
  emit: Emit,
): string {
  const [batch, filters] = dy.type.shape as [number, number];
  const depth = (x.type.shape[1] as number) / group;
  const list = (values: readonly number[]) => emit.constant(values, 'int64');
  const rows = (v: Operand, each: number) =>
    emit.op('Reshape', [v, list([batch, group, each, planeOf(v.type.shape)])]);
  const products = productTransposed(rows(dy, filters / group), rows(x, depth), 4, emit);
  const sum = emit.op('ReduceSum', [products, list([0])], { keepdims: { int: 0 } });
  return emit.op('Reshape', [sum, list([filters, depth, ...kernel])]);
}

/**
 * One matrix product over batch and places for every tap: `dw[:, :, r] = dy * (x, shifted by r)^T`, with channels
 * outermost so that the sum over the batch is part of the product.
 */
function lowerAsProducts(x: Operand, dy: Operand, a: ConvGradWeightsAttrs, emit: Emit): string {
  const { group, kernel, strides, dilations, pads } = a;
  const [batch, filters, ...places] = dy.type.shape as [number, number, ...number[]];
  const depth = (x.type.shape[1] as number) / group;
  const list = (values: readonly number[]) => emit.constant(values, 'int64');
  const channelsFirst = { perm: { ints: swapped(x.type.shape.length) } };
  const length = batch * sizeOf(places);
  const rows = (v: string, each: number) => emit.op('Reshape', [v, list([group, each, length])]);

  const padded = pads.every((n) => n === 0) ? x : emit.op('Pad', [x, list(padAmounts(pads))]);
  const source = emit.op('Transpose', [padded], channelsFirst);
  const cotangent = rows(emit.op('Transpose', [dy], channelsFirst), filters / group);
  const axes = list(kernel.map((_, axis) => axis + 2));
  const shifted: string[] = [];
  forEachIndex(kernel, (_, tap) => {
    const starts = tap.map((r, axis) => r * (dilations[axis] as number));
    const ends = starts.map((s, axis) => s + ((places[axis] as number) - 1) * (strides[axis] as number) + 1);
    const cut = emit.op('Slice', [source, list(starts), list(ends), axes, list(strides)]);
    shifted.push(rows(cut, depth));
  });
  const joined = Math.max(1, Math.floor(rowsPerProduct / depth));
  const products: string[] = [];
  for (let first = 0; first < shifted.length; first += joined) {
    const some = shifted.slice(first, first + joined);
    const right = some.length === 1 ? (some[0] as string) : emit.op('Concat', some, { axis: { int: 1 } });
    products.push(
      emit.op('Reshape', [productTransposed(cotangent, right, 3, emit), list([filters, some.length, depth])]),
    );
  }
  const taps =
    products.length === 1 ? (products[0] as string) : emit.op('Concat', products, { axis: { int: 1 } });
  const ordered = emit.op('Transpose', [taps], { perm: { ints: [0, 2, 1] } });
  return emit.op('Reshape', [ordered, list([filters, depth, ...kernel])]);
}

/** `a b^T` of stacks of matrices. */
const productTransposed = (a: string, b: string, rank: number, emit: Emit): string =>
  emit.target === 'runtime'
    ? emit.op('FusedMatMul', [a, b], { transB: { int: 1 } }, 'com.microsoft')
    : emit.op('MatMul', [a, emit.op('Transpose', [b], { perm: { ints: swapLast(rank) } })]);

/** One convolution with batch and channels swapped: `dy` slides over `x`, strides and dilations trade places. */
function lowerAsConv(x: Operand, dy: Operand, a: ConvGradWeightsAttrs, emit: Emit): string {
  const { group, kernel, strides, dilations, pads } = a;
  const [batch, channels, ...sizes] = x.type.shape as [number, number, ...number[]];
  const spatial = kernel.length;
  const depth = channels / group;
  const list = (values: readonly number[]) => emit.constant(values, 'int64');
  const swap = { perm: { ints: swapped(2 + spatial) } };

  const apart = emit.op('Reshape', [x, list([batch, group, depth, sizeOf(sizes)])]);
  const outer = emit.op('Transpose', [apart], { perm: { ints: [2, 1, 0, 3] } });
  const source = emit.op('Reshape', [outer, list([depth, group * batch, ...sizes])]);
  const weights = emit.op('Transpose', [dy], swap);
  const needed = kernel.map((k, i) => {
    const last =
      (k - 1) * (dilations[i] as number) + ((dy.type.shape[2 + i] as number) - 1) * (strides[i] as number);
    return Math.max(0, last + 1 - (sizes[i] as number) - (pads[i] as number));
  });
  const result = emit.op('Conv', [source, weights], {
    strides: { ints: dilations },
    dilations: { ints: strides },
    pads: { ints: [...pads.slice(0, spatial), ...needed] },
    group: { int: group },
  });
  const axes = kernel.map((_, axis) => axis + 2);
  const cut = emit.op('Slice', [result, list(axes.map(() => 0)), list(kernel), list(axes)]);
  return emit.op('Transpose', [cut], swap);
}

const swapped = (rank: number): number[] => Array.from({ length: rank }, (_, i) => (i < 2 ? 1 - i : i));

/** Amounts for all axes from those for spatial axes. */
const padAmounts = (pads: readonly number[]): number[] => {
  const spatial = pads.length / 2;
  return [0, 0, ...pads.slice(0, spatial), 0, 0, ...pads.slice(spatial)];
};
