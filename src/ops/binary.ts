import { isFloat } from '../core/dtype.ts';
import { sameType } from '../core/shape.ts';
import { ShapeError } from '../errors.ts';
import { constantOf, type Value } from '../ir/graph.ts';
import { elementwise } from '../ir/ndarray.ts';
import {
  apply,
  defineOp,
  type Emit,
  noAttrs,
  type Operand,
  type Sample,
  type SimdInstruction,
  type TypedOp,
} from '../ir/op.ts';
import { distinct, integers, nonzero, normal, positive, values } from '../ir/samples.ts';
import { cast } from './cast.ts';
import { equal, greater, where } from './compare.ts';
import { joinedMargins } from './pad.ts';
import { scatteredOnto } from './scatter.ts';
import {
  broadcastTypes,
  constantFill,
  liftPair,
  numeric,
  scalarConstant,
  type ValueLike,
} from './support.ts';
import { exp, floor, log, neg, negationOf, sqrt } from './unary.ts';

type BinaryInputs = { readonly a: typeof numeric; readonly b: typeof numeric };
type NoAttrs = Record<never, never>;

interface Binary {
  readonly name: string;
  readonly onnx: string;
  readonly f: (a: number, b: number) => number;
  readonly integer?: (a: number, b: number) => number;
  readonly vjp: (a: Value, b: Value, dy: Value, y: Value) => { a: Value | null; b: Value | null };
  readonly samples: readonly Sample<BinaryInputs, NoAttrs>[];
  readonly simplify?: (a: Value, b: Value, y: Value) => Value | undefined;
  readonly commutative?: true;
  readonly simd?: SimdInstruction;
  /** Reads the ONNX operator where it takes inputs of different types. */
  readonly read?: (a: Value, b: Value) => Value;
}

/** Defines an elementwise op of two broadcast inputs that has an ONNX operator of its own. */
function binary(def: Binary): TypedOp<BinaryInputs, NoAttrs> {
  const { name, onnx, vjp, samples, simplify, commutative, simd } = def;
  const floatReference = elementwise(def.f);
  const integerReference = elementwise(def.integer ?? def.f);
  const typed: TypedOp<BinaryInputs, NoAttrs> = defineOp<BinaryInputs, NoAttrs>({
    name,
    inputs: { a: numeric, b: numeric },
    attrs: noAttrs,
    elementwise: true,
    infer: ({ a, b }) => broadcastTypes([a, b], name),
    lower: ({ a, b }, _attrs, emit) => emit.op(onnx, [besideColumn(a, b, emit), besideColumn(b, a, emit)]),
    vjp: ({ a, b }, dy, _attrs, y) => vjp(a, b, dy, y),
    reference: (inputs, attrs, y) => (isFloat(y.dtype) ? floatReference : integerReference)(inputs, attrs, y),
    samples,
    errors: [{ inputs: { a: normal([2]), b: normal([3]) }, throws: ShapeError }],
    onnx: {
      [onnx]: (node) => {
        const [a, b] = [node.input(0), node.input(1)];
        return def.read ? def.read(a, b) : apply(typed, { a, b }, {});
      },
    },
    simplify: ({ a, b }, _attrs, [y]) => {
      const value = simplify?.(a, b, y as Value) ?? withNumbers(typed, a, b);
      return value !== undefined && sameType(value.type, (y as Value).type) ? value : undefined;
    },
    ...(commutative && { commutative }),
    ...(simd && { simd: ({ a, b }, _attrs, emit) => emit.op(simd, a, b) }),
  });
  return typed;
}

/**
 * The scalar `x` with as many axes as `y`, where `y` is a column: the runtime would go from row to row, ten times as slow.
 */
function besideColumn(x: Operand, y: Operand, emit: Emit): Operand | string {
  const { shape } = y.type;
  if (emit.target !== 'runtime' || x.type.shape.length > 0 || shape.length < 2 || shape.at(-1) !== 1)
    return x;
  return emit.op('Reshape', [x, emit.constant(new Array<number>(shape.length).fill(1), 'int64')]);
}

const broadcasts: readonly Sample<BinaryInputs, NoAttrs>[] = [
  { inputs: { a: normal([2, 3]), b: normal([2, 3]) } },
  { inputs: { a: normal([2, 1, 3]), b: normal([4, 1]) } },
  { inputs: { a: normal([]), b: normal([2]) } },
  { inputs: { a: normal([3, 1]), b: normal([]) } },
];

/** Sum, elementwise with broadcasting: `y = a + b`. @source ONNX Add-14 */
export function add(a: ValueLike, b: ValueLike): Value {
  const [x, y] = liftPair(a, b, 'add');
  return apply(addOp, { a: x, b: y }, {});
}
const addOp = binary({
  name: 'add',
  onnx: 'Add',
  f: (a, b) => a + b,
  vjp: (_a, _b, dy) => ({ a: dy, b: dy }),
  simplify: (a, b) => {
    if (constantFill(b) === 0) return a;
    if (constantFill(a) === 0) return b;
    return scatteredOnto(b, a) ?? scatteredOnto(a, b) ?? joinedMargins(a, b);
  },
  commutative: true,
  samples: broadcasts,
  simd: 'add',
});

/** Difference, elementwise with broadcasting: `y = a - b`. @source ONNX Sub-14 */
export function sub(a: ValueLike, b: ValueLike): Value {
  const [x, y] = liftPair(a, b, 'sub');
  return apply(subOp, { a: x, b: y }, {});
}
const subOp = binary({
  name: 'sub',
  onnx: 'Sub',
  f: (a, b) => a - b,
  vjp: (_a, _b, dy) => ({ a: dy, b: neg(dy) }),
  simplify: (a, b) => {
    if (constantFill(b) === 0) return a;
    return constantFill(a) === 0 ? neg(b) : scatteredOnto(neg(b), a);
  },
  samples: broadcasts,
  simd: 'sub',
});

/** Product, elementwise with broadcasting: `y = a * b`. @source ONNX Mul-14 */
export function mul(a: ValueLike, b: ValueLike): Value {
  const [x, y] = liftPair(a, b, 'mul');
  return apply(mulOp, { a: x, b: y }, {});
}
const mulOp = binary({
  name: 'mul',
  onnx: 'Mul',
  f: (a, b) => a * b,
  // of a square: as one product
  vjp: (a, b, dy) => (a === b ? { a: mul(mul(dy, 2), a), b: null } : { a: mul(dy, b), b: mul(dy, a) }),
  simplify: (a, b) => {
    if (constantFill(b) === 1) return a;
    return constantFill(a) === 1 ? b : (constantsJoined(a, b) ?? constantsJoined(b, a));
  },
  commutative: true,
  samples: broadcasts,
  simd: 'mul',
});

/** The factors of `x`, where it is a product. */
export const factorsOf = ({ node }: Value): readonly [Value, Value] | undefined =>
  node.kind === mulOp.op ? (node.inputs as [Value, Value]) : undefined;

/** `(u * c) * d` as `u * (c * d)` and `-u * d` as `u * -d`, where `c` and `d` are constant. */
function constantsJoined(product: Value, d: Value): Value | undefined {
  if (constantOf(d) === undefined) return undefined;
  const negated = negationOf(product);
  if (negated !== undefined) return mul(negated, neg(d));
  const [u, c] = factorsOf(product) ?? [];
  if (u === undefined || c === undefined) return undefined;
  if (constantOf(c)) return mul(u, mul(c, d));
  return constantOf(u) ? mul(c, mul(u, d)) : undefined;
}

/** Quotient, elementwise with broadcasting: `y = a / b`; integers truncate towards zero. @source ONNX Div-14 */
export function div(a: ValueLike, b: ValueLike): Value {
  const [x, y] = liftPair(a, b, 'div');
  return apply(divOp, { a: x, b: y }, {});
}
const divOp = binary({
  name: 'div',
  onnx: 'Div',
  f: (a, b) => a / b,
  integer: (a, b) => Math.trunc(a / b),
  vjp: (_a, b, dy, y) => ({ a: div(dy, b), b: neg(div(mul(dy, y), b)) }),
  simplify: (a, b) => (constantFill(b) === 1 ? a : undefined),
  samples: [
    { inputs: { a: normal([2, 3]), b: nonzero([3]) } },
    { inputs: { a: normal([3]), b: positive([2, 1]) } },
    { inputs: { a: integers([4], 9, 'int32'), b: values([1, 2, 3, 2], [4], 'int32') } },
  ],
  simd: 'div',
});

/** Power, elementwise with broadcasting: `y = a ^ b`. @source ONNX Pow-15 */
export function pow(a: ValueLike, b: ValueLike): Value {
  const [x, y] = liftPair(a, b, 'pow');
  return apply(powOp, { a: x, b: y }, {});
}
const powOp = binary({
  name: 'pow',
  onnx: 'Pow',
  f: (a, b) => a ** b,
  vjp: (a, b, dy, y) => ({
    a: mul(dy, mul(b, pow(a, sub(b, 1)))),
    // ln(a) only where a > 0: 0^b is constant in b
    b: mul(dy, mul(y, log(where(greater(a, 0), a, onesLike(a))))),
  }),
  simplify: (a, b) => {
    const exponent = constantFill(b);
    if (exponent === 1) return a;
    if (exponent === 2) return mul(a, a);
    return exponent === 0.5 ? sqrt(a) : undefined;
  },
  // ONNX mixes types: the result has the type of the base
  read: (base, exponent) => {
    const wide = isFloat(base.dtype) ? base.dtype : exponent.dtype;
    return cast(pow(cast(base, wide), cast(exponent, wide)), base.dtype);
  },
  samples: [
    { inputs: { a: positive([2, 3]), b: normal([3]) } },
    { inputs: { a: positive([3]), b: normal([2, 1]) } },
  ],
});

/** Larger of two, elementwise; where equal, both get half of the gradient. @source ONNX Max-13 */
export function maximum(a: ValueLike, b: ValueLike): Value {
  const [x, y] = liftPair(a, b, 'maximum');
  return apply(maximumOp, { a: x, b: y }, {});
}
const maximumOp = binary({
  name: 'maximum',
  onnx: 'Max',
  f: (a, b) => Math.max(a, b),
  vjp: extremumVjp,
  commutative: true,
  samples: [
    { inputs: { a: distinct([2, 3]), b: nonzero([2, 3]) } },
    { inputs: { a: values([0, 1, 2]), b: values([0, 2, 1]) }, order: 0 },
  ],
  simd: 'max',
});

/** Smaller of two, elementwise; where equal, both get half of the gradient. @source ONNX Min-13 */
export function minimum(a: ValueLike, b: ValueLike): Value {
  const [x, y] = liftPair(a, b, 'minimum');
  return apply(minimumOp, { a: x, b: y }, {});
}
const minimumOp = binary({
  name: 'minimum',
  onnx: 'Min',
  f: (a, b) => Math.min(a, b),
  vjp: extremumVjp,
  commutative: true,
  samples: [{ inputs: { a: distinct([2, 3]), b: nonzero([2, 3]) } }],
  simd: 'min',
});

/** Remainder `a mod b`, elementwise: the sign of `b`, as Python and Keras have it. */
export function mod(a: ValueLike, b: ValueLike): Value {
  const [x, y] = liftPair(a, b, 'mod');
  return apply(modOp, { a: x, b: y }, {});
}
const modOp = defineOp({
  name: 'mod',
  inputs: { a: numeric, b: numeric },
  attrs: noAttrs,
  elementwise: true,
  infer: ({ a, b }) => broadcastTypes([a, b], 'mod'),
  lower: ({ a, b }, _attrs, emit, y) => {
    if (!isFloat(y.dtype)) return emit.op('Mod', [a, b]);
    return emit.op('Sub', [a, emit.op('Mul', [b, emit.op('Floor', [emit.op('Div', [a, b])])])]);
  },
  vjp: ({ a, b }, dy) => ({ a: dy, b: neg(mul(dy, floor(div(a, b)))) }),
  reference: elementwise((a, b) => a - b * Math.floor(a / b)),
  samples: [
    { inputs: { a: normal([2, 3]), b: values([0.7, -1.1, 2]) } },
    { inputs: { a: values([-7, 7, 5], [3], 'int32'), b: values([3, -3, 2], [3], 'int32') } },
  ],
  errors: [{ inputs: { a: normal([2]), b: normal([3]) }, throws: ShapeError }],
  onnx: {
    Mod: (node) => {
      const [a, b] = [node.input(0), node.input(1)];
      if (node.int('fmod', 0) === 0) return mod(a, b);
      return fmod(a, b);
    },
  },
});

/** Remainder with the sign of `a`, as C's `fmod`: `a - b * trunc(a / b)`. */
export function fmod(a: Value, b: Value): Value {
  const quotient = div(a, b);
  if (!isFloat(quotient.dtype)) return sub(a, mul(b, quotient));
  const truncated = where(greater(quotient, 0), floor(quotient), neg(floor(neg(quotient))));
  return sub(a, mul(b, truncated));
}

/** `(a - b)^2`, elementwise. */
export function squaredDifference(a: ValueLike, b: ValueLike): Value {
  const difference = sub(a, b);
  return mul(difference, difference);
}

/** `ln(exp(a) + exp(b))` without overflow. */
export function logaddexp(a: Value, b: Value): Value {
  const larger = maximum(a, b);
  return add(larger, log(add(exp(sub(a, larger)), exp(sub(b, larger)))));
}

/** Constants that are one number everywhere as scalars, which the op broadcasts by itself. */
function withNumbers(typed: TypedOp<BinaryInputs, NoAttrs>, a: Value, b: Value): Value | undefined {
  const [x, y] = [oneNumber(a), oneNumber(b)];
  return x === a && y === b ? undefined : apply(typed, { a: x, b: y }, {});
}

function oneNumber(x: Value): Value {
  const fill = x.rank > 0 ? constantFill(x) : undefined;
  return fill === undefined ? x : scalarConstant(fill, x.dtype);
}

/** A scalar 1 of the type of `x`. */
const onesLike = (x: Value): Value => scalarConstant(1, x.dtype);

/** dy to the winner, half to each where equal. */
function extremumVjp(a: Value, b: Value, dy: Value, y: Value): { a: Value; b: Value } {
  const share = (x: Value): Value => cast(equal(x, y), dy.dtype);
  const [fromA, fromB] = [share(a), share(b)];
  const each = div(dy, add(fromA, fromB));
  return { a: mul(each, fromA), b: mul(each, fromB) };
}
