import { normalizeAxes, type Shape, sameShape, sizeOf, stridesOf, type TensorType } from '../core/shape.ts';
import { ShapeError } from '../errors.ts';
import type { Value } from '../ir/graph.ts';
import { forEachIndex, type NDArray } from '../ir/ndarray.ts';
import type { OnnxNode } from '../ir/onnx-node.ts';
import { apply, attrs, defineOp, type Emit, type Operand, type Sample, type TypedOp } from '../ir/op.ts';
import { distinct, nonzero, normal, type SampleData } from '../ir/samples.ts';
import { div, factorsOf, mul, sub } from './binary.ts';
import { cast } from './cast.ts';
import { equal, where } from './compare.ts';
import { summandsAlong } from './scatter.ts';
import { beforeReshape, broadcastTo, reshape, transpose } from './shape.ts';
import { numeric } from './support.ts';
import { abs, exp, log, neg, negationOf, sign, sqrt } from './unary.ts';

type ReduceInputs = { readonly x: typeof numeric };
interface ReduceAttrs {
  /** Axes that are reduced, counted from the front, ascending. */
  readonly axes: readonly number[];
  readonly keepDims: boolean;
}

interface Reduction {
  readonly name: string;
  readonly onnx: string;
  /** One number from the numbers that fall together. */
  readonly f: (group: Float64Array) => number;
  /** `dy` and `y` have kept axes of size 1 here. */
  readonly vjp: (x: Value, dy: Value, y: Value, attrs: ReduceAttrs) => Value;
  readonly sample?: (shape: Shape) => SampleData;
  /** Constant factors and signs may be applied afterwards. */
  readonly linear?: true;
  /** How it is written, unless as an operator with the axes as an attribute. */
  readonly lower?: (x: Operand, attrs: ReduceAttrs, emit: Emit) => string;
  /** Another value with the same result, simpler to reduce. */
  readonly summary?: (x: Value, attrs: ReduceAttrs) => Value | undefined;
}

/** Defines an op that folds axes into one number. */
function reduction(def: Reduction): TypedOp<ReduceInputs, ReduceAttrs> {
  const { name, onnx, f, vjp } = def;
  const sample = def.sample ?? normal;
  const typed: TypedOp<ReduceInputs, ReduceAttrs> = defineOp<ReduceInputs, ReduceAttrs>({
    name,
    inputs: { x: numeric },
    attrs: attrs<ReduceAttrs>(),
    infer: ({ x }, { axes, keepDims }) => ({ dtype: x.dtype, shape: reducedShape(x.shape, axes, keepDims) }),
    lower: ({ x }, a, emit) => {
      if (a.axes.length === 0) return emit.op('Identity', [x]);
      if (def.lower) return def.lower(x, a, emit);
      return emit.op(onnx, [x], { axes: { ints: a.axes }, keepdims: { int: a.keepDims ? 1 : 0 } });
    },
    vjp: ({ x }, dy, a, y) => {
      const kept = reducedShape(x.shape, a.axes, true);
      return { x: vjp(x, reshape(dy, kept), reshape(y, kept), a) };
    },
    reference: ({ x }, { axes }, y) => reduceGroups(x, axes, y, f),
    simplify: ({ x }, a): Value | undefined => {
      if (a.axes.every((axis) => x.shape[axis] === 1)) return single(name, x, a.axes, a.keepDims);
      const inner = a.axes.length === x.rank ? beforeReshape(x) : undefined;
      if (inner)
        return reshape(reduce(typed, inner, undefined, false), reducedShape(x.shape, a.axes, a.keepDims));
      const summary = def.summary?.(x, a);
      if (summary) return reduce(typed, summary, a.axes, a.keepDims);
      return def.linear ? pulledOut(typed, x, a) : undefined;
    },
    sinkTranspose: ({ x }, { axes, keepDims }, permutation) => {
      const inner = axes.map((axis) => permutation[axis] as number).sort((a, b) => a - b);
      const reduced = apply(typed, { x }, { axes: inner, keepDims });
      if (keepDims) return transpose(reduced, permutation);
      const left = permutation.filter((axis) => !inner.includes(axis));
      const ranks = [...left].sort((a, b) => a - b);
      return transpose(
        reduced,
        left.map((axis) => ranks.indexOf(axis)),
      );
    },
    samples: samplesOf(sample),
    errors: [],
    onnx: { [onnx]: (node) => reduce(typed, node.input(0), axesOf(node), node.int('keepdims', 1) === 1) },
  });
  return typed;
}

const samplesOf = (sample: (shape: Shape) => SampleData): Sample<ReduceInputs, ReduceAttrs>[] => [
  { inputs: { x: sample([2, 3, 4]) }, attrs: { axes: [1], keepDims: false } },
  { inputs: { x: sample([2, 3, 4]) }, attrs: { axes: [0, 2], keepDims: true } },
  { inputs: { x: sample([2, 3]) }, attrs: { axes: [0, 1], keepDims: false } },
];

function reduce(
  typed: TypedOp<ReduceInputs, ReduceAttrs>,
  x: Value,
  axes: readonly number[] | undefined,
  keepDims: boolean,
): Value {
  return apply(typed, { x }, { axes: normalizeAxes(axes, x.rank, typed.op.name), keepDims });
}

/** A sum over the first axes as a product with ones, which the runtime computes several times faster. */
function sumAsProduct(x: Operand, { axes, keepDims }: ReduceAttrs, emit: Emit): string | undefined {
  const { shape, dtype } = x.type;
  const leading = axes.length < shape.length && axes.every((axis, i) => axis === i);
  if (!leading || dtype !== 'float32') return undefined;
  const rows = sizeOf(shape.slice(0, axes.length));
  const columns = sizeOf(shape) / rows;
  if (rows < 8 || columns < 8) return undefined;
  const list = (values: readonly number[]) => emit.constant(values, 'int64');
  const matrix = shape.length === 2 ? x : emit.op('Reshape', [x, list([rows, columns])]);
  const ones = emit.constant(new Array<number>(rows).fill(1), 'float32', [rows]);
  const sum = emit.op('MatMul', [ones, matrix]);
  const result = reducedShape(shape, axes, keepDims);
  return result.length === 1 ? sum : emit.op('Reshape', [sum, list(result)]);
}

/** ReduceSum takes its axes as an input since opset 13. */
function lowerSum(x: Operand, a: ReduceAttrs, emit: Emit): string {
  const product = emit.target === 'runtime' ? sumAsProduct(x, a, emit) : undefined;
  const keepdims = { int: a.keepDims ? 1 : 0 };
  return product ?? emit.op('ReduceSum', [x, emit.constant(a.axes, 'int64')], { keepdims });
}

/** Reduction over axes of size 1 (or none): a reshape, and |x| for the norms. */
function single(name: string, x: Value, axes: readonly number[], keepDims: boolean): Value {
  const y = name === 'reduceL1' || name === 'reduceL2' ? abs(x) : x;
  return reshape(y, reducedShape(x.shape, axes, keepDims));
}

/** A linear reduction of `-u`, or of a product with a factor that is the same all along `axes`: the small op comes last. */
function pulledOut(typed: TypedOp<ReduceInputs, ReduceAttrs>, x: Value, a: ReduceAttrs): Value | undefined {
  const negated = negationOf(x);
  if (negated) return neg(apply(typed, { x: negated }, a));
  for (const [rest, factor] of orders(factorsOf(x))) {
    const aligned = [...new Array<number>(x.rank - factor.rank).fill(1), ...factor.shape];
    if (!sameShape(rest.shape, x.shape) || a.axes.some((axis) => aligned[axis] !== 1)) continue;
    return mul(apply(typed, { x: rest }, a), reshape(factor, reducedShape(aligned, a.axes, a.keepDims)));
  }
  return undefined;
}

const orders = (pair: readonly [Value, Value] | undefined): (readonly [Value, Value])[] =>
  pair ? [pair, [pair[1], pair[0]]] : [];

function reducedShape(shape: Shape, axes: readonly number[], keepDims: boolean): Shape {
  const wrong = axes.find((axis) => !(axis >= 0 && axis < shape.length));
  if (wrong !== undefined)
    throw new ShapeError(`reduce: axis ${wrong} is not one of [${shape}].`, { argument: 'axes' });
  return keepDims
    ? shape.map((n, i) => (axes.includes(i) ? 1 : n))
    : shape.filter((_, i) => !axes.includes(i));
}

/** Gathers the elements that fall together and folds each group. */
function reduceGroups(
  x: NDArray,
  axes: readonly number[],
  y: TensorType,
  f: (group: Float64Array) => number,
): Float64Array {
  const kept = reducedShape(x.shape, axes, true);
  const strides = stridesOf(kept);
  const groups = Array.from(
    { length: sizeOf(y.shape) },
    () => new Float64Array(axes.reduce((n, a) => n * (x.shape[a] as number), 1)),
  );
  const filled = new Int32Array(groups.length);
  forEachIndex(x.shape, (flat, index) => {
    let to = 0;
    for (let axis = 0; axis < kept.length; axis++) {
      if (kept[axis] !== 1) to += (index[axis] as number) * (strides[axis] as number);
    }
    const group = groups[to] as Float64Array;
    const at = filled[to] as number;
    group[at] = x.data[flat] as number;
    filled[to] = at + 1;
  });
  return Float64Array.from(groups, f);
}

/** Axes of an ONNX reduction: an attribute before opset 13 or 18, an input after. */
function axesOf(node: OnnxNode): readonly number[] | undefined {
  const given = node.has('axes') ? node.ints('axes') : node.constantInts(1);
  if (given !== undefined && given.length > 0) return given;
  return node.int('noop_with_empty_axes', 0) === 1 ? [] : undefined;
}

const total = (group: Float64Array): number => group.reduce((a, b) => a + b, 0);

/** Sum over `axes` (all by default). @source ONNX ReduceSum-13 */
export function reduceSum(x: Value, axes?: readonly number[], keepDims = false): Value {
  return reduce(reduceSumOp, x, axes, keepDims);
}
const reduceSumOp = reduction({
  name: 'reduceSum',
  onnx: 'ReduceSum',
  lower: lowerSum,
  summary: (x, { axes }) => summandsAlong(x, axes),
  f: total,
  vjp: (x, dy) => broadcastTo(dy, x.shape),
  linear: true,
});

/** Mean over `axes` (all by default). @source ONNX ReduceMean-13 */
export function reduceMean(x: Value, axes?: readonly number[], keepDims = false): Value {
  return reduce(reduceMeanOp, x, axes, keepDims);
}
const reduceMeanOp = reduction({
  name: 'reduceMean',
  onnx: 'ReduceMean',
  f: (group) => total(group) / group.length,
  vjp: (x, dy, y) => broadcastTo(mul(dy, sizeOf(y.shape) / sizeOf(x.shape)), x.shape),
  linear: true,
});

/** Largest over `axes`; equal maxima share the gradient. @source ONNX ReduceMax-13 */
export function reduceMax(x: Value, axes?: readonly number[], keepDims = false): Value {
  return reduce(reduceMaxOp, x, axes, keepDims);
}
const reduceMaxOp = reduction({
  name: 'reduceMax',
  onnx: 'ReduceMax',
  f: (group) => group.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY),
  vjp: shareAmongEqual,
  sample: distinct,
});

/** Smallest over `axes`; equal minima share the gradient. @source ONNX ReduceMin-13 */
export function reduceMin(x: Value, axes?: readonly number[], keepDims = false): Value {
  return reduce(reduceMinOp, x, axes, keepDims);
}
const reduceMinOp = reduction({
  name: 'reduceMin',
  onnx: 'ReduceMin',
  f: (group) => group.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY),
  vjp: shareAmongEqual,
  sample: distinct,
});

/** Product over `axes`; the gradient is exact where elements are zero too. @source ONNX ReduceProd-13 */
export function reduceProd(x: Value, axes?: readonly number[], keepDims = false): Value {
  return reduce(reduceProdOp, x, axes, keepDims);
}
const reduceProdOp = reduction({
  name: 'reduceProd',
  onnx: 'ReduceProd',
  f: (group) => group.reduce((a, b) => a * b, 1),
  // dy * product of the others; with one zero only that element has a gradient, with two none has
  vjp: (x, dy, y, { axes }) => {
    const isZero = equal(x, 0);
    const zeros = reduceSum(cast(isZero, x.dtype), axes, true);
    const safe = where(isZero, 1, x);
    const others = reduceProd(safe, axes, true);
    const atZero = mul(mul(dy, others), cast(equal(zeros, 1), x.dtype));
    return where(isZero, atZero, div(mul(dy, y), safe));
  },
  sample: nonzero,
});

/** `ln(sum(exp(x)))` over `axes`, without overflow. @source ONNX ReduceLogSumExp-13 */
export function logSumExp(x: Value, axes?: readonly number[], keepDims = false): Value {
  return reduce(logSumExpOp, x, axes, keepDims);
}
const logSumExpOp = reduction({
  name: 'logSumExp',
  onnx: 'ReduceLogSumExp',
  f: (group) => {
    const top = group.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
    return Number.isFinite(top) ? top + Math.log(total(group.map((v) => Math.exp(v - top)))) : top;
  },
  vjp: (x, dy, y) => mul(dy, exp(sub(x, y))),
});

/** Sum of absolute values over `axes`. @source ONNX ReduceL1-13 */
export function reduceL1(x: Value, axes?: readonly number[], keepDims = false): Value {
  return reduce(reduceL1Op, x, axes, keepDims);
}
const reduceL1Op = reduction({
  name: 'reduceL1',
  onnx: 'ReduceL1',
  f: (group) => total(group.map(Math.abs)),
  vjp: (x, dy) => mul(dy, sign(x)),
  sample: nonzero,
});

/** Euclidean norm over `axes`. @source ONNX ReduceL2-13 */
export function reduceL2(x: Value, axes?: readonly number[], keepDims = false): Value {
  return reduce(reduceL2Op, x, axes, keepDims);
}
const reduceL2Op = reduction({
  name: 'reduceL2',
  onnx: 'ReduceL2',
  f: (group) => Math.sqrt(total(group.map((v) => v * v))),
  // x / |x|, and 0 at the origin
  vjp: (x, dy, y) => mul(dy, div(x, where(equal(y, 0), 1, y))),
  sample: nonzero,
});

/** Population variance over `axes`: the mean of squared differences from the mean. */
export function variance(x: Value, axes?: readonly number[], keepDims = false): Value {
  const centred = sub(x, reduceMean(x, axes, true));
  return reduceMean(mul(centred, centred), axes, keepDims);
}

/** Population standard deviation over `axes`. */
export function standardDeviation(x: Value, axes?: readonly number[], keepDims = false): Value {
  return sqrt(variance(x, axes, keepDims));
}

/** Sum of squares over `axes`. */
export function reduceSumSquare(x: Value, axes?: readonly number[], keepDims = false): Value {
  return reduceSum(mul(x, x), axes, keepDims);
}

/** `ln(sum(x))` over `axes`. */
export function reduceLogSum(x: Value, axes?: readonly number[], keepDims = false): Value {
  return log(reduceSum(x, axes, keepDims));
}

function shareAmongEqual(x: Value, dy: Value, y: Value, { axes }: ReduceAttrs): Value {
  const winners = cast(equal(x, y), x.dtype);
  return mul(winners, div(dy, reduceSum(winners, axes, true)));
}
