import * as z from 'zod';
import { deferred } from '../core/deferred.ts';
import type { Value } from '../ir/graph.ts';
import { add, mul, sign, sub } from '../ops/index.ts';
import { commonOptions, Optimizer, optimizers, type Update, type UpdateInputs } from './optimizer.ts';

const lionSchema = deferred(() =>
  z.strictObject({
    ...commonOptions(0.001),
    beta1: z
      .number()
      .positive('expected a number in (0, 1]')
      .max(1, 'expected a number in (0, 1]')
      .default(0.9),
    beta2: z.number().default(0.99),
  }),
);

/** Steps of one size, by sign: `w -= lr * sign(beta1 * m + (1 - beta1) * g)`. */
export class Lion extends Optimizer<typeof lionSchema> {
  static override readonly className = 'Lion';
  static override readonly schema = lionSchema;

  protected get ruleSlots() {
    return [[{ name: 'momentum', initial: 0 }]];
  }

  protected update({ weight, gradient, learningRate, slot }: UpdateInputs): Update {
    const mixed = (beta: number): Value => add(mul(slot('momentum'), beta), mul(gradient, 1 - beta));
    const { beta1, beta2 } = this.options;
    return {
      weight: sub(weight, mul(sign(mixed(beta1)), learningRate)),
      slots: { momentum: mixed(beta2) },
    };
  }
}

/** Lion. @source Chen et al. 2023, "Symbolic Discovery of Optimization Algorithms"; Keras Lion */
export const lion = (options: z.input<typeof lionSchema> = {}) => new Lion(options);
optimizers.register(Lion);
