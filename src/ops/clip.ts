import { ShapeError } from '../errors.ts';
import type { Value } from '../ir/graph.ts';
import { elementwise } from '../ir/ndarray.ts';
import { apply, attrs, defineOp, noAttrs } from '../ir/op.ts';
import { distinct, nonzero, values } from '../ir/samples.ts';
import { mul } from './binary.ts';
import { cast } from './cast.ts';
import { equal, greater } from './compare.ts';
import { float, numeric } from './support.ts';

/** Rectifier: `y = max(x, 0)`; the derivative at 0 is 0. @source ONNX Relu-14 */
export function relu(x: Value): Value {
  return apply(reluOp, { x }, {});
}
const reluOp = defineOp({
  name: 'relu',
  monotone: true,
  inputs: { x: float },
  attrs: noAttrs,
  elementwise: true,
  infer: ({ x }) => x,
  lower: ({ x }, _attrs, emit) => emit.op('Relu', [x]),
  // the runtime compares and casts twice as fast as it takes signs
  vjp: (_inputs, dy, _attrs, y) => ({ x: mul(dy, cast(greater(y, 0), dy.dtype)) }),
  reference: elementwise((x) => Math.max(x as number, 0)),
  simd: ({ x }, _attrs, emit) => emit.op('max', x, emit.splat(0)),
  samples: [{ inputs: { x: nonzero([2, 3]) } }, { inputs: { x: values([0]) }, order: 0 }],
  onnx: { Relu: (node) => relu(node.input(0)) },
});

/**
 * `x` held within `[min, max]`; either bound may be infinite. The gradient passes inside the bounds, ends included.
 * @source ONNX Clip-13
 */
export function clip(x: Value, min: number, max: number): Value {
  return apply(clipOp, { x }, { min, max });
}
const clipOp = defineOp({
  name: 'clip',
  inputs: { x: numeric },
  attrs: attrs<{ readonly min: number; readonly max: number }>(),
  elementwise: true,
  infer: ({ x }, { min, max }) => {
    if (min <= max) return x;
    throw new ShapeError(`clip: min ${min} must not exceed max ${max}.`, { op: 'clip', argument: 'min' });
  },
  lower: ({ x }, { min, max }, emit) => {
    const bound = (v: number) => (Number.isFinite(v) ? emit.constant([v], x.type.dtype, []) : undefined);
    return emit.op('Clip', [x, bound(min), bound(max)]);
  },
  // within the bounds, ends included, is where nothing was clipped
  vjp: ({ x }, dy, _attrs, y) => ({ x: mul(dy, cast(equal(x, y), dy.dtype)) }),
  reference: ({ x }, { min, max }) => x.data.map((v) => Math.min(Math.max(v, min), max)),
  simd: ({ x }, { min, max }, emit) => emit.op('min', emit.op('max', x, emit.splat(min)), emit.splat(max)),
  samples: [
    { inputs: { x: distinct([3, 4]) }, attrs: { min: -0.35, max: 0.25 } },
    { inputs: { x: distinct([3, 4]) }, attrs: { min: 0.15, max: Number.POSITIVE_INFINITY } },
  ],
  errors: [{ inputs: { x: distinct([2]) }, attrs: { min: 1, max: 0 }, throws: ShapeError }],
  onnx: {
    Clip: (node) => {
      const attribute = (name: string, fallback: number) => node.float(name, fallback);
      const bound = (position: number, name: string, fallback: number): number =>
        node.opset < 11 ? attribute(name, fallback) : Number(node.constant(position)?.data[0] ?? fallback);
      const min = bound(1, 'min', Number.NEGATIVE_INFINITY);
      return clip(node.input(0), min, bound(2, 'max', Number.POSITIVE_INFINITY));
    },
  },
});
