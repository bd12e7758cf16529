import { type Shape, sizeOf } from '../core/shape.ts';
import type { Emit, Operand } from '../ir/op.ts';
import type { ConvAttrs } from './conv-support.ts';
import { spatialOf, windowOnnx } from './window.ts';

/** Kernels of ONNX Runtime that keep `channelBlock` channels side by side: [N, C/b, H, W, b]. */
const domain = 'com.microsoft.nchwc';
/** Below so many multiplications the plain kernel is done before tensors are reordered. */
const worthwhile = 2 ** 20;

/** Weights of a convolution, `[K, C / group, R, S]`, as they lie in memory: possibly as those of its adjoint. */
interface Weights {
  readonly operand: Operand;
  /** Whether `operand` is `[C, K / group, R, S]`, to be flipped along its spatial axes. */
  readonly adjoint?: boolean;
}

/** A window, which may slide over its input with zeros between the elements. */
interface SpreadConv extends ConvAttrs {
  /** Distance of the input's elements from each other, 1 by default. */
  readonly spread?: readonly number[];
}

/**
 * A 2-D convolution by the runtime's blocked kernels, where they apply and are the quicker ones: a kernel larger than
 * one element, and channels that fill whole blocks (or depthwise ones).
 * @returns the name of the result `[N, K, ...places]`; `undefined` where the plain form has to do
 * @source ONNX Runtime, core/mlas/lib/snchwc.cpp
 */
export function lowerBlocked(
  x: Operand,
  { operand: w, adjoint = false }: Weights,
  bias: Operand | undefined,
  { spread = [1, 1], ...a }: SpreadConv,
  y: Shape,
  emit: Emit,
): string | undefined {
  const block = emit.channelBlock;
  const kernel = spatialOf(w.type.shape);
  if (block === undefined || kernel.length !== 2 || sizeOf(kernel) === 1) return undefined;
  const [channels, filters] = [x.type.shape[1] as number, y[1] as number];
  const depthwise = a.group > 1 && a.group === channels && a.group === filters;
  if (channels % block !== 0 || filters % block !== 0 || (a.group !== 1 && !depthwise)) return undefined;
  if (((sizeOf(y) * channels) / a.group) * sizeOf(kernel) < worthwhile) return undefined;
  // zeros cost as much as other elements: too much where every filter sees every channel
  if (!depthwise && spread.some((n) => n > 1)) return undefined;

  const weights = blockedWeights({ operand: w, adjoint }, [filters, channels / a.group], block, emit);
  const reordered = emit.op('ReorderInput', [x], {}, domain);
  return blockedConv(
    spreadApart(reordered, x.type.shape, spread, block, emit),
    weights,
    bias,
    kernel,
    a,
    filters,
    emit,
  );
}

/**
 * Weights as the blocked kernels read them: `[K/b, C/b, R, S, b of C, b of K]`, depthwise `[K/b, R, S, b]`. What puts them in
 * order comes first, so that the runtime can join it with what did so before.
 */
function blockedWeights(
  { operand: w, adjoint = false }: Weights,
  [filters, channels]: readonly [number, number],
  block: number,
  emit: Emit,
): string {
  const kernel = spatialOf(w.type.shape);
  const reshaped = (v: Operand | string, shape: Shape) =>
    emit.op('Reshape', [v, emit.constant(shape, 'int64')]);
  const ordered = (split: Shape, order: Shape) =>
    emit.op('Transpose', [reshaped(w, [...split, ...kernel])], { perm: { ints: order } });
  const blocks = (n: number): [number, number] => [n / block, block];
  const result = (v: Operand | string) => reshaped(v, [filters, channels, ...kernel]);
  if (channels === 1) {
    const planes = ordered(blocks(filters), [0, 2, 3, 1]);
    return result(adjoint ? flip(planes, kernel, 1, emit) : planes);
  }
  if (!adjoint) return result(ordered([...blocks(filters), ...blocks(channels)], [0, 2, 4, 5, 3, 1]));
  // elements that lie side by side stay so; each block is turned by the kernel that is made for it
  const apart = ordered([...blocks(channels), ...blocks(filters)], [2, 0, 4, 5, 3, 1]);
  const outer = [filters / block, channels / block, ...kernel];
  const swapped = emit.op('ReorderInput', [reshaped(apart, [sizeOf(outer), block, block, 1])], {}, domain);
  return result(flip(reshaped(swapped, [...outer, block * block]), kernel, 2, emit));
}

/** A reordered tensor with zeros after each of its elements along the spatial axes. */
function spreadApart(
  x: string,
  shape: Shape,
  [down = 1, across = 1]: Shape,
  block: number,
  emit: Emit,
): string {
  if (down === 1 && across === 1) return x;
  const list = (values: readonly number[]) => emit.constant(values, 'int64');
  const [batch, channels, height, width] = shape as [number, number, number, number];
  const apart = emit.op('Reshape', [x, list([(batch * channels) / block, height, 1, width, block])]);
  const wider = emit.op('Pad', [apart, list([0, 0, 0, 0, 0, 0, 0, down - 1, 0, (across - 1) * block])]);
  return emit.op('Reshape', [wider, list([batch, channels, height * down, width * across])]);
}

/** Weights turned around along their spatial axes, which begin at axis `first`. */
export function flip(w: Operand | string, kernel: Shape, first: number, emit: Emit): Operand | string {
  if (sizeOf(kernel) === 1) return w;
  const list = (values: readonly number[]) => emit.constant(values, 'int64');
  const last = list(kernel.map(() => -1));
  return emit.op('Slice', [
    w,
    last,
    list(kernel.map((k) => -k - 1)),
    list(kernel.map((_, i) => first + i)),
    last,
  ]);
}

/** A gradient to be computed: `dy` slides over `x`, which has a place for it at every element of the kernel. */
interface Sliding {
  readonly x: Operand;
  readonly dy: Operand;
  readonly a: ConvAttrs;
  readonly kernel: Shape;
  readonly block: number;
  readonly emit: Emit;
}

/**
 * Gradient of a convolution's weights by the blocked kernels: `dy` slides over `x`, strides and dilations exchanged.
 * Batch and channels change places, so that the sum over the batch is part of it; depthwise, every plane of `dy` slides
 * over its own plane of `x`, and the sum follows.
 * @returns the name of `[K, C / group, ...kernel]`; `undefined` where another form has to do
 */
export function lowerGradientBlocked(
  x: Operand,
  dy: Operand,
  a: ConvAttrs,
  kernel: Shape,
  emit: Emit,
): string | undefined {
  const block = emit.channelBlock;
  const [batch, filters] = dy.type.shape as [number, number];
  const channels = x.type.shape[1] as number;
  if (block === undefined || kernel.length !== 2) return undefined;
  const sliding = { x, dy, a, kernel, block, emit };
  const depthwise = a.group > 1 && a.group === channels && a.group === filters;
  if (depthwise) return (batch * channels) % block === 0 ? depthwiseGradient(sliding) : undefined;
  const products = sizeOf(dy.type.shape) * channels * sizeOf(kernel);
  const fits = a.group === 1 && batch % block === 0 && filters % block === 0 && channels >= block;
  return fits && products >= worthwhile ? denseGradient(sliding) : undefined;
}

function denseGradient(sliding: Sliding): string {
  const { x, dy, block, emit } = sliding;
  const [batch, channels] = x.type.shape as [number, number];
  const swap = { perm: { ints: [1, 0, 2, 3] } };
  const source = padded(sliding, emit.op('Transpose', [x], swap), [channels, batch]);
  const result = slide(sliding, source, blockedTwice(dy, block, emit), dy.type.shape[1] as number, 1);
  return emit.op('Transpose', [result], swap);
}

function depthwiseGradient(sliding: Sliding): string {
  const { x, dy, kernel, emit } = sliding;
  const [batch, channels] = x.type.shape as [number, number];
  const planes = batch * channels;
  const reshaped = (v: Operand | string, shape: Shape) =>
    emit.op('Reshape', [v, emit.constant(shape, 'int64')]);
  const apart = (v: Operand) => reshaped(v, [1, planes, ...spatialOf(v.type.shape)]);
  const weights = emit.op('ReorderInput', [apart(dy)], {}, domain);
  const source = padded(sliding, apart(x), [1, planes]);
  const each = slide(
    sliding,
    source,
    reshaped(weights, [planes, 1, ...spatialOf(dy.type.shape)]),
    planes,
    planes,
  );
  const ones = emit.constant(new Array<number>(batch).fill(1), x.type.dtype);
  const sum = emit.op('MatMul', [ones, reshaped(each, [batch, channels * sizeOf(kernel)])]);
  return reshaped(sum, [channels, 1, ...kernel]);
}

/** Elements that are missing after each axis of `x`; below 0, those that are too many. */
function missing({ x, dy, kernel, a: { strides, pads, dilations } }: Sliding): number[] {
  const places = spatialOf(dy.type.shape);
  return spatialOf(x.type.shape).map((n, i) => {
    const reach = ((kernel[i] as number) - 1) * (dilations[i] as number) + 1;
    return reach + ((places[i] as number) - 1) * (strides[i] as number) - n - (pads[i] as number);
  });
}

/**
 * `x`, given in the order of its two `outer` axes, reordered and padded: the kernels are slow at borders, and all
 * places here are near one.
 */
function padded(sliding: Sliding, x: string, outer: readonly [number, number]): string {
  const { block, emit } = sliding;
  const sizes = spatialOf(sliding.x.type.shape);
  const before = sliding.a.pads.slice(0, 2);
  const after = missing(sliding).map((n) => Math.max(0, n));
  const reordered = emit.op('ReorderInput', [x], {}, domain);
  if ([...before, ...after].every((n) => n === 0)) return reordered;
  const list = (values: readonly number[]) => emit.constant(values, 'int64');
  const apart = emit.op('Reshape', [reordered, list([outer[0], outer[1] / block, ...sizes, block])]);
  const wider = emit.op('Pad', [apart, list([0, 0, ...before, 0, 0, 0, ...after, 0])]); // whole rows of blocks
  const covered = sizes.map((n, i) => n + (before[i] as number) + (after[i] as number));
  return emit.op('Reshape', [wider, list([...outer, ...covered])]);
}

function slide(sliding: Sliding, source: string, weights: string, filters: number, group: number): string {
  const { a, dy, kernel, emit } = sliding;
  const window = { strides: a.dilations, dilations: a.strides, pads: [0, 0, 0, 0], group };
  const result = blockedConv(source, weights, undefined, spatialOf(dy.type.shape), window, filters, emit);
  if (missing(sliding).every((n) => n >= 0)) return result;
  const list = (values: readonly number[]) => emit.constant(values, 'int64');
  return emit.op('Slice', [result, list([0, 0]), list(kernel), list([2, 3])]);
}

/** `[N, K, ...places]` as weights `[K/b, N/b, ...places, b of N, b of K]`: a reordering for each of the blocks. */
function blockedTwice(x: Operand, block: number, emit: Emit): string {
  const [batch, filters, ...places] = x.type.shape as [number, number, ...number[]];
  const plane = sizeOf(places);
  const reshaped = (v: Operand | string, shape: Shape) =>
    emit.op('Reshape', [v, emit.constant(shape, 'int64')]);
  const reorder = (v: string) => emit.op('ReorderInput', [v], {}, domain);
  const byBatch = reorder(reshaped(x, [1, batch, filters, plane]));
  const both = reorder(reshaped(byBatch, [(batch / block) * (filters / block), block, plane, block]));
  const apart = reshaped(both, [batch / block, filters / block, plane * block * block]);
  const swapped = emit.op('Transpose', [apart], { perm: { ints: [1, 0, 2] } });
  return reshaped(swapped, [filters, batch, ...places]);
}

/** The convolution of a reordered tensor, its result put back in order. */
function blockedConv(
  x: string,
  weights: string,
  bias: Operand | undefined,
  kernel: Shape,
  a: ConvAttrs,
  filters: number,
  emit: Emit,
): string {
  const attributes = { kernel_shape: { ints: kernel }, ...windowOnnx(a), group: { int: a.group } };
  const result = emit.op('Conv', [x, weights, bias], attributes, domain);
  return emit.op('ReorderOutput', [result], { channels: { int: filters } }, domain);
}
