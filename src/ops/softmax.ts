import { normalizeAxis, sizeOf } from '../core/shape.ts';
import { ShapeError } from '../errors.ts';
import type { Value } from '../ir/graph.ts';
import type { NDArray } from '../ir/ndarray.ts';
import type { OnnxNode } from '../ir/onnx-node.ts';
import { apply, attrs, defineOp } from '../ir/op.ts';
import { normal, values } from '../ir/samples.ts';
import { mul, sub } from './binary.ts';
import { reduceSum } from './reduce.ts';
import { reshape } from './shape.ts';
import { float } from './support.ts';
import { exp } from './unary.ts';

interface SoftmaxAttrs {
  readonly axis: number;
}

/** Softmax: `y = exp(x) / sum(exp(x))` along `axis`, the last by default. @source ONNX Softmax-13 */
export function softmax(x: Value, axis = -1): Value {
  return apply(softmaxOp, { x }, { axis: normalizeAxis(axis, x.rank, 'softmax') });
}
const softmaxOp = defineOp({
  name: 'softmax',
  inputs: { x: float },
  attrs: attrs<SoftmaxAttrs>(),
  infer: ({ x }, { axis }) => {
    normalizeAxis(axis, x.shape.length, 'softmax');
    return x;
  },
  lower: ({ x }, { axis }, emit) => emit.op('Softmax', [x], { axis: { int: axis } }),
  // dx = y * (dy - sum(dy * y))
  vjp: (_inputs, dy, { axis }, y) => {
    const weighted = mul(dy, y);
    return { x: sub(weighted, mul(y, reduceSum(weighted, [axis], true))) };
  },
  logits: ({ x }, { axis }) => ({ x, axis }),
  reference: ({ x }, { axis }) =>
    alongAxis(x, axis, (row) => {
      const shift = logSumExpOf(row);
      return row.map((v) => Math.exp(v - shift));
    }),
  samples: [
    { inputs: { x: normal([2, 3]) }, attrs: { axis: 1 } },
    { inputs: { x: normal([2, 3, 2]) }, attrs: { axis: 1 } },
    { inputs: { x: values([-1000, 0, 1000]) }, attrs: { axis: 0 } },
  ],
  errors: [{ inputs: { x: normal([2, 3]) }, attrs: { axis: 2 }, throws: ShapeError }],
  onnx: { Softmax: (node) => overAxes(node, softmax) },
});

/** Log-softmax: `y = x - ln(sum(exp(x)))` along `axis`, without overflow. @source ONNX LogSoftmax-13 */
export function logSoftmax(x: Value, axis = -1): Value {
  return apply(logSoftmaxOp, { x }, { axis: normalizeAxis(axis, x.rank, 'logSoftmax') });
}
const logSoftmaxOp = defineOp({
  name: 'logSoftmax',
  inputs: { x: float },
  attrs: attrs<SoftmaxAttrs>(),
  infer: ({ x }, { axis }) => {
    normalizeAxis(axis, x.shape.length, 'logSoftmax');
    return x;
  },
  lower: ({ x }, { axis }, emit) => emit.op('LogSoftmax', [x], { axis: { int: axis } }),
  // dx = dy - softmax(x) * sum(dy)
  vjp: (_inputs, dy, { axis }, y) => ({ x: sub(dy, mul(exp(y), reduceSum(dy, [axis], true))) }),
  reference: ({ x }, { axis }) =>
    alongAxis(x, axis, (row) => {
      const shift = logSumExpOf(row);
      return row.map((v) => v - shift);
    }),
  samples: [
    { inputs: { x: normal([2, 3]) }, attrs: { axis: 1 } },
    { inputs: { x: normal([2, 3, 2]) }, attrs: { axis: 1 } },
    { inputs: { x: values([-1000, 0, 1000]) }, attrs: { axis: 0 } },
  ],
  errors: [{ inputs: { x: normal([2, 3]) }, attrs: { axis: 2 }, throws: ShapeError }],
  onnx: { LogSoftmax: (node) => overAxes(node, logSoftmax) },
});

/** Since opset 13 one axis; before, all axes from `axis` on as one. */
function overAxes(node: OnnxNode, f: (x: Value, axis: number) => Value): Value {
  const x = node.input(0);
  if (node.opset >= 13) return f(x, node.int('axis', -1));
  const axis = normalizeAxis(node.int('axis', 1), x.rank, node.opType);
  const rows = reshape(x, [sizeOf(x.shape.slice(0, axis)), sizeOf(x.shape.slice(axis))]);
  return reshape(f(rows, 1), x.shape);
}

/** `f` of every line of `x` along `axis`. */
function alongAxis(x: NDArray, axis: number, f: (row: Float64Array) => Float64Array): Float64Array {
  const length = x.shape[axis] as number;
  const inner = sizeOf(x.shape.slice(axis + 1));
  const result = new Float64Array(x.data.length);
  for (let outer = 0; outer < x.data.length; outer += length * inner) {
    for (let i = 0; i < inner; i++) {
      const at = (k: number): number => outer + i + k * inner;
      const row = f(Float64Array.from({ length }, (_, k) => x.data[at(k)] as number));
      row.forEach((v, k) => {
        result[at(k)] = v;
      });
    }
  }
  return result;
}

function logSumExpOf(row: Float64Array): number {
  const top = Math.max(...row);
  return top + Math.log(row.reduce((sum, v) => sum + Math.exp(v - top), 0));
}
