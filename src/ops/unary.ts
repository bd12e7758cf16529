import { DtypeError } from '../errors.ts';
import { constantOf, type Value } from '../ir/graph.ts';
import { elementwise } from '../ir/ndarray.ts';
import {
  apply,
  defineOp,
  type Lanes,
  noAttrs,
  type Sample,
  type SimdEmit,
  type SimdInstruction,
  type TypedOp,
} from '../ir/op.ts';
import { integers, nonzero, normal, positive, unit, values } from '../ir/samples.ts';
import { add, div, factorsOf, mul, sub } from './binary.ts';
import { erfReference } from './erf-reference.ts';
import { float, numeric } from './support.ts';

type UnaryInputs = { readonly x: typeof float | typeof numeric };
type NoAttrs = Record<never, never>;

interface Unary {
  readonly name: string;
  /** ONNX operator of the same meaning. */
  readonly onnx: string;
  readonly input?: typeof numeric;
  readonly f: (x: number) => number;
  /** Cotangent of `x`; `null` where the derivative is zero almost everywhere. */
  readonly vjp: (x: Value, dy: Value, y: Value) => Value | null;
  readonly samples?: readonly Sample<UnaryInputs, NoAttrs>[];
  readonly simplify?: (x: Value) => Value | undefined;
  readonly simd?: SimdInstruction | ((x: Lanes, emit: SimdEmit) => Lanes);
  /** The result is a probability, of its own score only. */
  readonly probability?: true;
}

/** Defines an elementwise op of one input that has an ONNX operator of its own. */
function unary(def: Unary): TypedOp<UnaryInputs, NoAttrs> {
  const { name, onnx, input, f, vjp, samples, simplify, simd } = def;
  const typed: TypedOp<UnaryInputs, NoAttrs> = defineOp<UnaryInputs, NoAttrs>({
    name,
    inputs: { x: input ?? float },
    attrs: noAttrs,
    elementwise: true,
    infer: ({ x }) => x,
    lower: ({ x }, _attrs, emit) => emit.op(onnx, [x]),
    vjp: ({ x }, dy, _attrs, y) => ({ x: vjp(x, dy, y) }),
    reference: elementwise(f),
    samples: samples ?? [{ inputs: { x: normal([2, 3]) } }, { inputs: { x: normal([]) } }],
    errors: input === undefined ? [{ inputs: { x: integers([2], 3) }, throws: DtypeError }] : [],
    onnx: { [onnx]: (node) => apply(typed, { x: node.input(0) }, {}) },
    ...(simplify && { simplify: ({ x }) => simplify(x) }),
    ...(simd && { simd: ({ x }, _, emit) => (typeof simd === 'string' ? emit.op(simd, x) : simd(x, emit)) }),
    ...(def.probability && { logits: ({ x }) => ({ x }) }),
  });
  return typed;
}

/** The input of `x` where `x` is an application of `op`: undoes an inverse pair. */
const inputOf = (x: Value, typed: TypedOp<UnaryInputs, NoAttrs>): Value | undefined =>
  x.node.kind === typed.op ? x.node.inputs[0] : undefined;

/** Absolute value, elementwise: `y = |x|`; the derivative at 0 is 0. @source ONNX Abs-13 */
export function abs(x: Value): Value {
  return apply(absOp, { x }, {});
}
const absOp = unary({
  name: 'abs',
  onnx: 'Abs',
  input: numeric,
  f: Math.abs,
  vjp: (x, dy) => mul(dy, sign(x)),
  samples: [{ inputs: { x: nonzero([2, 3]) } }],
  simd: 'abs',
});

/** Negation, elementwise: `y = -x`. @source ONNX Neg-13 */
export function neg(x: Value): Value {
  return apply(negOp, { x }, {});
}
const negOp = unary({
  name: 'neg',
  onnx: 'Neg',
  input: numeric,
  f: (x) => -x,
  vjp: (_x, dy) => neg(dy),
  simplify: (x) => inputOf(x, negOp) ?? negatedProduct(x),
  simd: 'neg',
});

/** What `x` is the negation of, if it is one. */
export const negationOf = (x: Value): Value | undefined => inputOf(x, negOp);

/** `-(a * c)` as `a * -c`, where `c` is constant. */
function negatedProduct(x: Value): Value | undefined {
  const [a, b] = factorsOf(x) ?? [];
  if (a === undefined || b === undefined) return undefined;
  if (constantOf(b)) return mul(a, neg(b));
  return constantOf(a) ? mul(neg(a), b) : undefined;
}

/** Sign, elementwise: -1, 0 or 1; its derivative is 0. @source ONNX Sign-13 */
export function sign(x: Value): Value {
  return apply(signOp, { x }, {});
}
const signOp = unary({
  name: 'sign',
  onnx: 'Sign',
  input: numeric,
  f: Math.sign,
  vjp: () => null,
  samples: [{ inputs: { x: nonzero([2, 3]) } }],
  simd: (x, emit) => {
    const [zero, one] = [emit.splat(0), emit.splat(1)];
    return emit.op(
      'sub',
      emit.op('and', emit.op('gt', x, zero), one),
      emit.op('and', emit.op('lt', x, zero), one),
    );
  },
});

/** Exponential, elementwise: `y = exp(x)`. @source ONNX Exp-13 */
export function exp(x: Value): Value {
  return apply(expOp, { x }, {});
}
const expOp = unary({ name: 'exp', onnx: 'Exp', f: Math.exp, vjp: (_x, dy, y) => mul(dy, y) });

/** Natural logarithm, elementwise: `y = ln(x)`. @source ONNX Log-13 */
export function log(x: Value): Value {
  return apply(logOp, { x }, {});
}
const logOp = unary({
  name: 'log',
  onnx: 'Log',
  f: Math.log,
  vjp: (x, dy) => div(dy, x),
  samples: [{ inputs: { x: positive([2, 3]) } }],
});

/** Square root, elementwise. @source ONNX Sqrt-13 */
export function sqrt(x: Value): Value {
  return apply(sqrtOp, { x }, {});
}
const sqrtOp = unary({
  name: 'sqrt',
  onnx: 'Sqrt',
  f: Math.sqrt,
  vjp: (_x, dy, y) => div(mul(dy, 0.5), y),
  samples: [{ inputs: { x: positive([2, 3]) } }],
  simd: 'sqrt',
});

/** Reciprocal, elementwise: `y = 1/x`. @source ONNX Reciprocal-13 */
export function reciprocal(x: Value): Value {
  return apply(reciprocalOp, { x }, {});
}
const reciprocalOp = unary({
  name: 'reciprocal',
  onnx: 'Reciprocal',
  f: (x) => 1 / x,
  vjp: (_x, dy, y) => neg(mul(dy, mul(y, y))),
  samples: [{ inputs: { x: nonzero([2, 3]) } }],
  simd: (x, emit) => emit.op('div', emit.splat(1), x),
});

/** Largest integer not above `x`; its derivative is 0. @source ONNX Floor-13 */
export function floor(x: Value): Value {
  return apply(floorOp, { x }, {});
}
const floorOp = unary({
  name: 'floor',
  onnx: 'Floor',
  f: Math.floor,
  vjp: () => null,
  samples: [{ inputs: { x: values([-1.5, -0.3, 0.4, 2.7]) } }],
  simd: 'floor',
});

/** Smallest integer not below `x`; its derivative is 0. @source ONNX Ceil-13 */
export function ceil(x: Value): Value {
  return apply(ceilOp, { x }, {});
}
const ceilOp = unary({
  name: 'ceil',
  onnx: 'Ceil',
  f: Math.ceil,
  vjp: () => null,
  samples: [{ inputs: { x: values([-1.5, -0.3, 0.4, 2.7]) } }],
  simd: 'ceil',
});

/** Nearest integer, halves to even; its derivative is 0. @source ONNX Round-11 */
export function round(x: Value): Value {
  return apply(roundOp, { x }, {});
}
export function roundHalfEven(x: number): number {
  return Math.abs(x % 1) === 0.5 ? 2 * Math.round(x / 2) : Math.round(x);
}
const roundOp = unary({
  name: 'round',
  onnx: 'Round',
  f: roundHalfEven,
  vjp: () => null,
  samples: [
    { inputs: { x: values([-1.4, -0.3, 0.4, 2.7]) } },
    { inputs: { x: values([0.5, 1.5, -2.5]) }, order: 0 },
  ],
  simd: 'nearest',
});

/** Sine of an angle in radians. @source ONNX Sin-7 */
export function sin(x: Value): Value {
  return apply(sinOp, { x }, {});
}
const sinOp = unary({ name: 'sin', onnx: 'Sin', f: Math.sin, vjp: (x, dy) => mul(dy, cos(x)) });

/** Cosine of an angle in radians. @source ONNX Cos-7 */
export function cos(x: Value): Value {
  return apply(cosOp, { x }, {});
}
const cosOp = unary({ name: 'cos', onnx: 'Cos', f: Math.cos, vjp: (x, dy) => neg(mul(dy, sin(x))) });

/** Tangent of an angle in radians. @source ONNX Tan-7 */
export function tan(x: Value): Value {
  return apply(tanOp, { x }, {});
}
const tanOp = unary({
  name: 'tan',
  onnx: 'Tan',
  f: Math.tan,
  vjp: (_x, dy, y) => mul(dy, add(mul(y, y), 1)), // d tan = 1 + tan^2
  samples: [{ inputs: { x: unit([2, 3]) } }],
});

/** Inverse sine, in radians, of `x` in [-1, 1]. @source ONNX Asin-7 */
export function asin(x: Value): Value {
  return apply(asinOp, { x }, {});
}
const asinOp = unary({
  name: 'asin',
  onnx: 'Asin',
  f: Math.asin,
  vjp: (x, dy) => div(dy, sqrt(sub(1, mul(x, x)))),
  samples: [{ inputs: { x: unit([2, 3]) } }],
});

/** Inverse cosine, in radians, of `x` in [-1, 1]. @source ONNX Acos-7 */
export function acos(x: Value): Value {
  return apply(acosOp, { x }, {});
}
const acosOp = unary({
  name: 'acos',
  onnx: 'Acos',
  f: Math.acos,
  vjp: (x, dy) => neg(div(dy, sqrt(sub(1, mul(x, x))))),
  samples: [{ inputs: { x: unit([2, 3]) } }],
});

/** Inverse tangent, in radians. @source ONNX Atan-7 */
export function atan(x: Value): Value {
  return apply(atanOp, { x }, {});
}
const atanOp = unary({
  name: 'atan',
  onnx: 'Atan',
  f: Math.atan,
  vjp: (x, dy) => div(dy, add(mul(x, x), 1)),
});

/** Hyperbolic sine. @source ONNX Sinh-9 */
export function sinh(x: Value): Value {
  return apply(sinhOp, { x }, {});
}
const sinhOp = unary({ name: 'sinh', onnx: 'Sinh', f: Math.sinh, vjp: (x, dy) => mul(dy, cosh(x)) });

/** Hyperbolic cosine. @source ONNX Cosh-9 */
export function cosh(x: Value): Value {
  return apply(coshOp, { x }, {});
}
const coshOp = unary({ name: 'cosh', onnx: 'Cosh', f: Math.cosh, vjp: (x, dy) => mul(dy, sinh(x)) });

/** Hyperbolic tangent. @source ONNX Tanh-13 */
export function tanh(x: Value): Value {
  return apply(tanhOp, { x }, {});
}
const tanhOp = unary({
  name: 'tanh',
  onnx: 'Tanh',
  f: Math.tanh,
  vjp: (_x, dy, y) => mul(dy, sub(1, mul(y, y))),
  samples: [{ inputs: { x: normal([2, 3]) } }, { inputs: { x: values([-1000, 0, 1000]) } }],
});

/** Inverse hyperbolic sine. @source ONNX Asinh-9 */
export function asinh(x: Value): Value {
  return apply(asinhOp, { x }, {});
}
const asinhOp = unary({
  name: 'asinh',
  onnx: 'Asinh',
  f: Math.asinh,
  vjp: (x, dy) => div(dy, sqrt(add(mul(x, x), 1))),
});

/** Inverse hyperbolic cosine of `x >= 1`. @source ONNX Acosh-9 */
export function acosh(x: Value): Value {
  return apply(acoshOp, { x }, {});
}
const acoshOp = unary({
  name: 'acosh',
  onnx: 'Acosh',
  f: Math.acosh,
  vjp: (x, dy) => div(dy, sqrt(sub(mul(x, x), 1))),
  samples: [{ inputs: { x: values([1.2, 2, 3.5]) } }],
});

/** Inverse hyperbolic tangent of `x` in (-1, 1). @source ONNX Atanh-9 */
export function atanh(x: Value): Value {
  return apply(atanhOp, { x }, {});
}
const atanhOp = unary({
  name: 'atanh',
  onnx: 'Atanh',
  f: Math.atanh,
  vjp: (x, dy) => div(dy, sub(1, mul(x, x))),
  samples: [{ inputs: { x: unit([2, 3]) } }],
});

/** Gauss error function: `y = 2/sqrt(pi) * integral of exp(-t^2) from 0 to x`. @source ONNX Erf-13 */
export function erf(x: Value): Value {
  return apply(erfOp, { x }, {});
}
const erfOp = unary({
  name: 'erf',
  onnx: 'Erf',
  f: erfReference,
  vjp: (x, dy) => mul(dy, mul(exp(neg(mul(x, x))), 2 / Math.sqrt(Math.PI))),
});

/** Logistic function: `y = 1 / (1 + exp(-x))`. @source ONNX Sigmoid-13 */
export function sigmoid(x: Value): Value {
  return apply(sigmoidOp, { x }, {});
}
const sigmoidOp = unary({
  name: 'sigmoid',
  onnx: 'Sigmoid',
  f: (x) => (x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x))),
  vjp: (_x, dy, y) => mul(dy, mul(y, sub(1, y))),
  samples: [{ inputs: { x: normal([2, 3]) } }, { inputs: { x: values([-80, 0, 80]) } }],
  probability: true,
});

/** Softplus: `y = ln(1 + exp(x))`, always above 0. @source ONNX Softplus-1 */
export function softplus(x: Value): Value {
  return apply(softplusOp, { x }, {});
}
const softplusOp = unary({
  name: 'softplus',
  onnx: 'Softplus',
  f: (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))),
  vjp: (x, dy) => mul(dy, sigmoid(x)),
  samples: [{ inputs: { x: normal([2, 3]) } }, { inputs: { x: values([-1000, 0, 1000]) } }],
});

/** Square, elementwise: `y = x * x`. */
export function square(x: Value): Value {
  return mul(x, x);
}

/** Reciprocal square root: `y = 1 / sqrt(x)`. */
export function rsqrt(x: Value): Value {
  return reciprocal(sqrt(x));
}
