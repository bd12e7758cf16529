import { type DType, dtypeFromOnnx, isFloat, onnxDtype } from '../core/dtype.ts';
import type { Value } from '../ir/graph.ts';
import { apply, attrs, defineOp } from '../ir/op.ts';
import { bools, integers, normal, values } from '../ir/samples.ts';
import { anything } from './support.ts';

/** Converts elements to `to`; floats truncate to integers, non-zero becomes true. @source ONNX Cast-13 */
export function cast(x: Value, to: DType): Value {
  return x.dtype === to ? x : apply(castOp, { x }, { to });
}
const castOp = defineOp({
  name: 'cast',
  inputs: { x: anything },
  attrs: attrs<{ readonly to: DType }>(),
  elementwise: true,
  infer: ({ x }, { to }) => ({ dtype: to, shape: x.shape }),
  lower: ({ x }, { to }, emit) => emit.op('Cast', [x], { to: { int: onnxDtype(to) } }),
  vjp: ({ x }, dy, { to }) => ({ x: isFloat(to) ? cast(dy, x.dtype) : null }),
  reference: ({ x }, { to }) => (isFloat(to) || to === 'bool' ? x.data.slice() : x.data.map(Math.trunc)),
  // a mask is all ones, so its `and` with 1 is the number
  simd: ({ x }, { to }, emit) => {
    if (x.dtype === to) return x;
    return to === 'bool' ? emit.op('ne', x, emit.splat(0)) : emit.op('and', x, emit.splat(1));
  },
  simplify: ({ x }, { to }) => (x.dtype === to ? x : undefined),
  samples: [
    { inputs: { x: normal([2, 3]) }, attrs: { to: 'float32' } },
    { inputs: { x: integers([2, 3], 5) }, attrs: { to: 'float32' } },
    { inputs: { x: values([-1.7, 0, 2.9]) }, attrs: { to: 'int32' } },
    { inputs: { x: values([-1.7, 0, 2.9]) }, attrs: { to: 'bool' } },
    { inputs: { x: bools([3]) }, attrs: { to: 'float32' } },
  ],
  onnx: {
    Cast: (node) => cast(node.input(0), dtypeFromOnnx(node.int('to'))),
    CastLike: (node) => cast(node.input(0), node.input(1).dtype),
  },
});
