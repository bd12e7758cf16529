import { broadcastShapes } from '../core/shape.ts';
import { DtypeError, ShapeError } from '../errors.ts';
import type { Value } from '../ir/graph.ts';
import { elementwise } from '../ir/ndarray.ts';
import { apply, defineOp, type InputSpec, noAttrs, type SimdInstruction, type TypedOp } from '../ir/op.ts';
import { bools, integers, normal, values } from '../ir/samples.ts';
import {
  anything,
  bool,
  broadcastTypes,
  discrete,
  float,
  lift,
  liftPair,
  type ValueLike,
} from './support.ts';

type PairInputs = { readonly a: typeof discrete; readonly b: typeof discrete };
type NoAttrs = Record<never, never>;

/** Defines an elementwise op of two broadcast inputs whose result is true or false. */
function predicate(
  name: string,
  onnx: string,
  f: (a: number, b: number) => boolean,
  {
    input = discrete,
    simd,
  }: {
    readonly input?: InputSpec & { readonly differentiable: false };
    readonly simd?: SimdInstruction;
  } = {},
): TypedOp<PairInputs, NoAttrs> {
  const logical = input === bool;
  const sample = logical ? bools : (shape: readonly number[]) => integers(shape, 3, 'int32');
  const typed: TypedOp<PairInputs, NoAttrs> = defineOp<PairInputs, NoAttrs>({
    name,
    inputs: { a: input as typeof discrete, b: input as typeof discrete },
    attrs: noAttrs,
    elementwise: true,
    infer: ({ a, b }) => ({ dtype: 'bool', shape: broadcastTypes([a, b], name).shape }),
    lower: ({ a, b }, _attrs, emit) => emit.op(onnx, [a, b]),
    vjp: 'nondifferentiable',
    reference: elementwise((a, b) => Number(f(a as number, b as number))),
    samples: [
      { inputs: { a: sample([2, 3]), b: sample([2, 3]) } },
      { inputs: { a: sample([2, 1]), b: sample([3]) } },
    ],
    errors: logical
      ? [{ inputs: { a: normal([2]), b: normal([2]) }, throws: DtypeError }]
      : [{ inputs: { a: normal([2]), b: integers([2], 2) }, throws: DtypeError }],
    onnx: { [onnx]: (node) => apply(typed, { a: node.input(0), b: node.input(1) }, {}) },
    ...(simd && { simd: ({ a, b }, _attrs, emit) => emit.op(simd, a, b) }),
  });
  return typed;
}

const pair = (typed: TypedOp<PairInputs, NoAttrs>, a: ValueLike, b: ValueLike): Value => {
  const [x, y] = liftPair(a, b, typed.op.name);
  return apply(typed, { a: x, b: y }, {});
};

/** `a == b`, elementwise. @source ONNX Equal-13 */
export function equal(a: ValueLike, b: ValueLike): Value {
  return pair(equalOp, a, b);
}
const equalOp = predicate('equal', 'Equal', (a, b) => a === b, { simd: 'eq' });

/** `a > b`, elementwise. @source ONNX Greater-13 */
export function greater(a: ValueLike, b: ValueLike): Value {
  return pair(greaterOp, a, b);
}
const greaterOp = predicate('greater', 'Greater', (a, b) => a > b, { simd: 'gt' });

/** `a >= b`, elementwise. @source ONNX GreaterOrEqual-16 */
export function greaterEqual(a: ValueLike, b: ValueLike): Value {
  return pair(greaterEqualOp, a, b);
}
const greaterEqualOp = predicate('greaterEqual', 'GreaterOrEqual', (a, b) => a >= b, { simd: 'ge' });

/** `a < b`, elementwise. @source ONNX Less-13 */
export function less(a: ValueLike, b: ValueLike): Value {
  return pair(lessOp, a, b);
}
const lessOp = predicate('less', 'Less', (a, b) => a < b, { simd: 'lt' });

/** `a <= b`, elementwise. @source ONNX LessOrEqual-16 */
export function lessEqual(a: ValueLike, b: ValueLike): Value {
  return pair(lessEqualOp, a, b);
}
const lessEqualOp = predicate('lessEqual', 'LessOrEqual', (a, b) => a <= b, { simd: 'le' });

/** `a and b` of booleans. @source ONNX And-7 */
export function logicalAnd(a: Value, b: Value): Value {
  return pair(logicalAndOp, a, b);
}
const logicalAndOp = predicate('logicalAnd', 'And', (a, b) => a !== 0 && b !== 0, {
  input: bool,
  simd: 'and',
});

/** `a or b` of booleans. @source ONNX Or-7 */
export function logicalOr(a: Value, b: Value): Value {
  return pair(logicalOrOp, a, b);
}
const logicalOrOp = predicate('logicalOr', 'Or', (a, b) => a !== 0 || b !== 0, { input: bool, simd: 'or' });

/** Exactly one of `a`, `b`. @source ONNX Xor-7 */
export function logicalXor(a: Value, b: Value): Value {
  return pair(logicalXorOp, a, b);
}
const logicalXorOp = predicate('logicalXor', 'Xor', (a, b) => (a !== 0) !== (b !== 0), {
  input: bool,
  simd: 'xor',
});

/** Negation of booleans. @source ONNX Not-1 */
export function logicalNot(x: Value): Value {
  return apply(logicalNotOp, { x }, {});
}
const logicalNotOp = defineOp({
  name: 'logicalNot',
  inputs: { x: bool },
  attrs: noAttrs,
  elementwise: true,
  infer: ({ x }) => x,
  lower: ({ x }, _attrs, emit) => emit.op('Not', [x]),
  vjp: 'nondifferentiable',
  reference: elementwise((x) => Number(x === 0)),
  simd: ({ x }, _attrs, emit) => emit.op('not', x),
  samples: [{ inputs: { x: bools([2, 3]) } }],
  errors: [{ inputs: { x: normal([2]) }, throws: DtypeError }],
  onnx: { Not: (node) => logicalNot(node.input(0)) },
});

/** Whether each element is not a number. @source ONNX IsNaN-13 */
export function isNan(x: Value): Value {
  return apply(isNanOp, { x }, {});
}
const isNanOp = defineOp({
  name: 'isNan',
  inputs: { x: { ...float, differentiable: false } },
  attrs: noAttrs,
  elementwise: true,
  infer: ({ x }) => ({ dtype: 'bool', shape: x.shape }),
  lower: ({ x }, _attrs, emit) => emit.op('IsNaN', [x]),
  vjp: 'nondifferentiable',
  reference: elementwise((x) => Number(Number.isNaN(x))),
  samples: [{ inputs: { x: values([1, Number.NaN, Number.POSITIVE_INFINITY]) } }],
  onnx: { IsNaN: (node) => isNan(node.input(0)) },
});

/** `a` where `condition` holds, else `b`; all three broadcast. @source ONNX Where-16 */
export function where(condition: Value, a: ValueLike, b: ValueLike): Value {
  const [x, y] = liftPair(a, b, 'where');
  return apply(whereOp, { condition, a: x, b: y }, {});
}
const whereOp = defineOp({
  name: 'where',
  inputs: { condition: bool, a: anything, b: anything },
  attrs: noAttrs,
  elementwise: true,
  infer: ({ condition, a, b }) => {
    const { dtype, shape } = broadcastTypes([a, b], 'where');
    return { dtype, shape: broadcastShapes([condition.shape, shape], 'where') };
  },
  lower: ({ condition, a, b }, _attrs, emit) => emit.op('Where', [condition, a, b]),
  vjp: ({ condition }, dy) => ({
    a: where(condition, dy, lift(0, dy)),
    b: where(condition, lift(0, dy), dy),
  }),
  reference: elementwise((condition, a, b) => (condition !== 0 ? (a as number) : (b as number))),
  simd: ({ condition, a, b }, _attrs, emit) => emit.op('select', condition, a, b),
  samples: [
    { inputs: { condition: bools([2, 3]), a: normal([2, 3]), b: normal([2, 3]) } },
    { inputs: { condition: bools([2, 1]), a: normal([3]), b: normal([]) } },
  ],
  errors: [
    { inputs: { condition: bools([2]), a: normal([3]), b: normal([3]) }, throws: ShapeError },
    { inputs: { condition: normal([2]), a: normal([2]), b: normal([2]) }, throws: DtypeError },
  ],
  onnx: { Where: (node) => where(node.input(0), node.input(1), node.input(2)) },
});
