import * as z from 'zod';
import { Configured, ConfiguredRegistry, type Spec } from '../core/configured.ts';
import { deferred } from '../core/deferred.ts';
import { formatShape } from '../core/shape.ts';
import { tensor } from '../core/tensor.ts';
import { ShapeError } from '../errors.ts';
import { constant, type Value } from '../ir/graph.ts';
import { abs, add, div, matmul, maximum, mul, reduceSum, sqrt, square, transpose } from '../ops/index.ts';

/** A penalty on a weight or an activation, added to the loss. */
export abstract class Regularizer<S extends z.ZodType = z.ZodType> extends Configured<S> {
  /** The penalty: a scalar. */
  abstract call(x: Value): Value;
}
export type RegularizerSpec = Spec<Regularizer>;
export const regularizers = new ConfiguredRegistry<Regularizer>('regularizer');

const factor = (byDefault: number) => z.number().nonnegative().default(byDefault);

const l1Schema = deferred(() => z.strictObject({ l1: factor(0.01) }));
/** `l1 * sum(|x|)`. @source keras/src/regularizers/regularizers.py */
export class L1 extends Regularizer<typeof l1Schema> {
  static override readonly className = 'L1';
  static override readonly schema = l1Schema;
  call(x: Value): Value {
    return mul(reduceSum(abs(x)), this.options.l1);
  }
}
/** `l1 * sum(|x|)`. */
export const l1 = (options: z.input<typeof l1Schema> = {}): L1 => new L1(options);
regularizers.register(L1);

const l2Schema = deferred(() => z.strictObject({ l2: factor(0.01) }));
/** `l2 * sum(x^2)`, without the half. @source keras/src/regularizers/regularizers.py */
export class L2 extends Regularizer<typeof l2Schema> {
  static override readonly className = 'L2';
  static override readonly schema = l2Schema;
  call(x: Value): Value {
    return mul(reduceSum(square(x)), this.options.l2);
  }
}
/** `l2 * sum(x^2)`, without the half. */
export const l2 = (options: z.input<typeof l2Schema> = {}): L2 => new L2(options);
regularizers.register(L2);

const l1l2Schema = deferred(() => z.strictObject({ l1: factor(0), l2: factor(0) }));
/** `l1 * sum(|x|) + l2 * sum(x^2)`. @source keras/src/regularizers/regularizers.py */
export class L1L2 extends Regularizer<typeof l1l2Schema> {
  static override readonly className = 'L1L2';
  static override readonly schema = l1l2Schema;
  call(x: Value): Value {
    return add(mul(reduceSum(abs(x)), this.options.l1), mul(reduceSum(square(x)), this.options.l2));
  }
}
/** `l1 * sum(|x|) + l2 * sum(x^2)`. */
export const l1l2 = (options: z.input<typeof l1l2Schema> = {}): L1L2 => new L1L2(options);
regularizers.register(L1L2);

const orthogonalSchema = deferred(() =>
  z.strictObject({
    factor: factor(0.01),
    mode: z.enum(['rows', 'columns']).default('rows'),
  }),
);
/**
 * Mean of the absolute cosines between different rows (or columns) of a matrix, times `factor`.
 * @source keras/src/regularizers/regularizers.py
 */
export class OrthogonalRegularizer extends Regularizer<typeof orthogonalSchema> {
  static override readonly className = 'OrthogonalRegularizer';
  static override readonly schema = orthogonalSchema;
  call(x: Value): Value {
    if (x.rank !== 2) {
      throw new ShapeError(
        `orthogonalRegularizer: expected a matrix. Received shape ${formatShape(x.shape)}.`,
        {
          op: 'orthogonalRegularizer',
          expected: '2 axes',
          received: formatShape(x.shape),
        },
      );
    }
    const { mode, factor: weight } = this.options;
    const vectors = mode === 'rows' ? x : transpose(x);
    const unit = div(vectors, sqrt(maximum(reduceSum(square(vectors), [1], true), 1e-12)));
    const count = vectors.shape[0] as number;
    const different = tensor(
      Float32Array.from({ length: count * count }, (_, i) => (i % (count + 1) === 0 ? 0 : 1)),
    );
    const cosines = mul(
      matmul(unit, unit, { transposeB: true }),
      constant(different.reshape([count, count])),
    );
    return mul(reduceSum(abs(cosines)), weight / Math.max(1, count * (count - 1)));
  }
}
/** Penalty on rows (or columns) of a matrix that are not orthogonal. @see {@link OrthogonalRegularizer} */
export const orthogonalRegularizer = (
  options: z.input<typeof orthogonalSchema> = {},
): OrthogonalRegularizer => new OrthogonalRegularizer(options);
regularizers.register(OrthogonalRegularizer, 'orthogonal');
