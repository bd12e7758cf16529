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
  const source = spreadApart(reorder(x, emit), x.type.shape, spread, block, emit);
  const result = blockedConv(source, weights, bias, kernel, a, emit);
  return emit.op('ReorderOutput', [result], { channels: { int: filters } }, domain);
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
  const ordered = (split: Shape, order: Shape) =>
    emit.op('Transpose', [reshaped(w, [...split, ...kernel], emit)], { perm: { ints: order } });
  const blocks = (n: number): [number, number] => [n / block, block];
  const result = (v: Operand | string) => reshaped(v, [filters, channels, ...kernel], emit);
  if (channels === 1) {
    const planes = ordered(blocks(filters), [0, 2, 3, 1]);
    return result(adjoint ? flip(planes, kernel, 1, emit) : planes);
  }
  if (!adjoint) return result(ordered([...blocks(filters), ...blocks(channels)], [0, 2, 4, 5, 3, 1]));
  // elements that lie side by side stay so; each block is turned by the kernel that is made for it
  const apart = ordered([...blocks(channels), ...blocks(filters)], [2, 0, 4, 5, 3, 1]);
  const outer = [filters / block, channels / block, ...kernel];
  const turned = reorder(reshaped(apart, [sizeOf(outer), block, block, 1], emit), emit);
  return result(flip(reshaped(turned, [...outer, block * block], emit), kernel, 2, emit));
}

const reshaped = (v: Operand | string, shape: Shape, emit: Emit): string =>
  emit.op('Reshape', [v, emit.constant(shape, 'int64')]);

/** `[N, C, ...places]` as the kernels read it. */
const reorder = (v: Operand | string, emit: Emit): string => emit.op('ReorderInput', [v], {}, domain);

/** `[a, b, n]` as `[b, a, n]`: nothing moves where there is one of `a` or `b`. */
const swapped = (v: string, [a, b, n]: readonly [number, number, number], emit: Emit): string =>
  a === 1 || b === 1
    ? v
    : emit.op('Transpose', [reshaped(v, [a, b, n], emit)], { perm: { ints: [1, 0, 2] } });

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
  const apart = reshaped(x, [(batch * channels) / block, height, 1, width, block], emit);
  const wider = emit.op('Pad', [apart, list([0, 0, 0, 0, 0, 0, 0, down - 1, 0, (across - 1) * block])]);
  return reshaped(wider, [batch, channels, height * down, width * across], emit);
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
  const [batch, channels, ...sizes] = x.type.shape as [number, number, ...number[]];
  const images = reorder(reshaped(x, [1, batch, channels, sizeOf(sizes)], emit), emit);
  const byChannel = swapped(images, [batch / block, channels, sizeOf(sizes) * block], emit);
  const source = padded(sliding, byChannel, [channels, batch]);
  const filters = dy.type.shape[1] as number;
  const result = slide(sliding, source, blockedTwice(dy, block, emit), 1);
  const attributes = { channels: { int: filters }, channels_last: { int: 1 } };
  const taps = kept(sliding, emit.op('ReorderOutput', [result], attributes, domain), 1);
  return emit.op('Transpose', [taps], { perm: { ints: [3, 0, 1, 2] } });
}

function depthwiseGradient(sliding: Sliding): string {
  const { x, dy, kernel, emit } = sliding;
  const [batch, channels] = x.type.shape as [number, number];
  const planes = batch * channels;
  const apart = (v: Operand) => reorder(reshaped(v, [1, planes, ...spatialOf(v.type.shape)], emit), emit);
  const weights = reshaped(apart(dy), [planes, 1, ...spatialOf(dy.type.shape)], emit);
  const result = slide(sliding, padded(sliding, apart(x), [1, planes]), weights, planes);
  const each = kept(sliding, emit.op('ReorderOutput', [result], { channels: { int: planes } }, domain), 2);
  const ones = emit.constant(new Array<number>(batch).fill(1), x.type.dtype);
  const sum = emit.op('MatMul', [ones, reshaped(each, [batch, channels * sizeOf(kernel)], emit)]);
  return reshaped(sum, [channels, 1, ...kernel], emit);
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
 * `x`, reordered with these two `outer` axes, with zeros around it: the kernels are slow at borders, and all places here are
 * near one.
 */
function padded(sliding: Sliding, x: string, outer: readonly [number, number]): string {
  const { block, emit } = sliding;
  const sizes = spatialOf(sliding.x.type.shape);
  const before = sliding.a.pads.slice(0, 2);
  const after = missing(sliding).map((n) => Math.max(0, n));
  const list = (values: readonly number[]) => emit.constant(values, 'int64');
  const apart = reshaped(x, [outer[0], outer[1] / block, ...sizes, block], emit);
  const wider = [...before, ...after].every((n) => n === 0)
    ? apart
    : emit.op('Pad', [apart, list([0, 0, ...before, 0, 0, 0, ...after, 0])]); // whole rows of blocks
  const covered = sizes.map((n, i) => n + (before[i] as number) + (after[i] as number));
  return reshaped(wider, [...outer, ...covered], emit);
}

function slide({ a, dy, emit }: Sliding, source: string, weights: string, group: number): string {
  const window = { strides: a.dilations, dilations: a.strides, pads: [0, 0, 0, 0], group };
  return blockedConv(source, weights, undefined, spatialOf(dy.type.shape), window, emit);
}

/** The places of the kernel, without those that `dy` slides to beyond it; they begin at axis `first`. */
function kept(sliding: Sliding, result: string, first: number): string {
  const { kernel, emit } = sliding;
  if (missing(sliding).every((n) => n >= 0)) return result;
  const list = (values: readonly number[]) => emit.constant(values, 'int64');
  return emit.op('Slice', [result, list([0, 0]), list(kernel), list([first, first + 1])]);
}

/** `[N, K, ...places]` as weights `[K/b, N/b, ...places, b of N, b of K]`: a reordering for each of the blocks. */
function blockedTwice(x: Operand, block: number, emit: Emit): string {
  const [batch, filters, ...places] = x.type.shape as [number, number, ...number[]];
  const plane = sizeOf(places);
  const [images, maps] = [batch / block, filters / block];
  const byBatch = reorder(reshaped(x, [1, batch, filters, plane], emit), emit);
  const both = reorder(reshaped(byBatch, [images * maps, block, plane, block], emit), emit);
  const byFilter = swapped(both, [images, maps, plane * block * block], emit);
  return reshaped(byFilter, [filters, batch, ...places], emit);
}

/** The convolution of a reordered tensor. */
function blockedConv(
  x: string,
  weights: string,
  bias: Operand | undefined,
  kernel: Shape,
  a: ConvAttrs,
  emit: Emit,
): string {
  const attributes = { kernel_shape: { ints: kernel }, ...windowOnnx(a), group: { int: a.group } };
  return emit.op('Conv', [x, weights, bias], attributes, domain);
}
