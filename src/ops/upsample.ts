import { formatShape, type Shape, sizeOf, stridesOf } from '../core/shape.ts';
import { ConfigError, ShapeError } from '../errors.ts';
import type { Value } from '../ir/graph.ts';
import { forEachIndex } from '../ir/ndarray.ts';
import { apply, attrs, defineOp } from '../ir/op.ts';
import { normal } from '../ir/samples.ts';
import { mul } from './binary.ts';
import { averagePool } from './pool.ts';
import { readResize } from './resize.ts';
import { float } from './support.ts';
import { perAxis } from './window.ts';

/**
 * Every element repeated along the spatial axes, channels first: `y[n,c,i] = x[n,c,floor(i / factors)]`.
 * @param x - `[N, C, ...spatial]`
 * @param factors - whole numbers, one for each spatial axis or for all of them
 * @returns `[N, C, ...spatial * factors]`
 * @throws {@link ShapeError} when `x` has no spatial axes
 * @throws {@link ConfigError} when factors are not positive whole numbers
 * @source ONNX Resize-13, mode `nearest`
 */
export function upsample(x: Value, factors: number | readonly number[]): Value {
  return apply(upsampleOp, { x }, { factors: perAxis(factors, x.rank - 2) });
}
const upsampleOp = defineOp({
  name: 'upsample',
  inputs: { x: float },
  attrs: attrs<{ readonly factors: readonly number[] }>(),
  infer: ({ x }, { factors }) => {
    checkFactors(x.shape, factors);
    return {
      dtype: x.dtype,
      shape: x.shape.map((n, axis) => n * (axis < 2 ? 1 : (factors[axis - 2] as number))),
    };
  },
  lower: ({ x }, { factors }, emit) =>
    emit.op('Resize', [x, undefined, emit.constant([1, 1, ...factors], 'float32')], {
      mode: { string: 'nearest' },
      coordinate_transformation_mode: { string: 'asymmetric' },
      nearest_mode: { string: 'floor' },
    }),
  vjp: (_inputs, dy, { factors }) => ({ x: mul(averagePool(dy, { kernel: factors }), sizeOf(factors)) }),
  reference: ({ x }, { factors }, y) => {
    const result = new Float64Array(sizeOf(y.shape));
    const strides = stridesOf(x.shape);
    forEachIndex(y.shape, (flat, index) => {
      const from = index.map((i, axis) => (axis < 2 ? i : Math.floor(i / (factors[axis - 2] as number))));
      result[flat] = x.data[from.reduce((sum, i, axis) => sum + i * (strides[axis] as number), 0)] as number;
    });
    return result;
  },
  simplify: ({ x }, { factors }) => (sizeOf(factors) === 1 ? x : undefined),
  samples: [
    { inputs: { x: normal([2, 3, 2, 3]) }, attrs: { factors: [2, 3] } },
    { inputs: { x: normal([1, 2, 4]) }, attrs: { factors: [3] } },
    { inputs: { x: normal([1, 2, 2, 3, 2]) }, attrs: { factors: [2, 1, 2] } },
  ],
  errors: [
    { inputs: { x: normal([2, 3]) }, attrs: { factors: [] }, throws: ShapeError },
    { inputs: { x: normal([1, 2, 4]) }, attrs: { factors: [1.5] }, throws: ConfigError },
  ],
  onnx: { Resize: readResize, Upsample: readResize },
});

function checkFactors(shape: Shape, factors: readonly number[]): void {
  if (shape.length < 3) {
    throw new ShapeError(`upsample: x must be [N,C,...spatial]. Received ${formatShape(shape)}.`, {
      op: 'upsample',
      expected: 'three axes or more',
      received: formatShape(shape),
    });
  }
  if (factors.length === shape.length - 2 && factors.every((f) => Number.isInteger(f) && f > 0)) return;
  const expected = `${shape.length - 2} positive whole numbers`;
  throw new ConfigError(`upsample: factors must be ${expected}. Received [${factors.join(',')}].`, {
    op: 'upsample',
    argument: 'factors',
    expected,
    received: `[${factors.join(',')}]`,
  });
}
