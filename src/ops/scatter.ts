import { formatShape, normalizeAxis, type Shape, sameShape, sizeOf, stridesOf } from '../core/shape.ts';
import { ShapeError } from '../errors.ts';
import type { Value } from '../ir/graph.ts';
import type { OnnxNode } from '../ir/onnx-node.ts';
import { apply, attrs, defineOp, type Emit, type Operand } from '../ir/op.ts';
import { integers, normal, values } from '../ir/samples.ts';
import { gatherElements, gatherND } from './gather.ts';
import {
  checkElementIndices,
  coordinatesOf,
  forEachCoordinate,
  forEachElementIndex,
  int64Indices,
  zeros,
} from './indices.ts';
import { fillOf } from './shape.ts';
import { anything, index } from './support.ts';

/** What becomes of the elements that were there: replaced, or added to. */
export type ScatterReduction = 'none' | 'add';

interface ScatterAttrs {
  readonly reduction: ScatterReduction;
}

/**
 * `x` with single elements replaced by `updates` (or increased): `y[i][indices[i][j][k]][k] = updates[i][j][k]` for
 * axis 1 of three.
 * @param updates - the shape of `indices`
 * @param reduction - with `none`, no element may be named twice
 * @throws {@link ShapeError} when the shapes do not fit
 * @source ONNX ScatterElements-16
 */
export function scatterElements(
  x: Value,
  indices: Value,
  updates: Value,
  axis = 0,
  reduction: ScatterReduction = 'none',
): Value {
  const at = normalizeAxis(axis, x.rank, 'scatterElements');
  return apply(scatterElementsOp, { x, indices, updates }, { axis: at, reduction });
}
const scatterElementsOp = defineOp({
  name: 'scatterElements',
  inputs: { x: anything, indices: index, updates: anything },
  attrs: attrs<ScatterAttrs & { readonly axis: number }>(),
  infer: ({ x, indices, updates }, { axis }) => {
    checkElementIndices(x.shape, indices.shape, axis, 'scatterElements');
    checkUpdates(updates.shape, indices.shape, 'scatterElements');
    return x;
  },
  lower: ({ x, indices, updates }, { axis, reduction }, emit) =>
    emit.op('ScatterElements', [x, indices, updates], {
      axis: { int: axis },
      reduction: { string: reduction },
    }),
  vjp: ({ indices, updates }, dy, { axis, reduction }) => ({
    x: reduction === 'add' ? dy : scatterElements(dy, indices, zeros(updates.shape, dy.dtype), axis),
    updates: gatherElements(dy, indices, axis),
  }),
  reference: ({ x, indices, updates }, { axis, reduction }) => {
    const result = x.data.slice();
    forEachElementIndex(x, indices, axis, 'scatterElements', (flat, place) => {
      const before = reduction === 'add' ? (result[place] as number) : 0;
      result[place] = before + (updates.data[flat] as number);
    });
    return result;
  },
  samples: [
    {
      inputs: {
        x: normal([3, 3]),
        indices: values([1, 0, 2, 0, -1, 1], [2, 3], 'int64'),
        updates: normal([2, 3]),
      },
      attrs: { axis: 0, reduction: 'none' },
    },
    {
      inputs: {
        x: normal([2, 4]),
        indices: values([3, 1, 3, 0, 0, 0], [2, 3], 'int32'),
        updates: normal([2, 3]),
      },
      attrs: { axis: 1, reduction: 'add' },
    },
  ],
  errors: [
    {
      inputs: { x: normal([2, 3]), indices: integers([2, 2], 2), updates: normal([2, 3]) },
      attrs: { axis: 0, reduction: 'none' },
      throws: ShapeError,
    },
    {
      inputs: { x: normal([2, 3]), indices: integers([2], 2), updates: normal([2]) },
      attrs: { axis: 0, reduction: 'add' },
      throws: ShapeError,
    },
  ],
  onnx: { ScatterElements: readScatterElements, Scatter: readScatterElements },
});

/**
 * `x + y` where `y` adds single elements up onto zeros: they are added onto `x` instead.
 * @returns `undefined` where `y` is no such sum, or larger than `x`
 */
export function scatteredOnto(x: Value, y: Value): Value | undefined {
  const found = elementsOf(y);
  if (found === undefined || !sameShape(x.shape, y.shape)) return undefined;
  return scatterElements(x, found.indices, found.updates, found.axis, 'add');
}

/** Values with the same sum over `axes` as `x`, which scatters them along one of these axes. */
export function summandsAlong(x: Value, axes: readonly number[]): Value | undefined {
  const found = elementsOf(x);
  if (found === undefined || !axes.includes(found.axis)) return undefined;
  const everywhere = x.shape.every((n, axis) => axis === found.axis || n === found.updates.shape[axis]);
  return everywhere ? found.updates : undefined;
}

/** What is added up to make `y`, where it is that and nothing else. */
function elementsOf({
  node,
}: Value): { readonly indices: Value; readonly updates: Value; readonly axis: number } | undefined {
  if (node.kind !== scatterElementsOp.op || node.attrs.reduction !== 'add') return undefined;
  const [x, indices, updates] = node.inputs as [Value, Value, Value];
  return fillOf(x) === 0 ? { indices, updates, axis: node.attrs.axis as number } : undefined;
}

/**
 * `x` with slices replaced by `updates` (or increased) at coordinates: the last axis of `indices` holds positions
 * along the first axes of `x`.
 * @param x - `[d1, ..., dk, ...inner]`
 * @param indices - `[...outer, k]`
 * @param updates - `[...outer, ...inner]`
 * @param reduction - with `none`, no coordinates may be named twice
 * @throws {@link ShapeError} when the shapes do not fit
 * @source ONNX ScatterND-16
 */
export function scatterND(
  x: Value,
  indices: Value,
  updates: Value,
  reduction: ScatterReduction = 'none',
): Value {
  return apply(scatterNDOp, { x, indices, updates }, { reduction });
}
const scatterNDOp = defineOp({
  name: 'scatterND',
  inputs: { x: anything, indices: index, updates: anything },
  attrs: attrs<ScatterAttrs>(),
  infer: ({ x, indices, updates }) => {
    const k = coordinatesOf(x.shape, indices.shape, 0, 'scatterND');
    checkUpdates(updates.shape, [...indices.shape.slice(0, -1), ...x.shape.slice(k)], 'scatterND');
    return x;
  },
  lower: ({ x, indices, updates }, { reduction }, emit) =>
    reduction === 'add'
      ? lowerAdd(x, indices, updates, emit)
      : emit.op('ScatterND', [x, int64Indices(indices, emit), updates]),
  vjp: ({ indices, updates }, dy, { reduction }) => ({
    x: reduction === 'add' ? dy : scatterND(dy, indices, zeros(updates.shape, dy.dtype)),
    updates: gatherND(dy, indices),
  }),
  reference: ({ x, indices, updates }, { reduction }) => {
    const result = x.data.slice();
    forEachCoordinate(x, indices, 0, 'scatterND', (row, place, inner) => {
      for (let i = 0; i < inner; i++) {
        const before = reduction === 'add' ? (result[place + i] as number) : 0;
        result[place + i] = before + (updates.data[row * inner + i] as number);
      }
    });
    return result;
  },
  samples: [
    {
      inputs: { x: normal([4, 2]), indices: values([2, -1], [2, 1], 'int64'), updates: normal([2, 2]) },
      attrs: { reduction: 'none' },
    },
    {
      inputs: { x: normal([4, 2]), indices: values([2, 0, -2], [3, 1], 'int32'), updates: normal([3, 2]) },
      attrs: { reduction: 'add' },
    },
    {
      inputs: {
        x: normal([2, 3, 2]),
        indices: values([0, 1, 1, -1, 0, 1], [3, 2], 'int64'),
        updates: normal([3, 2]),
      },
      attrs: { reduction: 'add' },
    },
  ],
  errors: [
    {
      inputs: { x: normal([4, 2]), indices: integers([2, 1], 2), updates: normal([2, 3]) },
      attrs: { reduction: 'none' },
      throws: ShapeError,
    },
    {
      inputs: { x: normal([4]), indices: integers([2, 2], 2), updates: normal([2]) },
      attrs: { reduction: 'add' },
      throws: ShapeError,
    },
  ],
  onnx: {
    ScatterND: (node) => scatterND(node.input(0), node.input(1), node.input(2), reductionOf(node)),
  },
});

/**
 * Adds slices with ScatterElements: the runtime's ScatterND adds rows from several threads without a lock, which loses
 * updates where coordinates repeat. `x` becomes `[places, inner]` and each slice a row at one flat place.
 */
function lowerAdd(x: Operand, indices: Operand, updates: Operand, emit: Emit): string {
  const k = indices.type.shape.at(-1) as number;
  const places = sizeOf(x.type.shape.slice(0, k));
  const inner = sizeOf(x.type.shape.slice(k));
  const count = sizeOf(indices.type.shape.slice(0, -1));
  const reshaped = (v: Operand | string, shape: Shape): string =>
    emit.op(
      'Reshape',
      [v, emit.constant(shape, 'int64')],
      shape.includes(0) ? { allowzero: { int: 1 } } : {},
    );
  const flat = k === 1 ? indices : flatPlaces(indices, x.type.shape.slice(0, k), emit);
  const rows = emit.op('Expand', [reshaped(flat, [count, 1]), emit.constant([count, inner], 'int64')]);
  const y = emit.op(
    'ScatterElements',
    [reshaped(x, [places, inner]), rows, reshaped(updates, [count, inner])],
    { axis: { int: 0 }, reduction: { string: 'add' } },
  );
  return reshaped(y, x.type.shape);
}

/** Sums coordinates times strides. A coordinate out of range becomes a place out of range, so that the kernel refuses. */
function flatPlaces(indices: Operand, shape: Shape, emit: Emit): string {
  const list = (values: readonly number[], dims?: Shape): string => emit.constant(values, 'int64', dims);
  const sizes = list(shape);
  const given = int64Indices(indices, emit);
  const negative = emit.op('Less', [given, list([0], [])]);
  const counted = emit.op('Where', [negative, emit.op('Add', [given, sizes]), given]);
  const inRange = emit.op('Equal', [emit.op('Mod', [counted, sizes]), counted]);
  const scaled = emit.op('Mul', [counted, list(stridesOf(shape))]);
  const safe = emit.op('Where', [inRange, scaled, list([sizeOf(shape)], [])]);
  return emit.op('ReduceSum', [safe, list([-1])], { keepdims: { int: 0 } });
}

function checkUpdates(updates: Shape, expected: Shape, op: string): void {
  if (sameShape(updates, expected)) return;
  throw new ShapeError(
    `${op}: updates must have the shape ${formatShape(expected)}. Received ${formatShape(updates)}.`,
    {
      op,
      argument: 'updates',
      expected: formatShape(expected),
      received: formatShape(updates),
    },
  );
}

function readScatterElements(node: OnnxNode): Value {
  const [x, indices, updates] = [node.input(0), node.input(1), node.input(2)];
  return scatterElements(x, indices, updates, node.int('axis', 0), reductionOf(node));
}

function reductionOf(node: OnnxNode): ScatterReduction {
  const name = node.string('reduction', 'none');
  return name === 'none' || name === 'add' ? name : node.unsupported(`reduction "${name}"`);
}
