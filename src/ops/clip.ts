import { onnxDtype } from '../core/dtype.ts';
import { ShapeError } from '../errors.ts';
import type { Value } from '../ir/graph.ts';
import { elementwise } from '../ir/ndarray.ts';
import { apply, attrs, defineOp, noAttrs } from '../ir/op.ts';
import { distinct, nonzero, values } from '../ir/samples.ts';
import { mul } from './binary.ts';
import { cast } from './cast.ts';
import { equal } from './compare.ts';
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
  vjp: (_inputs, dy, _attrs, y) => ({ x: mul(dy, step(y)) }),
  reference: elementwise((x) => Math.max(x as number, 0)),
  simd: ({ x }, _attrs, emit) => emit.op('max', x, emit.splat(0)),
  samples: [{ inputs: { x: nonzero([2, 3]) } }, { inputs: { x: values([0]) }, order: 0 }],
  onnx: { Relu: (node) => relu(node.input(0)) },
});

const largestFloat32 = 3.4028234663852886e38;

/** `1` where `x` is positive, else `0`: the derivative of {@link relu}. Its own is zero. @source ONNX Greater-13, Cast-13 */
export function step(x: Value): Value {
  return apply(stepOp, { x }, {});
}
const stepOp = defineOp({
  name: 'step',
  inputs: { x: { ...float, differentiable: false } },
  attrs: noAttrs,
  elementwise: true,
  infer: ({ x }) => x,
  lower: ({ x }, _attrs, emit) => {
    // one threaded pass instead of two, of which one is not; denormal numbers may get a fraction
    if (emit.target === 'runtime' && x.type.dtype === 'float32')
      return emit.op('HardSigmoid', [x], { alpha: { float: largestFloat32 }, beta: { float: 0 } });
    const positive = emit.op('Greater', [x, emit.constant([0], x.type.dtype, [])]);
    return emit.op('Cast', [positive], { to: { int: onnxDtype(x.type.dtype) } });
  },
  vjp: 'nondifferentiable',
  reference: elementwise((x) => Number((x as number) > 0)),
  samples: [{ inputs: { x: values([-2, -1e-30, 0, 1e-30, 3, Number.POSITIVE_INFINITY]) } }],
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
