import { type Shape, sizeOf } from '../core/shape.ts';
import { Tensor } from '../core/tensor.ts';
import { constant, type Value } from '../ir/graph.ts';
import { forEachIndex } from '../ir/ndarray.ts';
import { apply, attrs, defineOp } from '../ir/op.ts';
import { distinct, values } from '../ir/samples.ts';
import { mul } from './binary.ts';
import { cast } from './cast.ts';
import { equal } from './compare.ts';
import { pad } from './pad.ts';
import { maxPool } from './pool.ts';
import { forEachTouch, type PoolAttrs, poolType } from './pool-support.ts';
import { scatterElements } from './scatter.ts';
import { broadcastTo, reshape } from './shape.ts';
import { float, scalarConstant } from './support.ts';
import { upsample } from './upsample.ts';
import { spatialOf, windowOnnx } from './window.ts';

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
 * Cotangent of max pooling: all of `dy` goes to the first largest element under each place.
 *
 * The runtime's indices are several times slower than its plain pooling. Windows side by side don't need them: all
 * elements equal to their window's maximum get a number that falls along the window, and the largest number wins.
 */
export function maxPoolCotangent(x: Value, y: Value, dy: Value, a: PoolAttrs): Value {
  const sideBySide = a.kernel.every((k, i) => k === a.strides[i]) && a.dilations.every((d) => d === 1);
  if (!sideBySide) {
    const flat = (v: Value): Value => reshape(v, [sizeOf(v.shape)]);
    const zeros = broadcastTo(scalarConstant(0, dy.dtype), [sizeOf(x.shape)]);
    return reshape(scatterElements(zeros, flat(maxPoolIndices(x, a)), flat(dy), 0, 'add'), x.shape);
  }
  const margins = marginsOf(x.shape, y.shape, a);
  const covered = pad(x, margins, 'constant', Number.NEGATIVE_INFINITY);
  const largest = cast(equal(covered, upsample(y, a.kernel)), dy.dtype);
  const ranked = mul(largest, ranks(spatialOf(covered.shape), a.kernel, dy));
  const first = maxPool(ranked, { ...a, pads: a.pads.map(() => 0) });
  const chosen = cast(equal(ranked, upsample(first, a.kernel)), dy.dtype);
  const spread = mul(chosen, upsample(dy, a.kernel));
  return pad(
    spread,
    margins.map(([before, after]) => [-before, -after] as const),
  );
}

/** What is to be added to each axis of `x` (or cut, where negative) so that the windows cover it exactly. */
const marginsOf = (x: Shape, y: Shape, { kernel, pads }: PoolAttrs): (readonly [number, number])[] =>
  x.map((n, axis) => {
    if (axis < 2) return [0, 0] as const;
    const before = pads[axis - 2] as number;
    return [before, (y[axis] as number) * (kernel[axis - 2] as number) - before - n] as const;
  });

/** Numbers that fall along each window, down to 1, for all windows of a plane. */
function ranks(sizes: Shape, kernel: Shape, like: Value): Value {
  const data = new Float64Array(sizeOf(sizes));
  forEachIndex(sizes, (flat, index) => {
    const tap = index.reduce(
      (sum, i, axis) => sum * (kernel[axis] as number) + (i % (kernel[axis] as number)),
      0,
    );
    data[flat] = sizeOf(kernel) - tap;
  });
  return constant(new Tensor('float64', sizes, data).cast(like.dtype));
}
