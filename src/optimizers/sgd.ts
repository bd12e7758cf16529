import * as z from 'zod';
import { deferred } from '../core/deferred.ts';
import { add, mul, sub } from '../ops/index.ts';
import { commonOptions, Optimizer, optimizers, type Update, type UpdateInputs } from './optimizer.ts';

const sgdSchema = deferred(() =>
  z.strictObject({
    ...commonOptions(0.01),
    momentum: z
      .number()
      .min(0, 'expected a number in [0, 1]')
      .max(1, 'expected a number in [0, 1]')
      .default(0),
    nesterov: z.boolean().default(false),
  }),
);

/** Gradient descent: `w -= lr * g`, with momentum `m = momentum * m - lr * g; w += m`. */
export class SGD extends Optimizer<typeof sgdSchema> {
  static override readonly className = 'SGD';
  static override readonly schema = sgdSchema;

  protected get ruleSlots() {
    return this.options.momentum === 0 ? [] : [[{ name: 'momentum', initial: 0 }]];
  }

  protected update({ weight, gradient, learningRate, slot }: UpdateInputs): Update {
    const { momentum, nesterov } = this.options;
    const step = mul(gradient, learningRate);
    if (momentum === 0) return { weight: sub(weight, step), slots: {} };
    const m = sub(mul(slot('momentum'), momentum), step);
    // Nesterov looks ahead: the momentum of the next step is applied now
    const change = nesterov ? sub(mul(m, momentum), step) : m;
    return { weight: add(weight, change), slots: { momentum: m } };
  }
}

/** Gradient descent, with momentum where asked. @source Keras SGD */
export const sgd = (options: z.input<typeof sgdSchema> = {}) => new SGD(options);
optimizers.register(SGD);
