import { formatShape, normalizeAxis, sameShape, sizeOf, type TensorType } from '../core/shape.ts';
import { ConfigError, DtypeError, ShapeError } from '../errors.ts';
import type { Value } from '../ir/graph.ts';
import type { NDArray } from '../ir/ndarray.ts';
import type { OnnxNode } from '../ir/onnx-node.ts';
import { apply, applyMulti, attrs, defineMultiOp, defineOp } from '../ir/op.ts';
import { bools, integers, normal } from '../ir/samples.ts';
import { zeros } from './indices.ts';
import { expandDims, squeeze, transpose } from './shape.ts';
import { anything } from './support.ts';

/**
 * Joins values end to end along `axis`, the last by default.
 * @param xs - one or more values; shapes may differ along `axis` only
 * @throws {@link ShapeError} when other sizes differ, {@link DtypeError} when element types differ
 * @source ONNX Concat-13
 */
export function concat(xs: readonly Value[], axis = -1): Value {
  const [first] = xs;
  if (first === undefined) throw new ConfigError('concat: expected at least one value.', { op: 'concat' });
  return xs.length === 1
    ? first
    : apply(concatOp, { xs }, { axis: normalizeAxis(axis, first.rank, 'concat') });
}
const concatOp = defineOp({
  name: 'concat',
  inputs: { xs: { ...anything, variadic: true } },
  attrs: attrs<{ readonly axis: number }>(),
  infer: ({ xs }, { axis }) => {
    const [first] = xs as readonly [TensorType, ...TensorType[]];
    const at = normalizeAxis(axis, first.shape.length, 'concat');
    for (const x of xs) checkJoins(first, x, at);
    const joined = xs.reduce((sum, x) => sum + (x.shape[at] as number), 0);
    return { dtype: first.dtype, shape: first.shape.with(at, joined) };
  },
  lower: ({ xs }, { axis }, emit) => emit.op('Concat', xs, { axis: { int: axis } }),
  vjp: ({ xs }, dy, { axis }) => ({
    xs: split(
      dy,
      xs.map((x) => x.shape[axis] as number),
      axis,
    ),
  }),
  reference: ({ xs }, { axis }, y) => {
    const result = new Float64Array(sizeOf(y.shape));
    const row = sizeOf(y.shape.slice(axis));
    let at = 0;
    for (const x of xs) {
      const part = sizeOf(x.shape.slice(axis));
      for (let i = 0; i * part < x.data.length; i++) {
        result.set(x.data.subarray(i * part, (i + 1) * part), i * row + at);
      }
      at += part;
    }
    return result;
  },
  simplify: ({ xs }, { axis }) => {
    const filled = xs.filter((x) => x.shape[axis] !== 0);
    if (filled.length < xs.length && filled.length > 0) return concat(filled, axis);
    return undoneSplit(xs, axis);
  },
  sinkTranspose: ({ xs }, { axis }, permutation) =>
    transpose(concat(xs, permutation[axis] as number), permutation),
  samples: [
    { inputs: { xs: [normal([2, 3]), normal([4, 3])] }, attrs: { axis: 0 } },
    { inputs: { xs: [normal([2, 3, 2]), normal([2, 1, 2]), normal([2, 2, 2])] }, attrs: { axis: 1 } },
    { inputs: { xs: [normal([2, 0]), normal([2, 3])] }, attrs: { axis: 1 } },
    { inputs: { xs: [bools([3]), bools([2])] }, attrs: { axis: 0 } },
  ],
  errors: [
    { inputs: { xs: [normal([2, 3]), normal([2, 4])] }, attrs: { axis: 0 }, throws: ShapeError },
    { inputs: { xs: [normal([2]), normal([2, 1])] }, attrs: { axis: 0 }, throws: ShapeError },
    { inputs: { xs: [normal([2]), normal([2])] }, attrs: { axis: 1 }, throws: ShapeError },
    { inputs: { xs: [normal([2]), integers([2], 3)] }, attrs: { axis: 0 }, throws: DtypeError },
  ],
  onnx: {
    Concat: (node) =>
      concat(
        node.inputs.map((_, i) => node.input(i)),
        node.int('axis', 1),
      ),
  },
});

function checkJoins(first: TensorType, x: TensorType, axis: number): void {
  if (x.dtype !== first.dtype) {
    throw new DtypeError(
      `concat: values have different element types, ${first.dtype} and ${x.dtype}. Use cast() on one of them.`,
      { op: 'concat', expected: first.dtype, received: x.dtype },
    );
  }
  if (x.shape.length === first.shape.length && sameShape(x.shape.with(axis, 0), first.shape.with(axis, 0)))
    return;
  throw new ShapeError(
    `concat: shapes ${formatShape(first.shape)} and ${formatShape(x.shape)} may differ along axis ${axis} only.`,
    { op: 'concat', expected: formatShape(first.shape), received: formatShape(x.shape) },
  );
}

/** What was split, where `xs` are all the parts of a split along `axis`, in order. */
function undoneSplit(xs: readonly Value[], axis: number): Value | undefined {
  const node = xs[0]?.node;
  if (node?.kind !== splitOp.op || node.attrs.axis !== axis || node.outputs.length !== xs.length)
    return undefined;
  return xs.every((x, i) => x === node.outputs[i]) ? node.inputs[0] : undefined;
}

/**
 * Cuts `x` into parts along `axis`.
 * @param parts - the size of every part, or the number of equal parts
 * @returns the parts, in order
 * @throws {@link ShapeError} when the parts do not add up to the size of the axis
 * @source ONNX Split-13
 */
export function split(x: Value, parts: number | readonly number[], axis = 0): readonly Value[] {
  const at = normalizeAxis(axis, x.rank, 'split');
  const sizes =
    typeof parts === 'number' ? new Array<number>(parts).fill((x.shape[at] as number) / parts) : parts;
  return sizes.length === 1 && sizes[0] === x.shape[at]
    ? [x]
    : applyMulti(splitOp, { x }, { axis: at, sizes });
}
const splitOp = defineMultiOp({
  name: 'split',
  inputs: { x: anything },
  attrs: attrs<{ readonly axis: number; readonly sizes: readonly number[] }>(),
  infer: ({ x }, { axis, sizes }) => {
    const total = x.shape[normalizeAxis(axis, x.shape.length, 'split')] as number;
    const whole = sizes.every((n) => Number.isInteger(n) && n >= 0);
    if (!whole || sizes.length === 0 || sizes.reduce((a, b) => a + b, 0) !== total) {
      throw new ShapeError(
        `split: parts of sizes [${sizes.join(',')}] do not add up to axis ${axis} of ${formatShape(x.shape)}, ` +
          `which has ${total} elements.`,
        { op: 'split', argument: 'parts', expected: `sum ${total}`, received: `[${sizes.join(',')}]` },
      );
    }
    return sizes.map((n) => ({ dtype: x.dtype, shape: x.shape.with(axis, n) }));
  },
  lower: ({ x }, { axis, sizes }, emit) =>
    emit.many('Split', [x, emit.constant(sizes, 'int64')], { axis: { int: axis } }, sizes.length),
  vjp: (_inputs, dys, { axis }, ys) => {
    const used = dys.find((dy) => dy !== null) as Value;
    const parts = ys.map((y, i) => dys[i] ?? zeros(y.shape, used.dtype));
    return { x: concat(parts, axis) };
  },
  reference: ({ x }, { axis, sizes }) => {
    let from = 0;
    return sizes.map((n) => {
      const part = middle(x, axis, from, n);
      from += n;
      return part;
    });
  },
  samples: [
    { inputs: { x: normal([4, 3]) }, attrs: { axis: 0, sizes: [1, 3] } },
    { inputs: { x: normal([2, 6, 2]) }, attrs: { axis: 1, sizes: [2, 2, 2] } },
    { inputs: { x: integers([5], 9) }, attrs: { axis: 0, sizes: [2, 3] } },
  ],
  errors: [
    { inputs: { x: normal([4, 3]) }, attrs: { axis: 0, sizes: [1, 2] }, throws: ShapeError },
    { inputs: { x: normal([4, 3]) }, attrs: { axis: 1, sizes: [1.5, 1.5] }, throws: ShapeError },
    { inputs: { x: normal([4]) }, attrs: { axis: 1, sizes: [4] }, throws: ShapeError },
  ],
  onnx: { Split: (node) => split(node.input(0), splitSizes(node), node.int('axis', 0)) },
});

/** Elements `[from, from + n)` of `axis`. */
function middle(x: NDArray, axis: number, from: number, n: number): Float64Array {
  const inner = sizeOf(x.shape.slice(axis + 1));
  const row = inner * (x.shape[axis] as number);
  const rows = sizeOf(x.shape.slice(0, axis));
  const result = new Float64Array(rows * n * inner);
  for (let i = 0; i < rows; i++) {
    const start = i * row + from * inner;
    result.set(x.data.subarray(start, start + n * inner), i * n * inner);
  }
  return result;
}

/** Part sizes of an ONNX Split: an attribute before opset 13, an input since; equal parts otherwise. */
function splitSizes(node: OnnxNode): readonly number[] {
  const given = node.has('split') ? node.ints('split') : node.constantInts(1);
  if (given !== undefined) return given;
  const x = node.input(0);
  const total = x.shape[normalizeAxis(node.int('axis', 0), x.rank, 'Split')] as number;
  const count = node.int('num_outputs', node.outputCount);
  const part = Math.ceil(total / count);
  return Array.from({ length: count }, (_, i) => Math.max(0, Math.min(part, total - i * part)));
}

/** Joins values of one shape along a new axis. */
export const stack = (xs: readonly Value[], axis = 0): Value =>
  concat(
    xs.map((x) => expandDims(x, axis)),
    axis,
  );

/** The slices of `x` along `axis`, each without that axis: undoes {@link stack}. */
export function unstack(x: Value, axis = 0): readonly Value[] {
  const at = normalizeAxis(axis, x.rank, 'unstack');
  return split(x, x.shape[at] as number, at).map((part) => squeeze(part, [at]));
}
