import { type DType, onnxDtype } from '../core/dtype.ts';
import { normalizeAxis, sizeOf } from '../core/shape.ts';
import { tensor } from '../core/tensor.ts';
import { ConfigError, DataError, DtypeError, ShapeError } from '../errors.ts';
import { constant, constantOf, type Value } from '../ir/graph.ts';
import { apply, attrs, defineOp } from '../ir/op.ts';
import { integers, normal, values } from '../ir/samples.ts';
import { add, mul, sub } from './binary.ts';
import { cast } from './cast.ts';
import { concat } from './concat.ts';
import {
  checkElementIndices,
  checkedIndex,
  coordinatesOf,
  forEachCoordinate,
  forEachElementIndex,
  int64Indices,
  zeros,
} from './indices.ts';
import { scatterElements, scatterND } from './scatter.ts';
import { scatterRows } from './scatter-rows.ts';
import { broadcastTo, reshape, transpose } from './shape.ts';
import { slice } from './slice.ts';
import { anything, index } from './support.ts';

/**
 * Slices of `x` along `axis` at the positions of `indices`; negative ones count from the end.
 * @param x - `[...outer, n, ...inner]`, `n` being the size of `axis`
 * @returns `[...outer, ...shape of indices, ...inner]`
 * @throws {@link DataError} when run, or at once for one constant index, where an index is out of range
 * @source ONNX Gather-13
 */
export function gather(x: Value, indices: Value, axis = 0): Value {
  const at = normalizeAxis(axis, x.rank, 'gather');
  const known = constantOf(indices);
  if (known?.size !== 1) return apply(gatherOp, { x, indices }, { axis: at });
  const from = checkedIndex(Number(known.data[0]), x.shape[at] as number, 'gather');
  return reshape(slice(x, [from], [from + 1], [at]), x.shape.toSpliced(at, 1, ...indices.shape));
}
const gatherOp = defineOp({
  name: 'gather',
  inputs: { x: anything, indices: index },
  attrs: attrs<{ readonly axis: number }>(),
  infer: ({ x, indices }, { axis }) => {
    const at = normalizeAxis(axis, x.shape.length, 'gather');
    return { dtype: x.dtype, shape: x.shape.toSpliced(at, 1, ...indices.shape) };
  },
  lower: ({ x, indices }, { axis }, emit) => emit.op('Gather', [x, indices], { axis: { int: axis } }),
  // every slice of dy is added where it came from, with all outer, index and inner axes as one each
  vjp: ({ x, indices }, dy, { axis }) => {
    const [count, n] = [sizeOf(indices.shape), x.shape[axis] as number];
    if (axis === 0 && x.rank > 1) {
      const rows = reshape(dy, [count, ...x.shape.slice(1)]);
      return { x: scatterRows(reshape(indices, [count]), rows, n) };
    }
    const [outer, inner] = [sizeOf(x.shape.slice(0, axis)), sizeOf(x.shape.slice(axis + 1))];
    const places = broadcastTo(reshape(indices, [1, count, 1]), [outer, count, inner]);
    const updates = reshape(dy, [outer, count, inner]);
    const summed = scatterElements(zeros([outer, n, inner], dy.dtype), places, updates, 1, 'add');
    return { x: reshape(summed, x.shape) };
  },
  reference: ({ x, indices }, { axis }, y) => {
    const n = x.shape[axis] as number;
    const inner = sizeOf(x.shape.slice(axis + 1));
    const outer = sizeOf(x.shape.slice(0, axis));
    const result = new Float64Array(sizeOf(y.shape));
    let to = 0;
    for (let i = 0; i < outer; i++) {
      for (const k of indices.data) {
        const from = (i * n + checkedIndex(k, n, 'gather')) * inner;
        result.set(x.data.subarray(from, from + inner), to);
        to += inner;
      }
    }
    return result;
  },
  sinkTranspose: ({ x, indices }, { axis }, permutation) => {
    if (indices.rank === x.rank) return undefined; // they might be transposed as well
    const at = permutation[axis] as number;
    const place = (from: number): number => (from < at ? from : from - 1 + indices.rank);
    const order = permutation.map(place).toSpliced(axis, 1, ...indices.shape.map((_, i) => at + i));
    return transpose(gather(x, indices, at), order);
  },
  samples: [
    { inputs: { x: normal([5, 3]), indices: values([4, 0, -1, 0], [2, 2], 'int64') }, attrs: { axis: 0 } },
    { inputs: { x: normal([2, 4, 3]), indices: values([3, 1, 3], [3], 'int32') }, attrs: { axis: 1 } },
    { inputs: { x: normal([2, 4]), indices: integers([], 4) }, attrs: { axis: 1 } },
    { inputs: { x: integers([4], 9), indices: integers([2], 4) }, attrs: { axis: 0 } },
  ],
  errors: [
    { inputs: { x: normal([5, 3]), indices: integers([2], 3) }, attrs: { axis: 2 }, throws: ShapeError },
    { inputs: { x: normal([5, 3]), indices: normal([2]) }, attrs: { axis: 0 }, throws: DtypeError },
  ],
  onnx: { Gather: (node) => gather(node.input(0), node.input(1), node.int('axis', 0)) },
});

/**
 * One element of `x` for every index: `y[i][j][k] = x[i][indices[i][j][k]][k]` for axis 1 of three.
 * @param indices - as many axes as `x`, and no larger along axes other than `axis`
 * @returns the shape of `indices`
 * @throws {@link ShapeError} when the shapes do not fit
 * @source ONNX GatherElements-13
 */
export function gatherElements(x: Value, indices: Value, axis = 0): Value {
  return apply(gatherElementsOp, { x, indices }, { axis: normalizeAxis(axis, x.rank, 'gatherElements') });
}
const gatherElementsOp = defineOp({
  name: 'gatherElements',
  inputs: { x: anything, indices: index },
  attrs: attrs<{ readonly axis: number }>(),
  infer: ({ x, indices }, { axis }) => {
    checkElementIndices(x.shape, indices.shape, axis, 'gatherElements');
    return { dtype: x.dtype, shape: indices.shape };
  },
  lower: ({ x, indices }, { axis }, emit) => emit.op('GatherElements', [x, indices], { axis: { int: axis } }),
  vjp: ({ x, indices }, dy, { axis }) => ({
    x: scatterElements(zeros(x.shape, dy.dtype), indices, dy, axis, 'add'),
  }),
  reference: ({ x, indices }, { axis }, y) => {
    const result = new Float64Array(sizeOf(y.shape));
    forEachElementIndex(x, indices, axis, 'gatherElements', (flat, place) => {
      result[flat] = x.data[place] as number;
    });
    return result;
  },
  samples: [
    {
      inputs: { x: normal([3, 4]), indices: values([0, 2, -1, 1, 0, 0], [2, 3], 'int64') },
      attrs: { axis: 0 },
    },
    {
      inputs: { x: normal([2, 4]), indices: values([3, 3, 3, 0, 1, 1], [2, 3], 'int32') },
      attrs: { axis: 1 },
    },
  ],
  errors: [
    { inputs: { x: normal([3, 4]), indices: integers([2], 3) }, attrs: { axis: 0 }, throws: ShapeError },
    { inputs: { x: normal([3, 4]), indices: integers([2, 5], 3) }, attrs: { axis: 0 }, throws: ShapeError },
  ],
  onnx: { GatherElements: (node) => gatherElements(node.input(0), node.input(1), node.int('axis', 0)) },
});

/**
 * Slices of `x` at coordinates: the last axis of `indices` holds positions along the first axes of `x`.
 * @param x - `[...batch, d1, ..., dk, ...inner]`
 * @param indices - `[...batch, ...outer, k]`
 * @param batchDims - number of leading axes that `x` and `indices` share
 * @returns `[...batch, ...outer, ...inner]`
 * @throws {@link ShapeError} when the shapes do not fit
 * @source ONNX GatherND-13
 */
export function gatherND(x: Value, indices: Value, batchDims = 0): Value {
  return apply(gatherNDOp, { x, indices }, { batchDims });
}
const gatherNDOp = defineOp({
  name: 'gatherND',
  inputs: { x: anything, indices: index },
  attrs: attrs<{ readonly batchDims: number }>(),
  infer: ({ x, indices }, { batchDims }) => {
    const k = coordinatesOf(x.shape, indices.shape, batchDims, 'gatherND');
    return { dtype: x.dtype, shape: [...indices.shape.slice(0, -1), ...x.shape.slice(batchDims + k)] };
  },
  lower: ({ x, indices }, { batchDims }, emit) =>
    emit.op('GatherND', [x, int64Indices(indices, emit)], { batch_dims: { int: batchDims } }),
  vjp: ({ x, indices }, dy, { batchDims }) => ({
    x: scatterND(zeros(x.shape, dy.dtype), withBatchCoordinates(indices, batchDims), dy, 'add'),
  }),
  reference: ({ x, indices }, { batchDims }, y) => {
    const result = new Float64Array(sizeOf(y.shape));
    forEachCoordinate(x, indices, batchDims, 'gatherND', (row, place, inner) => {
      result.set(x.data.subarray(place, place + inner), row * inner);
    });
    return result;
  },
  samples: [
    {
      inputs: { x: normal([3, 4]), indices: values([0, 1, 2, -1, 0, 1], [3, 2], 'int64') },
      attrs: { batchDims: 0 },
    },
    { inputs: { x: normal([3, 2]), indices: values([2, 0, 2], [3, 1], 'int32') }, attrs: { batchDims: 0 } },
    { inputs: { x: normal([2, 3, 2]), indices: integers([2, 4, 1], 3) }, attrs: { batchDims: 1 } },
  ],
  errors: [
    { inputs: { x: normal([3]), indices: integers([2, 2], 3) }, attrs: { batchDims: 0 }, throws: ShapeError },
    { inputs: { x: normal([3]), indices: integers([], 3) }, attrs: { batchDims: 0 }, throws: ShapeError },
    {
      inputs: { x: normal([3, 2]), indices: integers([2, 1], 2) },
      attrs: { batchDims: 1 },
      throws: ShapeError,
    },
  ],
  onnx: { GatherND: (node) => gatherND(node.input(0), node.input(1), node.int('batch_dims', 0)) },
});

/** Coordinates that name the shared leading axes too. */
function withBatchCoordinates(indices: Value, batchDims: number): Value {
  const shape = indices.shape.with(-1, 1);
  const own = Array.from({ length: batchDims }, (_, axis) => {
    const size = shape[axis] as number;
    const count = constant(
      tensor(
        Array.from({ length: size }, (_, i) => i),
        [size],
        indices.dtype,
      ),
    );
    return broadcastTo(
      reshape(
        count,
        shape.map((_, i) => (i === axis ? size : 1)),
      ),
      shape,
    );
  });
  return concat([...own, indices], -1);
}

/**
 * 1 where the position along the new axis equals the index, else 0; indices outside `[-depth, depth)` give all zeros.
 * @param depth - size of the new axis
 * @param axis - where the new axis goes; last by default
 * @source ONNX OneHot-11
 */
export function oneHot(indices: Value, depth: number, axis = -1, dtype: DType = 'float32'): Value {
  return apply(
    oneHotOp,
    { indices },
    { depth, axis: normalizeAxis(axis, indices.rank + 1, 'oneHot'), dtype },
  );
}
const oneHotOp = defineOp({
  name: 'oneHot',
  inputs: { indices: index },
  attrs: attrs<{ readonly depth: number; readonly axis: number; readonly dtype: DType }>(),
  infer: ({ indices }, { depth, axis, dtype }) => {
    if (!Number.isInteger(depth) || depth < 1) {
      throw new ConfigError(`oneHot: depth must be a whole number above 0. Received ${depth}.`, {
        op: 'oneHot',
        argument: 'depth',
        received: String(depth),
      });
    }
    const at = normalizeAxis(axis, indices.shape.length + 1, 'oneHot');
    return { dtype, shape: indices.shape.toSpliced(at, 0, depth) };
  },
  lower: ({ indices }, { depth, axis, dtype }, emit) => {
    const levels = emit.constant([0, 1], 'float32');
    const size = emit.constant([depth], indices.type.dtype, []);
    const y = emit.op('OneHot', [indices, size, levels], { axis: { int: axis } });
    return dtype === 'float32' ? y : emit.op('Cast', [y], { to: { int: onnxDtype(dtype) } });
  },
  vjp: 'nondifferentiable',
  reference: ({ indices }, { depth, axis }, y) => {
    const result = new Float64Array(sizeOf(y.shape));
    const inner = sizeOf(indices.shape.slice(axis));
    indices.data.forEach((k, i) => {
      if (k < -depth || k >= depth) return;
      const outer = Math.floor(i / inner);
      result[(outer * depth + (k < 0 ? k + depth : k)) * inner + (i % inner)] = 1;
    });
    return result;
  },
  samples: [
    {
      inputs: { indices: values([0, 2, -1, 5], [2, 2], 'int64') },
      attrs: { depth: 3, axis: 2, dtype: 'float32' },
    },
    { inputs: { indices: values([0, 2, 1], [3], 'int32') }, attrs: { depth: 3, axis: 0, dtype: 'int32' } },
  ],
  errors: [
    {
      inputs: { indices: integers([2], 2) },
      attrs: { depth: 0, axis: 1, dtype: 'float32' },
      throws: ConfigError,
    },
    {
      inputs: { indices: integers([2], 2) },
      attrs: { depth: 2, axis: 2, dtype: 'float32' },
      throws: ShapeError,
    },
    { inputs: { indices: normal([2]) }, attrs: { depth: 2, axis: 1, dtype: 'float32' }, throws: DtypeError },
  ],
  onnx: {
    // y = off + (on - off) * hot
    OneHot: (node) => {
      const [levels, depth] = [node.input(2), node.constantInts(1)?.[0]];
      if (depth === undefined) return node.unsupported('a missing depth');
      const [off, on] = [slice(levels, [0], [1]), slice(levels, [1], [2])].map((v) => reshape(v, [])) as [
        Value,
        Value,
      ];
      const hot = oneHot(cast(node.input(0), 'int64'), depth, node.int('axis', -1), levels.dtype);
      return add(mul(hot, sub(on, off)), off);
    },
  },
});
