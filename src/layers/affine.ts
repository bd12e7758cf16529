import * as z from 'zod';
import { deferred } from '../core/deferred.ts';
import type { DType } from '../core/dtype.ts';
import type { Shape } from '../core/shape.ts';
import type { Value } from '../ir/graph.ts';
import { add, mul, reduceMean, reshape, rsqrt, square, sub } from '../ops/index.ts';
import { filled } from '../ops/support.ts';
import { Layer, layerOptions } from './layer.ts';
import { constraintOption, initializerOption, regularizerOption } from './options.ts';
import type { Weight } from './weight.ts';

/** Options of a layer that scales and shifts what it has normalized. */
export const affineOptions = deferred(() =>
  layerOptions.extend({
    epsilon: z.number().positive().default(1e-3),
    /** Adds the weight `beta`. */
    center: z.boolean().default(true),
    /** Multiplies by the weight `gamma`. */
    scale: z.boolean().default(true),
    betaInitializer: initializerOption('zeros'),
    gammaInitializer: initializerOption('ones'),
    betaRegularizer: regularizerOption(),
    gammaRegularizer: regularizerOption(),
    betaConstraint: constraintOption(),
    gammaConstraint: constraintOption(),
  }),
);

/** A layer that computes `gamma * normalized + beta`. */
export abstract class Affine<S extends z.ZodType<z.output<typeof affineOptions>>> extends Layer<S> {
  #gamma: Weight | undefined;
  #beta: Weight | undefined;

  protected override get supportsMasking(): boolean {
    return true;
  }

  /** Creates `gamma` and `beta`, as far as the options want them. */
  protected addAffine(shape: Shape): void {
    const o = this.options;
    if (o.scale) {
      const { gammaInitializer: initializer, gammaRegularizer: regularizer, gammaConstraint: constraint } = o;
      this.#gamma = this.addWeight('gamma', shape, { initializer, regularizer, constraint });
    }
    if (o.center) {
      const { betaInitializer: initializer, betaRegularizer: regularizer, betaConstraint: constraint } = o;
      this.#beta = this.addWeight('beta', shape, { initializer, regularizer, constraint });
    }
  }

  /** `gamma` and `beta`; ones and zeros of this shape where the options do not want them. */
  protected scaleAndShift(shape: Shape, dtype: DType): readonly [gamma: Value, beta: Value] {
    return [this.#gamma?.value ?? filled(shape, 1, dtype), this.#beta?.value ?? filled(shape, 0, dtype)];
  }

  /** `gamma * x + beta`, the weights laid out along `axes` of `x`. */
  protected affine(x: Value, axes: readonly number[]): Value {
    const shape = alignedShape(x, axes);
    const scaled = this.#gamma ? mul(x, reshape(this.#gamma.value, shape)) : x;
    return this.#beta ? add(scaled, reshape(this.#beta.value, shape)) : scaled;
  }
}

/** `x`'s shape with 1 everywhere but along `axes`: weights in this shape broadcast against `x`. */
export const alignedShape = (x: Value, axes: readonly number[]): Shape =>
  x.shape.map((n, axis) => (axes.includes(axis) ? n : 1));

/** Mean 0 and population variance 1 over `axes`: `(x - mean) / sqrt(variance + epsilon)`. */
export function standardize(x: Value, axes: readonly number[], epsilon: number): Value {
  const centred = sub(x, reduceMean(x, axes, true));
  return mul(centred, rsqrt(add(reduceMean(square(centred), axes, true), epsilon)));
}
