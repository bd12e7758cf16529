import { formatShape, type Shape, sizeOf } from '../core/shape.ts';
import { ShapeError } from '../errors.ts';
import type { Value } from '../ir/graph.ts';
import { apply, attrs, defineOp } from '../ir/op.ts';
import { normal, values } from '../ir/samples.ts';
import { gather } from './gather.ts';
import { float, index } from './support.ts';

/**
 * Rows added up where they belong, zeros elsewhere: `y[indices[i]] += rows[i]`, the adjoint of looking rows up.
 * @param indices - `[count]`; negative ones count from the end
 * @param rows - `[count, ...inner]`
 * @returns `[size, ...inner]`
 * @throws {@link ShapeError} when there is not one index for each row
 * @source ONNX ScatterElements-16
 */
export function scatterRows(indices: Value, rows: Value, size: number): Value {
  return apply(scatterRowsOp, { indices, rows }, { size });
}
const scatterRowsOp = defineOp({
  name: 'scatterRows',
  inputs: { indices: index, rows: float },
  attrs: attrs<{ readonly size: number }>(),
  infer: ({ indices, rows }, { size }) => {
    if (indices.shape.length === 1 && indices.shape[0] === rows.shape[0])
      return { dtype: rows.dtype, shape: [size, ...rows.shape.slice(1)] };
    const received = `${formatShape(indices.shape)} and ${formatShape(rows.shape)}`;
    throw new ShapeError(`scatterRows: expected one index for each row. Received ${received}.`, {
      op: 'scatterRows',
      expected: '[count] and [count, ...inner]',
      received,
    });
  },
  lower: ({ indices, rows }, { size }, emit, y) => {
    const [count, ...inner] = rows.type.shape as [number, ...number[]];
    const width = sizeOf(inner);
    const list = (shape: Shape) => emit.constant(shape, 'int64');
    const flat = inner.length === 1 ? rows : emit.op('Reshape', [rows, list([count, width])]);
    const column = emit.op('Reshape', [indices, list([count, 1])]);
    const places = emit.op('Expand', [column, list([count, width])]);
    const zeros = emit.op('Expand', [emit.constant([0], y.dtype, []), list([size, width])]);
    const reduction = { axis: { int: 0 }, reduction: { string: 'add' } };
    const sums = emit.op('ScatterElements', [zeros, places, flat], reduction);
    return inner.length === 1 ? sums : emit.op('Reshape', [sums, list(y.shape)]);
  },
  vjp: ({ indices }, dy) => ({ rows: gather(dy, indices) }),
  rows: (inputs) => inputs,
  reference: ({ indices, rows }, { size }, y) => {
    const result = new Float64Array(sizeOf(y.shape));
    const width = sizeOf(y.shape.slice(1));
    indices.data.forEach((at, i) => {
      const start = (at < 0 ? at + size : at) * width;
      for (let k = 0; k < width; k++)
        result[start + k] = (result[start + k] as number) + (rows.data[i * width + k] as number);
    });
    return result;
  },
  samples: [
    { inputs: { indices: values([2, 0, -1, 2], [4], 'int64'), rows: normal([4, 3]) }, attrs: { size: 5 } },
    { inputs: { indices: values([1, 1], [2], 'int32'), rows: normal([2, 2, 3]) }, attrs: { size: 3 } },
  ],
  errors: [
    {
      inputs: { indices: values([1], [1], 'int64'), rows: normal([2, 3]) },
      attrs: { size: 3 },
      throws: ShapeError,
    },
  ],
});
