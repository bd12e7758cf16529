import { type DType, onnxDtype } from '../core/dtype.ts';
import { formatShape, normalizeAxis, type Shape, sizeOf, type TensorType } from '../core/shape.ts';
import { DtypeError, ShapeError } from '../errors.ts';
import type { Value } from '../ir/graph.ts';
import type { NDArray } from '../ir/ndarray.ts';
import type { OnnxNode } from '../ir/onnx-node.ts';
import {
  apply,
  applyMulti,
  attrs,
  byName,
  defineMultiOp,
  defineOp,
  type Sample,
  type TypedOp,
} from '../ir/op.ts';
import { bools, distinct, integers, normal, values } from '../ir/samples.ts';
import { sub } from './binary.ts';
import { zeros } from './indices.ts';
import { scatterElements } from './scatter.ts';
import { transpose } from './shape.ts';
import { flip } from './slice.ts';
import { numeric } from './support.ts';

type Ordered = { readonly x: { readonly dtypes: readonly DType[]; readonly differentiable: false } };
interface ExtremumAttrs {
  readonly axis: number;
  readonly keepDims: boolean;
}

/** Element types that the runtime's kernels compare; others fit into one of them. */
const comparable: readonly DType[] = ['float32', 'float64', 'int32', 'int64'];
const comparableAs = (dtype: DType): DType => (dtype === 'uint32' || dtype === 'uint64' ? 'int64' : 'int32');

/** Defines the position of an extremum along an axis. */
function extremumPosition(
  name: string,
  onnx: string,
  wins: (a: number, b: number) => boolean,
): TypedOp<Ordered, ExtremumAttrs> {
  const typed: TypedOp<Ordered, ExtremumAttrs> = defineOp<Ordered, ExtremumAttrs>({
    name,
    inputs: { x: { ...numeric, differentiable: false } },
    attrs: attrs<ExtremumAttrs>(),
    infer: ({ x }, { axis, keepDims }) => {
      const at = normalizeAxis(axis, x.shape.length, name);
      if (x.shape[at] === 0) {
        throw new ShapeError(`${name}: axis ${at} of ${formatShape(x.shape)} has no elements.`, { op: name });
      }
      return { dtype: 'int64', shape: keepDims ? x.shape.with(at, 1) : x.shape.toSpliced(at, 1) };
    },
    lower: ({ x }, { axis, keepDims }, emit) => {
      const { dtype } = x.type;
      const compared = comparable.includes(dtype)
        ? x
        : emit.op('Cast', [x], { to: { int: onnxDtype(comparableAs(dtype)) } });
      return emit.op(onnx, [compared], { axis: { int: axis }, keepdims: { int: keepDims ? 1 : 0 } });
    },
    vjp: 'nondifferentiable',
    // probabilities are ordered as the scores that they are made of
    simplify: ({ x }, a): Value | undefined => {
      const { kind, inputs, attrs: own } = x.node;
      if (typeof kind === 'string') return undefined;
      const scores = kind.logits?.(
        byName(kind, inputs, (v) => v),
        own,
      );
      const comparable = scores !== undefined && (scores.axis ?? a.axis) === a.axis;
      return comparable ? apply(typed, { x: scores.x }, a) : undefined;
    },
    reference: ({ x }, { axis }) =>
      Float64Array.from(linesOf(x, axis), (line) =>
        line.reduce((best, v, i) => (wins(v, line[best] as number) ? i : best), 0),
      ),
    samples: extremumSamples,
    errors: [
      { inputs: { x: normal([2, 3]) }, attrs: { axis: 2, keepDims: false }, throws: ShapeError },
      { inputs: { x: normal([2, 0]) }, attrs: { axis: 1, keepDims: false }, throws: ShapeError },
      { inputs: { x: bools([2]) }, attrs: { axis: 0, keepDims: false }, throws: DtypeError },
    ],
    onnx: { [onnx]: (node) => readExtremum(typed, node) },
  });
  return typed;
}

const extremumSamples: readonly Sample<Ordered, ExtremumAttrs>[] = [
  { inputs: { x: distinct([3, 4]) }, attrs: { axis: 1, keepDims: false } },
  { inputs: { x: distinct([2, 3, 2]) }, attrs: { axis: 1, keepDims: true } },
  { inputs: { x: values([1, 3, 3, 1]) }, attrs: { axis: 0, keepDims: false } },
  { inputs: { x: integers([2, 5], 9, 'int32') }, attrs: { axis: 0, keepDims: false } },
  { inputs: { x: integers([6], 9, 'uint8') }, attrs: { axis: 0, keepDims: false } },
];

/** The last of equals is counted from the other end. */
function readExtremum(typed: TypedOp<Ordered, ExtremumAttrs>, node: OnnxNode): Value {
  const x = node.input(0);
  const axis = normalizeAxis(node.int('axis', 0), x.rank, node.opType);
  const keepDims = node.int('keepdims', 1) === 1;
  if (node.int('select_last_index', 0) === 0) return apply(typed, { x }, { axis, keepDims });
  return sub((x.shape[axis] as number) - 1, apply(typed, { x: flip(x, [axis]) }, { axis, keepDims }));
}

/** Position of the largest element along `axis`, the first of equals, as `int64`. @source ONNX ArgMax-13 */
export function argMax(x: Value, axis = -1, keepDims = false): Value {
  return apply(argMaxOp, { x }, { axis: normalizeAxis(axis, x.rank, 'argMax'), keepDims });
}
const argMaxOp = extremumPosition('argMax', 'ArgMax', (a, b) => a > b);

/** Position of the smallest element along `axis`, the first of equals, as `int64`. @source ONNX ArgMin-13 */
export function argMin(x: Value, axis = -1, keepDims = false): Value {
  return apply(argMinOp, { x }, { axis: normalizeAxis(axis, x.rank, 'argMin'), keepDims });
}
const argMinOp = extremumPosition('argMin', 'ArgMin', (a, b) => a < b);

/** The elements along `axis`, line by line in row-major order of the other axes. */
function linesOf(x: NDArray, axis: number): Float64Array[] {
  const length = x.shape[axis] as number;
  const inner = sizeOf(x.shape.slice(axis + 1));
  return Array.from({ length: sizeOf(x.shape.toSpliced(axis, 1)) }, (_, line) => {
    const start = Math.floor(line / inner) * length * inner + (line % inner);
    return Float64Array.from({ length }, (__, k) => x.data[start + k * inner] as number);
  });
}

/** The opposite of {@link linesOf}. */
function fromLines(lines: readonly ArrayLike<number>[], shape: Shape, axis: number): Float64Array {
  const length = shape[axis] as number;
  const inner = sizeOf(shape.slice(axis + 1));
  const result = new Float64Array(sizeOf(shape));
  lines.forEach((line, at) => {
    const start = Math.floor(at / inner) * length * inner + (at % inner);
    for (let k = 0; k < length; k++) result[start + k * inner] = line[k] as number;
  });
  return result;
}

interface TopKAttrs {
  readonly k: number;
  readonly axis: number;
  readonly largest: boolean;
}

/**
 * The `k` largest (or smallest) elements along `axis` and their positions, the best first; of equals the one that
 * comes first.
 * @returns values, with size `k` along `axis`, and their positions as `int64`
 * @throws {@link ShapeError} when the axis has fewer than `k` elements
 * @source ONNX TopK-11
 */
export function topK(
  x: Value,
  k: number,
  { axis = -1, largest = true }: { readonly axis?: number; readonly largest?: boolean } = {},
): readonly [Value, Value] {
  const at = normalizeAxis(axis, x.rank, 'topK');
  const [best, positions] = applyMulti(topKOp, { x }, { k, axis: at, largest });
  return [best as Value, positions as Value];
}
const topKOp = defineMultiOp({
  name: 'topK',
  inputs: { x: numeric },
  attrs: attrs<TopKAttrs>(),
  infer: ({ x }, { k, axis }): readonly TensorType[] => {
    const size = x.shape[normalizeAxis(axis, x.shape.length, 'topK')] as number;
    if (!Number.isInteger(k) || k < 0 || k > size) {
      throw new ShapeError(
        `topK: k must be a whole number from 0 to ${size}, the size of axis ${axis}. Received ${k}.`,
        {
          op: 'topK',
          argument: 'k',
          expected: `0 to ${size}`,
          received: String(k),
        },
      );
    }
    const shape = x.shape.with(axis, k);
    return [
      { dtype: x.dtype, shape },
      { dtype: 'int64', shape },
    ];
  },
  lower: ({ x }, { k, axis, largest }, emit) => {
    const { dtype } = x.type;
    const to = (type: DType) => ({ to: { int: onnxDtype(type) } });
    const known = comparable.includes(dtype);
    const compared = known ? x : emit.op('Cast', [x], to(comparableAs(dtype)));
    const options = { axis: { int: axis }, largest: { int: largest ? 1 : 0 } };
    const [best, positions] = emit.many('TopK', [compared, emit.constant([k], 'int64')], options, 2);
    return [known ? best : emit.op('Cast', [best], to(dtype)), positions] as [string, string];
  },
  vjp: ({ x }, [dy], { axis }, ys) => ({
    x: dy ? scatterElements(zeros(x.shape, dy.dtype), ys[1] as Value, dy, axis, 'add') : null,
  }),
  reference: ({ x }, { k, axis, largest }, [y]) => {
    const sign = largest ? -1 : 1;
    const lines = linesOf(x, axis);
    // sort() is stable: of equals, the first stays first
    const order = lines.map((line) =>
      Array.from(line.keys())
        .sort((i, j) => sign * ((line[i] as number) - (line[j] as number)))
        .slice(0, k),
    );
    const best = order.map((places, i) => places.map((p) => (lines[i] as Float64Array)[p] as number));
    const { shape } = y as TensorType;
    return [fromLines(best, shape, axis), fromLines(order, shape, axis)];
  },
  samples: [
    { inputs: { x: distinct([3, 4]) }, attrs: { k: 2, axis: 1, largest: true } },
    { inputs: { x: distinct([4, 2]) }, attrs: { k: 4, axis: 0, largest: false } },
    { inputs: { x: values([1, 3, 3, 2, 3]) }, attrs: { k: 2, axis: 0, largest: true }, order: 0 },
    { inputs: { x: integers([7], 99, 'int32') }, attrs: { k: 3, axis: 0, largest: false } },
  ],
  errors: [
    { inputs: { x: normal([3]) }, attrs: { k: 4, axis: 0, largest: true }, throws: ShapeError },
    { inputs: { x: normal([3]) }, attrs: { k: 1, axis: 1, largest: true }, throws: ShapeError },
  ],
  onnx: {
    // a sorted answer is also one where no order is asked for
    TopK: (node) => {
      const k = node.opset < 10 ? node.int('k') : node.constantInts(1)?.[0];
      if (k === undefined) return node.unsupported('a missing k');
      return topK(node.input(0), k, { axis: node.int('axis', -1), largest: node.int('largest', 1) === 1 });
    },
  },
});

interface CumSumAttrs {
  readonly axis: number;
  readonly exclusive: boolean;
  readonly reverse: boolean;
}

/**
 * Running sum along `axis`: `y[i] = x[0] + ... + x[i]`.
 * @param options.exclusive - leave `x[i]` itself out
 * @param options.reverse - sum from the end
 * @source ONNX CumSum-14
 */
export function cumSum(
  x: Value,
  axis: number,
  { exclusive = false, reverse = false }: { readonly exclusive?: boolean; readonly reverse?: boolean } = {},
): Value {
  return apply(cumSumOp, { x }, { axis: normalizeAxis(axis, x.rank, 'cumSum'), exclusive, reverse });
}
const cumSumOp = defineOp({
  name: 'cumSum',
  inputs: { x: { ...numeric, dtypes: comparable } },
  attrs: attrs<CumSumAttrs>(),
  infer: ({ x }, { axis }) => {
    normalizeAxis(axis, x.shape.length, 'cumSum');
    return x;
  },
  lower: ({ x }, { axis, exclusive, reverse }, emit) =>
    emit.op('CumSum', [x, emit.constant([axis], 'int64', [])], {
      exclusive: { int: exclusive ? 1 : 0 },
      reverse: { int: reverse ? 1 : 0 },
    }),
  // x[i] is part of every y[j] with j >= i: a running sum from the other end
  vjp: (_inputs, dy, { axis, exclusive, reverse }) => ({
    x: cumSum(dy, axis, { exclusive, reverse: !reverse }),
  }),
  reference: ({ x }, { axis, exclusive, reverse }) => {
    const lines = linesOf(x, axis).map((line) => {
      let sum = 0;
      const sums = (reverse ? line.toReversed() : line).map((v) => {
        sum += v;
        return exclusive ? sum - v : sum;
      });
      return reverse ? sums.toReversed() : sums;
    });
    return fromLines(lines, x.shape, axis);
  },
  sinkTranspose: ({ x }, { axis, exclusive, reverse }, permutation) =>
    transpose(cumSum(x, permutation[axis] as number, { exclusive, reverse }), permutation),
  samples: [
    { inputs: { x: normal([2, 4]) }, attrs: { axis: 1, exclusive: false, reverse: false } },
    { inputs: { x: normal([3, 2]) }, attrs: { axis: 0, exclusive: true, reverse: false } },
    { inputs: { x: normal([2, 3]) }, attrs: { axis: 1, exclusive: false, reverse: true } },
    { inputs: { x: integers([4], 9) }, attrs: { axis: 0, exclusive: true, reverse: true } },
  ],
  errors: [
    { inputs: { x: normal([2]) }, attrs: { axis: 1, exclusive: false, reverse: false }, throws: ShapeError },
    { inputs: { x: bools([2]) }, attrs: { axis: 0, exclusive: false, reverse: false }, throws: DtypeError },
  ],
  onnx: {
    CumSum: (node) => {
      const axis = node.constantInts(1)?.[0];
      if (axis === undefined) return node.unsupported('a missing axis');
      const flag = (name: string): boolean => node.int(name, 0) === 1;
      return cumSum(node.input(0), axis, { exclusive: flag('exclusive'), reverse: flag('reverse') });
    },
  },
});
