import * as z from 'zod';
import { deferred } from '../core/deferred.ts';
import { add, div, mul, sqrt, sub } from '../ops/index.ts';
import { commonOptions, Optimizer, optimizers, type Update, type UpdateInputs } from './optimizer.ts';

const rmspropSchema = deferred(() =>
  z.strictObject({
    ...commonOptions(0.001),
    rho: z.number().default(0.9),
    momentum: z.number().nonnegative('expected a number of at least 0').default(0),
    epsilon: z.number().default(1e-7),
    /** Whether the variance of the gradient is used in place of its mean square. */
    centered: z.boolean().default(false),
  }),
);

/** Steps divided by a running root mean square: `v = rho * v + (1 - rho) * g^2; w -= lr * g / sqrt(v + epsilon)`. */
export class RMSprop extends Optimizer<typeof rmspropSchema> {
  static override readonly className = 'RMSprop';
  static override readonly schema = rmspropSchema;

  protected get ruleSlots() {
    const { momentum, centered } = this.options;
    return [
      [{ name: 'velocity', initial: 0 }],
      ...(momentum > 0 ? [[{ name: 'momentum', initial: 0 }]] : []),
      ...(centered ? [[{ name: 'averageGradient', initial: 0 }]] : []),
    ];
  }

  protected update({ weight, gradient: g, learningRate, slot }: UpdateInputs): Update {
    const { rho, momentum, epsilon, centered } = this.options;
    const velocity = add(mul(slot('velocity'), rho), mul(mul(g, g), 1 - rho));
    const mean = centered ? add(mul(slot('averageGradient'), rho), mul(g, 1 - rho)) : undefined;
    const variance = mean === undefined ? velocity : sub(velocity, mul(mean, mean));
    const step = div(mul(g, learningRate), sqrt(add(variance, epsilon)));
    const m = momentum > 0 ? add(mul(slot('momentum'), momentum), step) : undefined;
    return {
      weight: sub(weight, m ?? step),
      slots: { velocity, ...(m && { momentum: m }), ...(mean && { averageGradient: mean }) },
    };
  }
}

/** Steps divided by a running root mean square of the gradient. @source Keras RMSprop */
export const rmsprop = (options: z.input<typeof rmspropSchema> = {}) => new RMSprop(options);
optimizers.register(RMSprop);
