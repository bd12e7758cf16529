import {
  broadcastShapes,
  completeShape,
  formatShape,
  normalizeAxes,
  normalizeAxis,
  type Shape,
  sameShape,
  sizeOf,
  stridesOf,
} from '../core/shape.ts';
import { ShapeError } from '../errors.ts';
import type { Value } from '../ir/graph.ts';
import { broadcastReader, forEachIndex } from '../ir/ndarray.ts';
import { apply, attrs, defineOp, type Emit, type Operand } from '../ir/op.ts';
import { normal } from '../ir/samples.ts';
import { reduceSum } from './reduce.ts';
import { anything, constantFill } from './support.ts';

/**
 * The same elements in the same order under another shape; one size may be -1: whatever is left.
 * @throws {@link ShapeError} when the number of elements differs
 * @source ONNX Reshape-14
 */
export function reshape(x: Value, shape: Shape): Value {
  const full = completeShape(shape, sizeOf(x.shape));
  return sameShape(full, x.shape) ? x : apply(reshapeOp, { x }, { shape: full });
}
const reshapeOp = defineOp({
  name: 'reshape',
  inputs: { x: anything },
  attrs: attrs<{ readonly shape: Shape }>(),
  infer: ({ x }, { shape }) => {
    if (sizeOf(shape) === sizeOf(x.shape) && shape.every((n) => Number.isInteger(n) && n >= 0)) {
      return { dtype: x.dtype, shape };
    }
    throw new ShapeError(
      `reshape: cannot view ${formatShape(x.shape)} (${sizeOf(x.shape)} elements) as ${formatShape(shape)}.`,
      {
        op: 'reshape',
        argument: 'shape',
        expected: `${sizeOf(x.shape)} elements`,
        received: formatShape(shape),
      },
    );
  },
  // allowzero is not needed: an empty shape is written out in full
  lower: ({ x }, { shape }, emit) =>
    emit.op(
      'Reshape',
      [x, emit.constant(shape, 'int64')],
      shape.includes(0) ? { allowzero: { int: 1 } } : {},
    ),
  vjp: ({ x }, dy) => ({ x: reshape(dy, x.shape) }),
  reference: ({ x }) => x.data.slice(),
  simplify: ({ x }, { shape }): Value | undefined => {
    if (sameShape(x.shape, shape)) return x;
    const inner = x.node.kind === reshapeOp.op ? x.node.inputs[0] : undefined;
    return inner && reshape(inner, shape);
  },
  sinkTranspose: ({ x }, { shape }, permutation) => sinkThroughReshape(x, shape, permutation),
  samples: [
    { inputs: { x: normal([2, 6]) }, attrs: { shape: [3, 4] } },
    { inputs: { x: normal([1]) }, attrs: { shape: [] } },
  ],
  errors: [{ inputs: { x: normal([2, 3]) }, attrs: { shape: [4] }, throws: ShapeError }],
  onnx: {
    Reshape: (node) => {
      const x = node.input(0);
      const wanted = node.opset < 5 ? node.ints('shape') : (node.constantInts(1) as Shape);
      const shape = wanted.map((n, i) =>
        n === 0 && node.int('allowzero', 0) === 0 ? (x.shape[i] as number) : n,
      );
      return reshape(x, shape);
    },
    Flatten: (node) => {
      const x = node.input(0);
      const axis = node.int('axis', 1);
      const split = axis < 0 ? axis + x.rank : axis;
      return reshape(x, [sizeOf(x.shape.slice(0, split)), sizeOf(x.shape.slice(split))]);
    },
  },
});

/** A transpose that moves only axes of size 1 is a reshape; one before a reshape that adds or drops such axes sinks. */
function sinkThroughReshape(x: Value, shape: Shape, permutation: readonly number[]): Value | undefined {
  const source = permutation.map((axis) => x.shape[axis] as number);
  const kept = source.map((n, axis) => ({ n, axis })).filter(({ n }) => n !== 1);
  const target = shape.map((n, axis) => ({ n, axis })).filter(({ n }) => n !== 1);
  if (
    !sameShape(
      kept.map((k) => k.n),
      target.map((t) => t.n),
    )
  )
    return undefined;
  // target axis -> axis of x; axes of size 1 go wherever order is kept
  const origin = target.map(({ axis }, i) => ({
    axis,
    from: permutation[(kept[i] as { axis: number }).axis] as number,
  }));
  const sorted = [...origin].sort((a, b) => a.from - b.from);
  const ones = shape.length - target.length;
  const before = [...new Array<number>(ones).fill(1), ...sorted.map(({ axis }) => shape[axis] as number)];
  let nextOne = 0;
  const order = shape.map((n, axis) =>
    n === 1 ? nextOne++ : ones + sorted.findIndex((s) => s.axis === axis),
  );
  return transpose(reshape(x, before), order);
}

/**
 * Axes in another order: axis `i` of the result is axis `permutation[i]` of `x`; reversed by default.
 * @source ONNX Transpose-13
 */
export function transpose(x: Value, permutation?: readonly number[]): Value {
  const order = permutation ?? Array.from({ length: x.rank }, (_, i) => x.rank - 1 - i);
  return order.every((axis, i) => axis === i) && order.length === x.rank
    ? x
    : apply(transposeOp, { x }, { permutation: order });
}
export const transposeOp = defineOp({
  name: 'transpose',
  inputs: { x: anything },
  attrs: attrs<{ readonly permutation: readonly number[] }>(),
  infer: ({ x }, { permutation }) => {
    const sorted = [...permutation].sort((a, b) => a - b);
    if (permutation.length === x.shape.length && sorted.every((axis, i) => axis === i)) {
      return { dtype: x.dtype, shape: permutation.map((axis) => x.shape[axis] as number) };
    }
    throw new ShapeError(
      `transpose: permutation [${permutation}] does not name each of the ${x.shape.length} axes once.`,
      { op: 'transpose', argument: 'permutation', received: `[${permutation}]` },
    );
  },
  lower: ({ x }, { permutation }, emit, y) =>
    emit.target === 'standard' || movesOneAxis(permutation)
      ? emit.op('Transpose', [x], { perm: { ints: permutation } })
      : lowerTranspose(x, x.type.shape, permutation, y.shape, emit),
  vjp: (_inputs, dy, { permutation }) => ({ x: transpose(dy, invertPermutation(permutation)) }),
  reference: ({ x }, { permutation }, y) => {
    const strides = stridesOf(x.shape);
    const result = new Float64Array(x.data.length);
    forEachIndex(y.shape, (flat, index) => {
      let from = 0;
      for (let i = 0; i < permutation.length; i++) {
        from += (index[i] as number) * (strides[permutation[i] as number] as number);
      }
      result[flat] = x.data[from] as number;
    });
    return result;
  },
  permutation: ({ permutation }) => permutation,
  simplify: ({ x }, { permutation }, [y]): Value | undefined => {
    if (permutation.every((axis, i) => axis === i)) return x;
    if (x.node.kind === transposeOp.op) {
      const inner = x.node.attrs.permutation as readonly number[];
      return transpose(
        x.node.inputs[0] as Value,
        permutation.map((axis) => inner[axis] as number),
      );
    }
    const moved = permutation.filter((axis) => x.shape[axis] !== 1);
    return moved.every((axis, i) => i === 0 || axis > (moved[i - 1] as number))
      ? reshape(x, (y as Value).shape)
      : undefined;
  },
  samples: [
    { inputs: { x: normal([2, 3, 4]) }, attrs: { permutation: [2, 0, 1] } },
    { inputs: { x: normal([2, 3]) }, attrs: { permutation: [1, 0] } },
    { inputs: { x: normal([1, 1, 2, 3]) }, attrs: { permutation: [3, 2, 0, 1] } },
    { inputs: { x: normal([2, 3, 1, 4, 2]) }, attrs: { permutation: [3, 4, 0, 2, 1] } },
  ],
  errors: [{ inputs: { x: normal([2, 3]) }, attrs: { permutation: [0, 0] }, throws: ShapeError }],
  onnx: {
    Transpose: (node) => {
      const x = node.input(0);
      return transpose(x, node.has('perm') ? node.ints('perm') : undefined);
    },
  },
});

/** A transpose with as few axes as it takes, between reshapes; the result gets `shape`. */
export function lowerTranspose(
  x: Operand | string,
  from: Shape,
  permutation: readonly number[],
  shape: Shape,
  emit: Emit,
): string {
  const fewer = compact(from, permutation);
  const reshaped = (v: Operand | string, to: Shape) => emit.op('Reshape', [v, emit.constant(to, 'int64')]);
  if (fewer.order.length < 2) return reshaped(x, shape);
  const moved = emit.op('Transpose', [reshaped(x, fewer.shape)], { perm: { ints: fewer.order } });
  return reshaped(moved, shape);
}

/** The same transpose with fewer axes: without those of size 1, and with those as one that stay side by side. */
function compact(shape: Shape, permutation: readonly number[]): { shape: Shape; order: readonly number[] } {
  const kept = shape.flatMap((n, axis) => (n === 1 ? [] : [axis]));
  const groups: number[][] = [];
  for (const axis of permutation.filter((axis) => shape[axis] !== 1)) {
    const group = groups.at(-1);
    if (group && kept.indexOf(axis) === kept.indexOf(group.at(-1) as number) + 1) group.push(axis);
    else groups.push([axis]);
  }
  const sorted = [...groups].sort(([a = 0], [b = 0]) => a - b);
  return {
    shape: sorted.map((group) => sizeOf(group.map((axis) => shape[axis] as number))),
    order: groups.map((group) => sorted.indexOf(group)),
  };
}

/** Whether all other axes stay in order: the runtime moves whole blocks then, and elements one by one otherwise. */
const movesOneAxis = (permutation: readonly number[]): boolean =>
  permutation.some((_, i) =>
    permutation.toSpliced(i, 1).every((axis, k, rest) => k === 0 || axis > (rest[k - 1] as number)),
  );

/** The permutation that undoes `permutation`. */
export function invertPermutation(permutation: readonly number[]): number[] {
  const inverse = new Array<number>(permutation.length);
  permutation.forEach((axis, i) => {
    inverse[axis] = i;
  });
  return inverse;
}

/** Repeats axes of size 1 (and adds leading ones) until the shape is `shape`. @source ONNX Expand-13 */
export function broadcastTo(x: Value, shape: Shape): Value {
  return sameShape(x.shape, shape) ? x : apply(broadcastToOp, { x }, { shape });
}
const broadcastToOp = defineOp({
  name: 'broadcastTo',
  broadcasts: true,
  inputs: { x: anything },
  attrs: attrs<{ readonly shape: Shape }>(),
  infer: ({ x }, { shape }) => {
    if (sameShape(broadcastShapes([x.shape, shape], 'broadcastTo'), shape)) return { dtype: x.dtype, shape };
    throw new ShapeError(
      `broadcastTo: ${formatShape(x.shape)} does not broadcast to ${formatShape(shape)}.`,
      {
        op: 'broadcastTo',
        argument: 'shape',
      },
    );
  },
  lower: ({ x }, { shape }, emit) => emit.op('Expand', [x, emit.constant(shape, 'int64')]),
  vjp: (_inputs, dy) => ({ x: dy }), // the engine sums the broadcast axes down
  reference: ({ x }, { shape }) => {
    const read = broadcastReader(x.shape, shape.length);
    const result = new Float64Array(sizeOf(shape));
    forEachIndex(shape, (flat, index) => {
      result[flat] = x.data[read(index)] as number;
    });
    return result;
  },
  simplify: ({ x }, { shape }) => (sameShape(x.shape, shape) ? x : undefined),
  samples: [
    { inputs: { x: normal([3, 1]) }, attrs: { shape: [2, 3, 4] } },
    { inputs: { x: normal([]) }, attrs: { shape: [2] } },
  ],
  errors: [{ inputs: { x: normal([3]) }, attrs: { shape: [4] }, throws: ShapeError }],
  onnx: {
    Expand: (node) => {
      const x = node.input(0);
      return broadcastTo(x, broadcastShapes([x.shape, node.constantInts(1) as Shape], 'Expand'));
    },
  },
});

/** `x` before a reshape, if it is one. */
export const beforeReshape = ({ node }: Value): Value | undefined =>
  node.kind === reshapeOp.op ? node.inputs[0] : undefined;

/** The number that fills `x`, seen through broadcasts and reshapes; `undefined` where not known. */
export function fillOf(x: Value): number | undefined {
  let inner = x;
  while (inner.node.kind === broadcastToOp.op || inner.node.kind === reshapeOp.op)
    inner = inner.node.inputs[0] as Value;
  return constantFill(inner);
}

/** Sums `x` over the axes along which `shape` was broadcast to `x.shape`: the adjoint of {@link broadcastTo}. */
export function sumTo(x: Value, shape: Shape): Value {
  const offset = x.rank - shape.length;
  const axes = x.shape.flatMap((n, axis) =>
    axis < offset || (shape[axis - offset] === 1 && n !== 1) ? [axis] : [],
  );
  return reshape(axes.length === 0 ? x : reduceSum(x, axes), shape);
}

/** Inserts an axis of size 1 at `axis` of the result. */
export function expandDims(x: Value, axis: number): Value {
  const at = normalizeAxis(axis, x.rank + 1, 'expandDims');
  return reshape(x, [...x.shape.slice(0, at), 1, ...x.shape.slice(at)]);
}

/** Drops axes of size 1: those of `axes`, or all. @throws {@link ShapeError} when one is larger */
export function squeeze(x: Value, axes?: readonly number[]): Value {
  const dropped = axes
    ? normalizeAxes(axes, x.rank, 'squeeze')
    : x.shape.flatMap((n, i) => (n === 1 ? [i] : []));
  const large = dropped.find((axis) => x.shape[axis] !== 1);
  if (large !== undefined) {
    throw new ShapeError(
      `squeeze: axis ${large} of ${formatShape(x.shape)} has size ${x.shape[large]}, not 1.`,
      {
        op: 'squeeze',
        argument: 'axes',
      },
    );
  }
  return reshape(
    x,
    x.shape.filter((_, axis) => !dropped.includes(axis)),
  );
}
