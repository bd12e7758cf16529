import { z } from 'zod';
import { Configured, ConfiguredRegistry, type Spec } from '../core/configured.ts';
import type { Value } from '../ir/graph.ts';
import { abs, add, mul, reduceSum, square } from '../ops/index.ts';

/** A penalty on a weight or an activation, added to the loss. */
export abstract class Regularizer<S extends z.ZodType = z.ZodType> extends Configured<S> {
  /** The penalty: a scalar. */
  abstract call(x: Value): Value;
}
export type RegularizerSpec = Spec<Regularizer>;
export const regularizers = new ConfiguredRegistry<Regularizer>('regularizer');

const factor = (byDefault: number) => z.number().nonnegative().default(byDefault);

const l1Schema = z.strictObject({ l1: factor(0.01) });
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

const l2Schema = z.strictObject({ l2: factor(0.01) });
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

const l1l2Schema = z.strictObject({ l1: factor(0), l2: factor(0) });
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
