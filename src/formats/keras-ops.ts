import { type DType, isFloat } from '../core/dtype.ts';
import { camelCase } from '../core/registry.ts';
import { normalizeAxis } from '../core/shape.ts';
import { FormatError } from '../errors.ts';
import { Value } from '../ir/graph.ts';
import { activations } from '../layers/activations.ts';
import * as ops from '../ops/index.ts';
import { type Argument, type Arguments, isSlice } from './keras-arguments.ts';

/** An op of Keras's: its arguments as Keras takes them, those by name with the op's own configuration. */
type KerasOp = (args: readonly Argument[], named: Arguments) => Value | readonly Value[];

type Operand = Value | number;
type Pair = readonly [Operand, Operand];

const isNumber = (arg: Argument): arg is number => typeof arg === 'number';
const isNumbers = (arg: Argument): arg is number[] => Array.isArray(arg) && arg.every(isNumber);

/** An argument that an op cannot take, as it is in the file. */
function refused(arg: Argument, expected: string): FormatError {
  const received = arg instanceof Value ? 'a tensor' : JSON.stringify(arg ?? null);
  return new FormatError(`expected ${expected}. Received ${received}.`, { op: 'keras', expected, received });
}

function value(arg: Argument): Value {
  if (arg instanceof Value) return arg;
  throw refused(arg, 'a tensor');
}

function operand(arg: Argument): Operand {
  if (typeof arg === 'boolean') return Number(arg);
  return isNumber(arg) ? arg : value(arg);
}

function values(arg: Argument): readonly Value[] {
  return Array.isArray(arg) ? arg.map(value) : [value(arg)];
}

/** An integer of the configuration; `otherwise` where there is none. */
function integer(arg: Argument, otherwise: number): number {
  if (arg === undefined || arg === null) return otherwise;
  if (isNumber(arg) && Number.isInteger(arg)) return arg;
  throw refused(arg, 'a whole number');
}

/** One axis or several; `undefined` for all. */
function axes(arg: Argument): readonly number[] | undefined {
  if (arg === undefined || arg === null) return undefined;
  if (isNumber(arg)) return [arg];
  if (isNumbers(arg)) return arg;
  throw refused(arg, 'axes');
}

function list(arg: Argument): readonly number[] {
  return axes(arg) ?? [];
}

const floating = (x: Value): Value => (isFloat(x.dtype) ? x : ops.cast(x, 'float32'));

/** The type of what comes of two: floats win over integers, these over booleans. */
function common(a: DType, b: DType): DType {
  if (a === b) return a;
  const rank = (t: DType): number => (isFloat(t) ? 2 : t === 'bool' ? 0 : 1);
  if (rank(a) !== rank(b)) return rank(a) > rank(b) ? a : b;
  return rank(a) === 2 ? 'float32' : 'int64';
}

/** Both operands in one type; a broken number makes integers float. */
function promoted([a, b]: Pair): Pair {
  if (a instanceof Value && b instanceof Value) {
    const type = common(a.dtype, b.dtype);
    return [ops.cast(a, type), ops.cast(b, type)];
  }
  const fitted = (x: Operand, n: Operand): Operand =>
    x instanceof Value && !isFloat(x.dtype) && (x.dtype === 'bool' || !Number.isInteger(n))
      ? ops.cast(x, Number.isInteger(n) ? 'int32' : 'float32')
      : x;
  return [fitted(a, b), fitted(b, a)];
}

const binary =
  (f: (a: Operand, b: Operand) => Value, prepare: (pair: Pair) => Pair = promoted): KerasOp =>
  ([a, b]) =>
    f(...prepare([operand(a), operand(b)]));

const divided = (pair: Pair): Pair => {
  const [a, b] = promoted(pair);
  return [a instanceof Value ? floating(a) : a, b instanceof Value ? floating(b) : b];
};

const logical =
  (f: (a: Value, b: Value) => Value): KerasOp =>
  ([a, b]) =>
    f(ops.cast(value(a), 'bool'), ops.cast(value(b), 'bool'));

const unary =
  (f: (x: Value) => Value): KerasOp =>
  ([x]) =>
    f(floating(value(x)));

/** Keeps the type, also integers. */
const plain =
  (f: (x: Value, named: Arguments) => Value | readonly Value[]): KerasOp =>
  ([x], named) =>
    f(value(x), named);

type Reduction = (x: Value, axes?: readonly number[], keepDims?: boolean) => Value;
const reduction =
  (f: Reduction, prepare: (x: Value) => Value = (x) => x): KerasOp =>
  ([x], { axis, keepdims }) =>
    f(prepare(value(x)), axes(axis), keepdims === true);

const counted = (x: Value): Value => (x.dtype === 'bool' ? ops.cast(x, 'int32') : x);
/** Whether any, or all, elements are not 0. */
const truth =
  (f: Reduction): Reduction =>
  (x, over, keep) =>
    ops.cast(f(ops.cast(ops.cast(x, 'bool'), 'int32'), over, keep), 'bool');

const extremum =
  (f: (x: Value, axis: number, keepDims: boolean) => Value): KerasOp =>
  ([x], { axis, keepdims }) => {
    const flat = axis === undefined || axis === null ? ops.reshape(value(x), [-1]) : value(x);
    return ops.cast(f(flat, integer(axis, 0), keepdims === true), 'int32');
  };

function permuted(x: Value, source: readonly number[], target: readonly number[]): Value {
  const from = source.map((axis) => normalizeAxis(axis, x.rank, 'moveaxis'));
  const to = target.map((axis) => normalizeAxis(axis, x.rank, 'moveaxis'));
  const order = x.shape.map((_, axis) => axis).filter((axis) => !from.includes(axis));
  for (const [i, at] of [...to.entries()].sort(([, a], [, b]) => a - b))
    order.splice(at, 0, from[i] as number);
  return ops.transpose(x, order);
}

/** Parts of equal size, or cut at indices. */
function parts(x: Value, sections: Argument, axis: number): readonly Value[] {
  if (isNumber(sections)) return ops.split(x, sections, axis);
  const size = x.shape[normalizeAxis(axis, x.rank, 'split')] as number;
  const cuts = [0, ...list(sections), size];
  return ops.split(
    x,
    cuts.slice(1).map((cut, i) => cut - (cuts[i] as number)),
    axis,
  );
}

/** `x[key]`, with whole numbers, slices, `None` and `...`. */
function item(x: Value, key: Argument): Value {
  const keys = Array.isArray(key) ? key : [key];
  const taken = keys.filter((k) => k !== null && k !== '...').length;
  const missing = new Array<Argument>(Math.max(0, x.rank - taken)).fill({
    start: null,
    stop: null,
    step: null,
  });
  const at = keys.indexOf('...');
  const full = at < 0 ? [...keys, ...missing] : [...keys.slice(0, at), ...missing, ...keys.slice(at + 1)];
  let [y, axis] = [x, 0];
  for (const k of full) {
    const size = y.shape[axis] as number;
    if (k === null) y = ops.expandDims(y, axis++);
    else if (isNumber(k)) {
      const index = k < 0 ? k + size : k;
      y = ops.squeeze(ops.slice(y, [index], [index + 1], [axis]), [axis]);
    } else if (isSlice(k)) {
      const step = k.step ?? 1;
      const all = k.start === null && k.stop === null && step === 1;
      const [first, last] = step > 0 ? [0, size] : [size - 1, -size - 1];
      if (!all) y = ops.slice(y, [k.start ?? first], [k.stop ?? last], [axis], [step]);
      axis++;
    } else throw refused(k, 'whole numbers and slices');
  }
  return y;
}

function padded(x: Value, { pad_width: width, mode = 'constant', constant_values: fill }: Arguments): Value {
  const pairs = isNumber(width)
    ? x.shape.map((): [number, number] => [width, width])
    : (width as readonly Argument[]).map((pair): [number, number] => list(pair) as [number, number]);
  const modes = { constant: 'constant', reflect: 'reflect', edge: 'edge' } as const;
  const known = modes[mode as keyof typeof modes];
  if (known === undefined) throw refused(mode, 'constant, reflect or edge');
  const all = pairs.length === 1 ? x.shape.map(() => pairs[0] as [number, number]) : pairs;
  return ops.pad(x, all, known, isNumber(fill) ? fill : 0);
}

const activation = (name: string): KerasOp => unary((x) => activations.get(camelCase(name))(x));
const dtypeOf = ({ dtype }: Arguments, x: Value): DType =>
  typeof dtype === 'string' ? (dtype as DType) : x.dtype;

const plainActivations = [
  ...[
    'HardSigmoid',
    'HardSilu',
    'HardTanh',
    'LogSigmoid',
    'Relu',
    'Relu6',
    'Selu',
    'Sigmoid',
    'Silu',
    'Softplus',
  ],
  ...['Softsign', 'SparsePlus', 'SparseSigmoid', 'TanhShrink'],
];

/** By class name in `keras.src.ops`; only ops that mean the same here stand in the table. */
const table: Readonly<Record<string, KerasOp>> = {
  ...Object.fromEntries(plainActivations.map((name) => [name, activation(name)])),
  Absolute: plain(ops.abs),
  Add: binary(ops.add),
  All: reduction(truth(ops.reduceMin)),
  Amax: reduction(ops.reduceMax),
  Amin: reduction(ops.reduceMin),
  Any: reduction(truth(ops.reduceMax)),
  Arccos: unary(ops.acos),
  Arccosh: unary(ops.acosh),
  Arcsin: unary(ops.asin),
  Arcsinh: unary(ops.asinh),
  Arctan: unary(ops.atan),
  Arctanh: unary(ops.atanh),
  Argmax: extremum(ops.argMax),
  Argmin: extremum(ops.argMin),
  BroadcastTo: plain((x, { shape }) => ops.broadcastTo(x, list(shape))),
  Cast: plain((x, named) => ops.cast(x, dtypeOf(named, x))),
  Ceil: unary(ops.ceil),
  Celu: plain((x, { alpha }) => ops.celu(x, alpha as number)),
  Clip: plain((x, named) => ops.clip(x, named.x_min as number, named.x_max as number)),
  Concatenate: ([xs], { axis }) => ops.concat(values(xs), integer(axis, 0)),
  ConvertToTensor: plain((x, named) => ops.cast(x, dtypeOf(named, x))),
  Copy: plain(ops.identity),
  Cos: unary(ops.cos),
  Cosh: unary(ops.cosh),
  Cumsum: plain((x, { axis }) =>
    axis === null ? ops.cumSum(ops.reshape(x, [-1]), 0) : ops.cumSum(x, integer(axis, 0)),
  ),
  Divide: binary(ops.div, divided),
  Einsum: (xs, { subscripts }) => ops.einsum(subscripts as string, xs.map(value)),
  Elu: plain((x, { alpha }) => ops.elu(x, alpha as number)),
  Equal: binary(ops.equal),
  Erf: unary(ops.erf),
  Exp: unary(ops.exp),
  ExpandDims: plain((x, { axis }) => list(axis).reduce(ops.expandDims, x)),
  Expm1: unary((x) => ops.sub(ops.exp(x), 1)),
  Flip: plain((x, { axis }) => ops.flip(x, axes(axis))),
  Floor: unary(ops.floor),
  FloorDivide: binary((a, b) => ops.floor(ops.div(a, b)), divided),
  Gelu: plain((x, { approximate }) => ops.gelu(x, approximate === true)),
  GetItem: ([x, key]) => item(value(x), key),
  Greater: binary(ops.greater),
  GreaterEqual: binary(ops.greaterEqual),
  Isnan: unary(ops.isNan),
  LeakyRelu: plain((x, named) => ops.leakyRelu(x, named.negative_slope as number)),
  Less: binary(ops.less),
  LessEqual: binary(ops.lessEqual),
  Log: unary(ops.log),
  Log10: unary((x) => ops.div(ops.log(x), Math.LN10)),
  Log1p: unary((x) => ops.log(ops.add(x, 1))),
  Log2: unary((x) => ops.div(ops.log(x), Math.LN2)),
  LogicalAnd: logical(ops.logicalAnd),
  LogicalNot: plain((x) => ops.logicalNot(ops.cast(x, 'bool'))),
  LogicalOr: logical(ops.logicalOr),
  LogicalXor: logical(ops.logicalXor),
  LogSoftmax: plain((x, { axis }) => ops.logSoftmax(x, integer(axis, -1))),
  Logsumexp: reduction(ops.logSumExp, floating),
  Matmul: ([a, b]) => ops.matmul(...(promoted([value(a), value(b)]) as [Value, Value])),
  Max: reduction(ops.reduceMax),
  Maximum: binary(ops.maximum),
  Mean: reduction(ops.reduceMean, floating),
  Min: reduction(ops.reduceMin),
  Minimum: binary(ops.minimum),
  Mod: binary(ops.mod),
  Moveaxis: plain((x, { source, destination }) => permuted(x, list(source), list(destination))),
  Multiply: binary(ops.mul),
  Negative: plain(ops.neg),
  NotEqual: binary((a, b) => ops.logicalNot(ops.equal(a, b))),
  OneHot: plain((x, named) =>
    ops.oneHot(
      x,
      integer(named.num_classes, 0),
      integer(named.axis, -1),
      (named.dtype as DType) ?? 'float32',
    ),
  ),
  OnesLike: plain((x, named) => filledLike(x, 1, dtypeOf(named, x))),
  Pad: plain((x, named) => padded(x, named)),
  Power: binary(ops.pow),
  Prod: reduction(ops.reduceProd, counted),
  Ravel: plain((x) => ops.reshape(x, [-1])),
  Reciprocal: unary(ops.reciprocal),
  Reshape: plain((x, { newshape }) => ops.reshape(x, list(newshape))),
  Roll: plain((x, { shift, axis }) => ops.roll(x, integer(shift, 0), integer(axis, 0))),
  Round: plain((x, { decimals }) => {
    const scale = 10 ** integer(decimals, 0);
    return scale === 1 ? ops.round(x) : ops.div(ops.round(ops.mul(x, scale)), scale);
  }),
  Rsqrt: unary(ops.rsqrt),
  Sign: plain(ops.sign),
  Sin: unary(ops.sin),
  Sinh: unary(ops.sinh),
  Softmax: plain((x, { axis }) => ops.softmax(floating(x), integer(axis, -1))),
  Split: plain((x, named) => parts(x, named.indices_or_sections, integer(named.axis, 0))),
  Sqrt: unary(ops.sqrt),
  Square: plain(ops.square),
  Squeeze: plain((x, { axis }) => ops.squeeze(x, axes(axis))),
  Stack: ([xs], { axis }) => ops.stack(values(xs), integer(axis, 0)),
  Std: reduction(ops.standardDeviation, floating),
  StopGradient: plain(ops.stopGradient),
  Subtract: binary(ops.sub),
  Sum: reduction(ops.reduceSum, counted),
  Swapaxes: plain((x, { axis1, axis2 }) => {
    const [a, b] = [integer(axis1, 0), integer(axis2, 0)];
    return permuted(x, [a, b], [b, a]);
  }),
  Take: ([x, indices], { axis }) =>
    axis === null
      ? ops.gather(ops.reshape(value(x), [-1]), value(indices))
      : ops.gather(value(x), value(indices), integer(axis, 0)),
  TakeAlongAxis: ([x, indices], { axis }) => ops.gatherElements(value(x), value(indices), integer(axis, 0)),
  Tan: unary(ops.tan),
  Tanh: unary(ops.tanh),
  Tile: plain((x, { repeats }) => ops.tile(x, list(repeats))),
  Transpose: plain((x, { axes: order }) => ops.transpose(x, axes(order))),
  TrueDivide: binary(ops.div, divided),
  Unstack: plain((x, { axis }) => ops.unstack(x, integer(axis, 0))),
  Var: reduction(ops.variance, floating),
  Where: ([condition, a, b]) =>
    ops.where(ops.cast(value(condition), 'bool'), ...promoted([operand(a), operand(b)])),
  ZerosLike: plain((x, named) => filledLike(x, 0, dtypeOf(named, x))),
};

/** A constant in the shape of `x`. */
const filledLike = (x: Value, number: 0 | 1, dtype: DType): Value =>
  ops.cast(number === 0 ? ops.mul(ops.cast(x, 'float32'), 0) : ops.equal(x, x), dtype);

/** The op of a class of Keras's. @throws {@link FormatError} where there is none */
export function kerasOp(className: string, where: string): KerasOp {
  const found = Object.hasOwn(table, className) ? table[className] : undefined;
  if (found !== undefined) return found;
  throw new FormatError(`${where}: the op "${className}" of Keras is not supported.`, {
    op: 'keras',
    received: className,
  });
}
