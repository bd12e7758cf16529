import * as z from 'zod';
import { deferred } from '../core/deferred.ts';
import { formatShape, normalizeAxis, type Shape, sizeOf } from '../core/shape.ts';
import { ShapeError } from '../errors.ts';
import type { Value } from '../ir/graph.ts';
import { matmul, reshape, transpose } from '../ops/index.ts';
import { Layer, layerOptions, type Values } from './layer.ts';
import { registerLayer } from './registry.ts';
import { toUnitNorm } from './unit-normalization.ts';

const schema = deferred(() =>
  layerOptions.extend({
    /** Axis of the products, of both inputs or of each. */
    axes: z.union([z.int(), z.tuple([z.int(), z.int()])]),
    /** Brings both inputs to norm 1 along the axis first: the result is the cosine. */
    normalize: z.boolean().default(false),
  }),
);

/**
 * Products of the samples of two inputs, summed along one axis of each: `[batch, m, k]` and `[batch, k, n]`
 * with `axes: [2, 1]` give `[batch, m, n]`; two vectors per sample give `[batch, 1]`.
 * @source keras/src/layers/merging/dot.py
 */
export class Dot extends Layer<typeof schema> {
  static override readonly className = 'Dot';
  static override readonly schema = schema;

  protected override get arity(): { readonly min: number; readonly max: number } {
    return { min: 2, max: 2 };
  }

  call(inputs: Values): Value {
    const [a, b] = inputs as readonly [Value, Value];
    const [axisA, axisB] = this.#axes(a.shape, b.shape);
    const ready = (x: Value, axis: number): Value =>
      this.options.normalize ? toUnitNorm(x, [axis], 1e-7) : x;
    return batchDot(ready(a, axisA), ready(b, axisB), axisA, axisB);
  }

  #axes(a: Shape, b: Shape): readonly [number, number] {
    const { axes } = this.options;
    const pair = typeof axes === 'number' ? ([axes, axes] as const) : axes;
    const axisA = normalizeAxis(pair[0], a.length, 'axes');
    const axisB = normalizeAxis(pair[1], b.length, 'axes');
    const received = `${formatShape(a)} and ${formatShape(b)} with axes ${axisA} and ${axisB}`;
    if (axisA === 0 || axisB === 0) {
      throw new ShapeError(`axes must not be 0, which is the batch. Received ${received}.`, {
        argument: 'axes',
        received,
      });
    }
    if (a[0] === b[0] && a[axisA] === b[axisB]) return [axisA, axisB];
    const expected = 'equal batch sizes, and equal sizes along axes';
    throw new ShapeError(`expected ${expected}. Received ${received}.`, {
      argument: 'axes',
      expected,
      received,
    });
  }
}

/** `a` as `[batch, m, k]` times `b` as `[batch, n, k]`, in the shape of the axes that are left. */
function batchDot(a: Value, b: Value, axisA: number, axisB: number): Value {
  const batch = a.shape[0] as number;
  const rest = (x: Value, axis: number): Shape => x.shape.filter((_, i) => i !== 0 && i !== axis);
  const rows = (x: Value, axis: number): Value => {
    const order = Array.from(x.shape.keys()).filter((i) => i !== axis);
    return reshape(transpose(x, [...order, axis]), [batch, sizeOf(rest(x, axis)), x.shape[axis] as number]);
  };
  const left = [...rest(a, axisA), ...rest(b, axisB)];
  const y = matmul(rows(a, axisA), rows(b, axisB), { transposeB: true });
  return reshape(y, [batch, ...(left.length === 0 ? [1] : left)]);
}

/** Products of the samples of two inputs, summed along one axis of each. @see {@link Dot} */
export const dot = (options: z.input<typeof schema>): Dot => new Dot(options);
registerLayer(Dot, [
  {
    options: { axes: 1 },
    inputs: [
      [null, 3],
      [null, 3],
    ],
    output: [null, 1],
  },
  {
    options: { axes: [2, 1], normalize: true },
    inputs: [
      [null, 2, 3],
      [null, 3, 4],
    ],
    output: [null, 2, 4],
  },
  {
    options: { axes: [-1, 1] },
    inputs: [
      [null, 2, 5, 3],
      [null, 3],
    ],
    output: [null, 2, 5],
  },
]);
