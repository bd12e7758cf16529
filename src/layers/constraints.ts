import * as z from 'zod';
import { Configured, ConfiguredRegistry, type Spec } from '../core/configured.ts';
import { deferred } from '../core/deferred.ts';
import type { Value } from '../ir/graph.ts';
import { add, clip, div, mul, reduceL2, relu } from '../ops/index.ts';
import { axesOption, axisList } from './axes.ts';

/** A projection of a weight onto a set, done after every update. */
export abstract class Constraint<S extends z.ZodType = z.ZodType> extends Configured<S> {
  /** The projected weight: the same shape. */
  abstract call(weight: Value): Value;
}
export type ConstraintSpec = Spec<Constraint>;
export const constraints = new ConfiguredRegistry<Constraint>('constraint');

/** Keras's backend epsilon: keeps a zero weight from being divided by its norm. */
const epsilon = 1e-7;
/** Axes along which norms are taken: 0 for a dense kernel, `[0, 1, 2]` for one of a 2-D convolution. */
const axis = axesOption(0);

/** L2 norms along axes, which stay with size 1. */
const norms = (w: Value, axes: number | readonly number[]): Value => reduceL2(w, axisList(axes), true);
/** `w` with its norms moved to `wanted`. */
const rescaled = (w: Value, norm: Value, wanted: Value): Value => mul(w, div(wanted, add(norm, epsilon)));

const maxNormSchema = deferred(() => z.strictObject({ maxValue: z.number().nonnegative().default(2), axis }));
/** Norms of at most `maxValue`. @source Srivastava et al., JMLR 2014; keras/src/constraints/constraints.py */
export class MaxNorm extends Constraint<typeof maxNormSchema> {
  static override readonly className = 'MaxNorm';
  static override readonly schema = maxNormSchema;
  call(w: Value): Value {
    const norm = norms(w, this.options.axis);
    return rescaled(w, norm, clip(norm, 0, this.options.maxValue));
  }
}
/** Norms of at most `maxValue`. */
export const maxNorm = (options: z.input<typeof maxNormSchema> = {}): MaxNorm => new MaxNorm(options);
constraints.register(MaxNorm);

const minMaxNormSchema = deferred(() =>
  z
    .strictObject({
      minValue: z.number().nonnegative().default(0),
      maxValue: z.number().nonnegative().default(1),
      /** How much of the way to the bounds each projection goes, in [0, 1]. */
      rate: z.number().min(0).max(1).default(1),
      axis,
    })
    .refine((o) => o.minValue <= o.maxValue, { path: ['minValue'], message: 'must not exceed maxValue' }),
);
/**
 * Norms between `minValue` and `maxValue`, approached at `rate`.
 * @source keras/src/constraints/constraints.py
 */
export class MinMaxNorm extends Constraint<typeof minMaxNormSchema> {
  static override readonly className = 'MinMaxNorm';
  static override readonly schema = minMaxNormSchema;
  call(w: Value): Value {
    const { minValue, maxValue, rate } = this.options;
    const norm = norms(w, this.options.axis);
    return rescaled(w, norm, add(mul(clip(norm, minValue, maxValue), rate), mul(norm, 1 - rate)));
  }
}
/** Norms between `minValue` and `maxValue`, approached at `rate`. */
export const minMaxNorm = (options: z.input<typeof minMaxNormSchema> = {}): MinMaxNorm =>
  new MinMaxNorm(options);
constraints.register(MinMaxNorm);

const nonNegSchema = deferred(() => z.strictObject({}));
/** Nothing below 0: `max(w, 0)`. @source keras/src/constraints/constraints.py */
export class NonNeg extends Constraint<typeof nonNegSchema> {
  static override readonly className = 'NonNeg';
  static override readonly schema = nonNegSchema;
  call(w: Value): Value {
    return relu(w);
  }
}
/** Nothing below 0. */
export const nonNeg = (): NonNeg => new NonNeg({});
constraints.register(NonNeg);

const unitNormSchema = deferred(() => z.strictObject({ axis }));
/** Norms of 1. @source keras/src/constraints/constraints.py */
export class UnitNorm extends Constraint<typeof unitNormSchema> {
  static override readonly className = 'UnitNorm';
  static override readonly schema = unitNormSchema;
  call(w: Value): Value {
    return div(w, add(norms(w, this.options.axis), epsilon));
  }
}
/** Norms of 1. */
export const unitNorm = (options: z.input<typeof unitNormSchema> = {}): UnitNorm => new UnitNorm(options);
constraints.register(UnitNorm);
