import {
  broadcastShapes,
  formatShape,
  type Shape,
  sizeOf,
  stridesOf,
  type TensorType,
} from '../core/shape.ts';
import { ShapeError } from '../errors.ts';
import type { Value } from '../ir/graph.ts';
import { forEachIndex, type NDArray } from '../ir/ndarray.ts';
import { apply, attrs, defineOp } from '../ir/op.ts';
import { normal } from '../ir/samples.ts';
import { add, mul } from './binary.ts';
import { concat } from './concat.ts';
import { withMargins, type ZeroMargins, zeroMargins } from './pad.ts';
import { reshape, sumTo, transpose } from './shape.ts';
import { slice } from './slice.ts';
import { float } from './support.ts';

interface MatmulAttrs {
  /** Swap the last two axes of `a` first. */
  readonly transposeA: boolean;
  readonly transposeB: boolean;
}

/** The last two axes swapped. */
export const swapLast = (rank: number): number[] => [
  ...Array.from({ length: rank - 2 }, (_, i) => i),
  rank - 1,
  rank - 2,
];

/**
 * Matrix product over the last two axes; leading axes broadcast. A vector counts as a row on the left and as a column
 * on the right, and its axis is dropped from the result.
 * @param a - `[..., m, k]`, or `[..., k, m]` with `transposeA`
 * @param b - `[..., k, n]`, or `[..., n, k]` with `transposeB`
 * @returns `[..., m, n]`
 * @throws {@link ShapeError} when the inner sizes differ
 * @source ONNX MatMul-13
 */
export function matmul(
  a: Value,
  b: Value,
  { transposeA = false, transposeB = false }: Partial<MatmulAttrs> = {},
): Value {
  if (a.rank === 0 || b.rank === 0)
    throw new ShapeError('matmul: operands need at least one axis.', { op: 'matmul' });
  const left = a.rank === 1 ? reshape(a, [1, ...a.shape]) : a;
  const right = b.rank === 1 ? reshape(b, [...b.shape, 1]) : b;
  const y = apply(
    matmulOp,
    { a: left, b: right },
    { transposeA: transposeA && a.rank > 1, transposeB: transposeB && b.rank > 1 },
  );
  const dropped = [...(a.rank === 1 ? [y.rank - 2] : []), ...(b.rank === 1 ? [y.rank - 1] : [])];
  return reshape(
    y,
    y.shape.filter((_, axis) => !dropped.includes(axis)),
  );
}
const matmulOp = defineOp({
  name: 'matmul',
  inputs: { a: float, b: float },
  attrs: attrs<MatmulAttrs>(),
  infer: ({ a, b }, { transposeA, transposeB }): TensorType => {
    const [m, k] = matrix(a.shape, transposeA);
    const [inner, n] = matrix(b.shape, transposeB);
    if (k !== inner) {
      throw new ShapeError(
        `matmul: inner sizes differ: ${formatShape(a.shape)}${transposeA ? ' transposed' : ''} has ${k}, ` +
          `${formatShape(b.shape)}${transposeB ? ' transposed' : ''} has ${inner}.`,
        { op: 'matmul', expected: `inner size ${k}`, received: String(inner) },
      );
    }
    const batch = broadcastShapes([a.shape.slice(0, -2), b.shape.slice(0, -2)], 'matmul');
    return { dtype: a.dtype, shape: [...batch, m, n] };
  },
  flops: ({ a }, { transposeA }, y) => 2 * sizeOf(y.shape) * matrix(a.shape, transposeA)[1],
  lower: ({ a, b }, { transposeA, transposeB }, emit) => {
    if (!transposeA && !transposeB) return emit.op('MatMul', [a, b]);
    if (emit.target === 'runtime') {
      const flags = { transA: { int: Number(transposeA) }, transB: { int: Number(transposeB) } };
      return emit.op('FusedMatMul', [a, b], flags, 'com.microsoft');
    }
    const swap = (x: typeof a) =>
      emit.op('Transpose', [x], { perm: { ints: swapLast(x.type.shape.length) } });
    return emit.op('MatMul', [transposeA ? swap(a) : a, transposeB ? swap(b) : b]);
  },
  vjp: ({ a, b }, dy, { transposeA, transposeB }) => ({
    a: transposeA
      ? product(b, dy, transposeB, true) // dA^T: a = (dy b^T)^T = b dy^T
      : product(dy, b, false, !transposeB),
    b: transposeB ? product(dy, a, true, transposeA) : weightCotangent(a, dy, transposeA, b.shape),
  }),
  reference: matmulReference,
  simplify: ({ a, b }, { transposeA, transposeB }): Value | undefined => {
    const [innerA, innerB] = [withRowsWhole(a), withRowsWhole(b)];
    if (innerA === undefined && innerB === undefined) return withoutZeros(a, b, transposeA, transposeB);
    return product(
      innerA ?? a,
      innerB ?? b,
      transposeA !== (innerA !== undefined),
      transposeB !== (innerB !== undefined),
    );
  },
  samples: [
    { inputs: { a: normal([2, 3]), b: normal([3, 4]) }, attrs: { transposeA: false, transposeB: false } },
    { inputs: { a: normal([3, 2]), b: normal([4, 3]) }, attrs: { transposeA: true, transposeB: true } },
    { inputs: { a: normal([3, 2]), b: normal([3, 4]) }, attrs: { transposeA: true, transposeB: false } },
    { inputs: { a: normal([5, 2, 3]), b: normal([3, 4]) }, attrs: { transposeA: false, transposeB: false } },
    { inputs: { a: normal([5, 2, 3]), b: normal([4, 3]) }, attrs: { transposeA: false, transposeB: true } },
    {
      inputs: { a: normal([2, 1, 2, 3]), b: normal([2, 3, 2]) },
      attrs: { transposeA: false, transposeB: false },
    },
    {
      inputs: { a: normal([2, 3, 2]), b: normal([2, 2, 4, 3]) },
      attrs: { transposeA: true, transposeB: true },
    },
  ],
  errors: [
    {
      inputs: { a: normal([2, 3]), b: normal([4, 2]) },
      attrs: { transposeA: false, transposeB: false },
      throws: ShapeError,
    },
    {
      inputs: { a: normal([2, 2, 3]), b: normal([3, 3, 2]) },
      attrs: { transposeA: false, transposeB: false },
      throws: ShapeError,
    },
  ],
  onnx: {
    MatMul: (node) => matmul(node.input(0), node.input(1)),
    'com.microsoft.FusedMatMul': (node) => {
      const flags = { transposeA: node.int('transA', 0) === 1, transposeB: node.int('transB', 0) === 1 };
      return mul(matmul(node.input(0), node.input(1), flags), node.float('alpha', 1));
    },
  },
});

const product = (a: Value, b: Value, transposeA: boolean, transposeB: boolean): Value =>
  apply(matmulOp, { a, b }, { transposeA, transposeB });

/**
 * A product where one factor has zeros around it. Along the inner axis they and what they meet are left out; along the other
 * axis they are put around the product instead, where that is no larger.
 */
function withoutZeros(a: Value, b: Value, transposeA: boolean, transposeB: boolean): Value | undefined {
  const [left, right] = [zeroMargins(a), zeroMargins(b)];
  const [innerA, innerB] = [a.rank - (transposeA ? 2 : 1), b.rank - (transposeB ? 1 : 2)];
  const multiplied = (x: Value, y: Value): Value => product(x, y, transposeA, transposeB);
  const beside = (x: Value, axis: number, { inner, axis: padded, before }: ZeroMargins): Value =>
    slice(x, [before], [before + (inner.shape[padded] as number)], [axis]);
  if (left?.axis === innerA) return multiplied(left.inner, beside(b, innerB, left));
  if (right?.axis === innerB) return multiplied(beside(a, innerA, right), right.inner);
  const [x, y] =
    left && left.axis >= a.rank - 2
      ? [a, withMargins(multiplied(left.inner, b), -2, left)]
      : right && right.axis >= b.rank - 2
        ? [b, withMargins(multiplied(a, right.inner), -1, right)]
        : [];
  return x && y && sizeOf(y.shape) <= sizeOf(x.shape) ? y : undefined;
}

/** `a^T b` of two matrices that `x` is; `undefined` where it is something else. */
function outerFactors({ node }: Value): readonly [Value, Value] | undefined {
  if (node.kind !== matmulOp.op || !node.attrs.transposeA || node.attrs.transposeB) return undefined;
  const [a, b] = node.inputs as readonly [Value, Value];
  return a.rank === 2 && b.rank === 2 ? [a, b] : undefined;
}

/** As many products are summed one by one; joining more is cheaper. */
const fewProducts = 3;

/** Elements that are copied in the time that an op takes to begin. */
const copiedMeanwhile = 2 ** 13;

/** Whether the factors of a product are copied in less time than the product is added to another. */
function isJoinable(x: Value): boolean {
  const factors = outerFactors(x);
  if (factors === undefined) return false;
  return factors.reduce((sum, v) => sum + sizeOf(v.shape), 0) < sizeOf(x.shape) + copiedMeanwhile;
}

/**
 * The sum of values of one shape. Many products `a^T b`, as the uses of a weight in a long chain leave behind, become one
 * where the factors are small beside the product: `a1^T b1 + a2^T b2 + ... = [a1; a2; ...]^T [b1; b2; ...]`.
 */
export function addAll(values: readonly Value[]): Value {
  const products = values.filter(isJoinable);
  if (products.length <= fewProducts) return values.reduce((a, b) => add(a, b));
  // in the order of the forward pass, which other users of the joined factors keep too
  const pairs = products.toReversed().map((v) => outerFactors(v) as readonly [Value, Value]);
  const join = (side: 0 | 1): Value =>
    concat(
      pairs.map((pair) => pair[side]),
      0,
    );
  const rest = values.filter((v) => !products.includes(v));
  return [...rest, product(join(0), join(1), true, false)].reduce((a, b) => add(a, b));
}

/** A sum over the steps of a loop, taken at once from factors of all steps, stacked to `[steps, ...]`. */
export interface SumOverSteps {
  readonly factors: readonly Value[];
  total(stacked: readonly Value[]): Value;
}

/** How `x`, a value of one step, is summed over all steps; `undefined` where nothing is better than adding up. */
export function sumOverSteps(x: Value): SumOverSteps | undefined {
  const factors = outerFactors(x);
  const rows = (v: Value): Value => reshape(v, [-1, v.shape.at(-1) as number]);
  return factors && { factors, total: ([a, b]) => product(rows(a as Value), rows(b as Value), true, false) };
}

/**
 * `a^T dy` summed over leading axes that `b` lacks. Where `b` is one matrix those axes join the inner one: a single
 * product instead of a batch of them and a sum.
 */
function weightCotangent(a: Value, dy: Value, transposeA: boolean, shape: Shape): Value {
  if (shape.length === 2 && a.rank > 2 && !transposeA && a.rank === dy.rank) {
    const rows = (x: Value): Value => reshape(x, [-1, x.shape.at(-1) as number]);
    return product(rows(a), rows(dy), true, false);
  }
  return sumTo(product(a, dy, !transposeA, false), shape);
}

/**
 * `x` with its last two axes swapped, where a transpose made its rows of what were columns: products read either way, and
 * what is left of the transpose, if anything, moves whole rows.
 */
function withRowsWhole({ node, rank }: Value): Value | undefined {
  const permutation = typeof node.kind === 'string' ? undefined : node.kind.permutation?.(node.attrs);
  if (permutation?.at(-2) !== rank - 1) return undefined;
  return transpose(
    node.inputs[0] as Value,
    swapLast(rank).map((axis) => permutation[axis] as number),
  );
}

/** Rows and columns of the last two axes. */
function matrix(shape: Shape, transposed: boolean): [number, number] {
  if (shape.length < 2) {
    throw new ShapeError(`matmul: expected at least 2 axes. Received ${formatShape(shape)}.`, {
      op: 'matmul',
    });
  }
  const [rows, columns] = shape.slice(-2) as [number, number];
  return transposed ? [columns, rows] : [rows, columns];
}

function matmulReference(
  { a, b }: { readonly a: NDArray; readonly b: NDArray },
  { transposeA, transposeB }: MatmulAttrs,
  y: TensorType,
): Float64Array {
  const [m, k] = matrix(a.shape, transposeA);
  const n = y.shape.at(-1) as number;
  const result = new Float64Array(sizeOf(y.shape));
  const matrixAt = (x: NDArray, index: readonly number[]): number => {
    const batch = x.shape.slice(0, -2);
    const strides = stridesOf(x.shape);
    const offset = index.length - batch.length;
    return batch.reduce(
      (at, size, i) => at + (size === 1 ? 0 : (index[offset + i] as number)) * (strides[i] as number),
      0,
    );
  };
  forEachIndex(y.shape.slice(0, -2), (flat, index) => {
    const [atA, atB] = [matrixAt(a, index), matrixAt(b, index)];
    for (let i = 0; i < m; i++) {
      for (let j = 0; j < n; j++) {
        let sum = 0;
        for (let p = 0; p < k; p++) {
          const left = a.data[atA + (transposeA ? p * m + i : i * k + p)] as number;
          sum += left * (b.data[atB + (transposeB ? j * k + p : p * n + j)] as number);
        }
        result[(flat * m + i) * n + j] = sum;
      }
    }
  });
  return result;
}
