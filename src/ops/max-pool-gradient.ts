import { type Shape, sizeOf, stridesOf } from '../core/shape.ts';
import { Tensor } from '../core/tensor.ts';
import { constant, type Value } from '../ir/graph.ts';
import { forEachIndex } from '../ir/ndarray.ts';
import type { OnnxNode } from '../ir/onnx-node.ts';
import { apply, attrs, defineOp } from '../ir/op.ts';
import { distinct, normal, values } from '../ir/samples.ts';
import { add, mul, sub } from './binary.ts';
import { cast } from './cast.ts';
import { clip } from './clip.ts';
import { equal } from './compare.ts';
import { gather } from './gather.ts';
import { pad } from './pad.ts';
import { maxPool } from './pool.ts';
import { forEachTouch, type PoolAttrs, poolType } from './pool-support.ts';
import { scatterElements } from './scatter.ts';
import { broadcastTo, reshape } from './shape.ts';
import { float, index, scalarConstant } from './support.ts';
import { upsample } from './upsample.ts';
import { perAxis, planeOf, spatialOf, windowOnnx } from './window.ts';

/**
 * Position of the largest element under each place of the window, the first where several tie, as `int64` counted in
 * the flattened `x`.
 * @source ONNX MaxPool-12, second output
 */
export function maxPoolIndices(x: Value, a: PoolAttrs): Value {
  return apply(maxPoolIndicesOp, { x }, a);
}
const maxPoolIndicesOp = defineOp({
  name: 'maxPoolIndices',
  inputs: { x: { ...float, differentiable: false } },
  attrs: attrs<PoolAttrs>(),
  infer: ({ x }, a) => ({ dtype: 'int64', shape: poolType('maxPool', x, a).shape }),
  lower: ({ x }, a, emit) => {
    const outputs = emit.many('MaxPool', [x], { kernel_shape: { ints: a.kernel }, ...windowOnnx(a) }, 2);
    return outputs[1] as string;
  },
  vjp: 'nondifferentiable',
  reference: ({ x }, a, y) => {
    const result = new Float64Array(sizeOf(y.shape)).fill(-1);
    forEachTouch(x.shape, a, (input, place) => {
      const best = result[place] as number;
      if (best < 0 || (x.data[input] as number) > (x.data[best] as number)) result[place] = input;
    });
    return result;
  },
  samples: [
    {
      inputs: { x: distinct([2, 2, 6, 5]) },
      attrs: { kernel: [3, 2], strides: [2, 1], pads: [1, 0, 1, 1], dilations: [1, 1] },
    },
    {
      inputs: { x: values([0, 0, 1, 0, 0, 0, 1, 1, 0], [1, 1, 3, 3]) }, // ties
      attrs: { kernel: [2, 2], strides: [1, 1], pads: [0, 0, 0, 0], dilations: [1, 1] },
    },
  ],
});

/**
 * Puts elements where they came from, zeros elsewhere: `y[indices[i]] = x[i]`, counted in the flattened `y`.
 * @param indices - `int64` of `x`'s shape, all different
 * @param sizes - spatial sizes of the result
 * @source ONNX MaxUnpool-11
 */
function unpool(x: Value, indices: Value, sizes: Shape): Value {
  return apply(unpoolOp, { x, indices }, { sizes });
}
const unpoolOp = defineOp({
  name: 'unpool',
  inputs: { x: float, indices: index },
  attrs: attrs<{ readonly sizes: Shape }>(),
  infer: ({ x }, { sizes }) => ({ dtype: x.dtype, shape: [...x.shape.slice(0, 2), ...sizes] }),
  lower: ({ x, indices }, { sizes }, emit, y) => {
    const kernel_shape = { ints: sizes.map(() => 1) }; // the shape of the result is given
    return emit.op('MaxUnpool', [x, indices, emit.constant(y.shape, 'int64')], { kernel_shape });
  },
  vjp: ({ indices }, dy) => ({ x: gather(reshape(dy, [sizeOf(dy.shape)]), indices) }),
  reference: ({ x, indices }, _attrs, y) => {
    const result = new Float64Array(sizeOf(y.shape));
    x.data.forEach((v, i) => {
      result[indices.data[i] as number] = v;
    });
    return result;
  },
  samples: [
    {
      inputs: {
        x: normal([1, 2, 2, 2]),
        indices: values([1, 3, 8, 10, 14, 12, 21, 23], [1, 2, 2, 2], 'int64'),
      },
      attrs: { sizes: [3, 4] },
    },
  ],
  onnx: { MaxUnpool: readMaxUnpool },
});

/** Positions count in the result, as in ONNX Runtime, also where its shape is given. */
function readMaxUnpool(node: OnnxNode): Value {
  const [x, indices] = [node.input(0), node.input(1)];
  const kernel = node.ints('kernel_shape');
  const strides = node.ints('strides', perAxis(1, kernel.length));
  const pads = node.ints('pads', perAxis(0, 2 * kernel.length));
  const covered = spatialOf(x.shape).map((n, i) => {
    const cut = (pads[i] as number) + (pads[kernel.length + i] as number);
    return (n - 1) * (strides[i] as number) + (kernel[i] as number) - cut;
  });
  const shape = node.constant(2)?.data;
  return unpool(x, indices, shape === undefined ? covered : Array.from(shape, Number).slice(2));
}

/**
 * Cotangent of max pooling: all of `dy` goes to the first largest element under each place.
 *
 * The runtime's indices are several times slower than its plain pooling. Windows side by side don't need them: all
 * elements equal to their window's maximum get a number that falls along the window, the largest number wins, and the
 * number tells where it was.
 */
export function maxPoolCotangent(x: Value, y: Value, dy: Value, a: PoolAttrs): Value {
  const sideBySide = a.kernel.every((k, i) => k === a.strides[i]) && a.dilations.every((d) => d === 1);
  if (!sideBySide) {
    const flat = (v: Value): Value => reshape(v, [sizeOf(v.shape)]);
    const zeros = broadcastTo(scalarConstant(0, dy.dtype), [sizeOf(x.shape)]);
    return reshape(scatterElements(zeros, flat(maxPoolIndices(x, a)), flat(dy), 0, 'add'), x.shape);
  }
  const [sizes, places] = [spatialOf(x.shape), spatialOf(y.shape)];
  const covered = pad(x, marginsOf(x.shape, y.shape, a), 'constant', Number.NEGATIVE_INFINITY);
  const largest = cast(equal(covered, upsample(y, a.kernel)), dy.dtype);
  const { ranks, tops } = rankings(sizes, places, a);
  const first = maxPool(mul(largest, lift(ranks, dy)), { ...a, pads: a.pads.map(() => 0) });
  // NaNs equal nothing; what they leave must be a place all the same
  const inPlane = cast(clip(sub(lift(tops, dy), first), 0, sizeOf(sizes) - 1), 'int64');
  return unpool(dy, add(inPlane, planeStarts(x.shape)), sizes);
}

/** What is to be added to each axis of `x` (or cut, where negative) so that the windows cover it exactly. */
const marginsOf = (x: Shape, y: Shape, { kernel, pads }: PoolAttrs): (readonly [number, number])[] =>
  x.map((n, axis) => {
    if (axis < 2) return [0, 0] as const;
    const before = pads[axis - 2] as number;
    return [before, (y[axis] as number) * (kernel[axis - 2] as number) - before - n] as const;
  });

/**
 * Numbers that fall along each window, above 0, for all windows of a plane (0 in its margins), and for each window the
 * one from which they are taken to give the position in the plane.
 */
function rankings(sizes: Shape, places: Shape, { kernel, pads }: PoolAttrs): { ranks: Tensor; tops: Tensor } {
  const strides = stridesOf(sizes);
  const position = (index: readonly number[]): number =>
    index.reduce((sum, i, axis) => sum + i * (strides[axis] as number), 0);
  const last = position(kernel.map((k) => k - 1)) + 1;
  const covered = places.map((n, axis) => n * (kernel[axis] as number));
  const ranks = new Float64Array(sizeOf(covered));
  forEachIndex(covered, (flat, index) => {
    const inside = index.every((i, axis) => {
      const at = i - (pads[axis] as number);
      return at >= 0 && at < (sizes[axis] as number);
    });
    if (inside) ranks[flat] = last - position(index.map((i, axis) => i % (kernel[axis] as number)));
  });
  const tops = new Float64Array(sizeOf(places));
  forEachIndex(places, (flat, index) => {
    const origin = index.map((i, axis) => i * (kernel[axis] as number) - (pads[axis] as number));
    tops[flat] = position(origin) + last;
  });
  return { ranks: new Tensor('float64', covered, ranks), tops: new Tensor('float64', places, tops) };
}

/** Where each plane of `[N, C, ...spatial]` begins in the flattened tensor: `[N, C, 1, ...]`. */
function planeStarts(shape: Shape): Value {
  const [batch, channels] = shape as [number, number];
  const starts = BigInt64Array.from({ length: batch * channels }, (_, i) => BigInt(i * planeOf(shape)));
  return constant(new Tensor('int64', [batch, channels, ...spatialOf(shape).map(() => 1)], starts));
}

const lift = (t: Tensor, like: Value): Value => constant(t.cast(like.dtype));
