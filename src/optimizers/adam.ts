import * as z from 'zod';
import { deferred } from '../core/deferred.ts';
import type { Value } from '../ir/graph.ts';
import { abs, add, div, maximum, mul, pow, sqrt, sub } from '../ops/index.ts';
import { adamUpdate, momentSlots, towards } from './adam-rule.ts';
import {
  commonOptions,
  Optimizer,
  optimizers,
  type SharedRule,
  type Update,
  type UpdateInputs,
} from './optimizer.ts';

const momentOptions = {
  beta1: z.number().default(0.9),
  beta2: z.number().default(0.999),
  epsilon: z.number().default(1e-7),
};
const adamSchema = deferred(() =>
  z.strictObject({
    ...commonOptions(0.001),
    ...momentOptions,
    /** Whether the largest velocity so far is used, which never falls. */
    amsgrad: z.boolean().default(false),
  }),
);
const adamWSchema = deferred(() =>
  z.strictObject({
    ...adamSchema.shape,
    weightDecay: z.number('expected a number').default(0.004),
  }),
);

/** The rule that Adam and AdamW share. */
abstract class AdamRule<S extends z.ZodType<z.output<typeof adamSchema>>> extends Optimizer<S> {
  protected get ruleSlots() {
    return [momentSlots, ...(this.options.amsgrad ? [[{ name: 'velocityHat', initial: 0 }]] : [])];
  }

  protected update(inputs: UpdateInputs): Update {
    return adamUpdate(inputs, this.options);
  }
}

/** Running means of the gradient and its square, corrected for their start at zero. */
export class Adam extends AdamRule<typeof adamSchema> {
  static override readonly className = 'Adam';
  static override readonly schema = adamSchema;
}

/** Adam. @source Kingma & Ba 2015, "Adam", with the epsilon of its section 2.1; Keras Adam */
export const adam = (options: z.input<typeof adamSchema> = {}) => new Adam(options);
optimizers.register(Adam);

/** Adam with weight decay by default. */
export class AdamW extends AdamRule<typeof adamWSchema> {
  static override readonly className = 'AdamW';
  static override readonly schema = adamWSchema;
}

/** Adam with decoupled weight decay. @source Loshchilov & Hutter 2019; Keras AdamW */
export const adamW = (options: z.input<typeof adamWSchema> = {}) => new AdamW(options);
optimizers.register(AdamW);

const adamaxSchema = deferred(() => z.strictObject({ ...commonOptions(0.001), ...momentOptions }));

/** Adam with the largest recent gradient in place of the root mean square: `u = max(beta2 * u, |g|)`. */
export class Adamax extends Optimizer<typeof adamaxSchema> {
  static override readonly className = 'Adamax';
  static override readonly schema = adamaxSchema;

  protected get ruleSlots() {
    return [
      [
        { name: 'momentum', initial: 0 },
        { name: 'norm', initial: 0 },
      ],
    ];
  }

  protected update({ weight, gradient: g, learningRate, step, slot }: UpdateInputs): Update {
    const { beta1, beta2, epsilon } = this.options;
    const momentum = towards(slot('momentum'), g, beta1);
    const norm = maximum(mul(slot('norm'), beta2), abs(g));
    const rate = div(learningRate, sub(1, pow(beta1, step)));
    return {
      weight: sub(weight, div(mul(momentum, rate), add(norm, epsilon))),
      slots: { momentum, norm },
    };
  }
}

/** Adamax. @source Kingma & Ba 2015, section 7.1; Keras Adamax */
export const adamax = (options: z.input<typeof adamaxSchema> = {}) => new Adamax(options);
optimizers.register(Adamax);

const nadamSchema = deferred(() => z.strictObject({ ...commonOptions(0.001), ...momentOptions }));

/** Adam with Nesterov momentum and a momentum that warms up: `u(t) = beta1 * (1 - 0.96^t / 2)`. */
export class Nadam extends Optimizer<typeof nadamSchema> {
  static override readonly className = 'Nadam';
  static override readonly schema = nadamSchema;

  override readonly shared: SharedRule = {
    slots: [{ name: 'momentumProduct', initial: 1 }],
    update: (shared, step) => ({ momentumProduct: mul(shared('momentumProduct'), this.#warmed(step)) }),
  };

  protected get ruleSlots() {
    return [momentSlots];
  }

  protected update({ weight, gradient: g, learningRate, step, slot, shared }: UpdateInputs): Update {
    const { beta1, beta2, epsilon } = this.options;
    const momentum = towards(slot('momentum'), g, beta1);
    const velocity = towards(slot('velocity'), mul(g, g), beta2);
    const product = shared('momentumProduct');
    const next = this.#warmed(add(step, 1));
    const ahead = mul(momentum, div(next, sub(1, mul(product, next))));
    const now = mul(g, div(sub(1, this.#warmed(step)), sub(1, product)));
    const unbiased = div(velocity, sub(1, pow(beta2, step)));
    return {
      weight: sub(weight, div(mul(add(ahead, now), learningRate), add(sqrt(unbiased), epsilon))),
      slots: { momentum, velocity },
    };
  }

  #warmed(step: Value): Value {
    return mul(sub(1, mul(pow(0.96, step), 0.5)), this.options.beta1);
  }
}

/** Nadam. @source Dozat 2016, "Incorporating Nesterov Momentum into Adam"; Keras Nadam */
export const nadam = (options: z.input<typeof nadamSchema> = {}) => new Nadam(options);
optimizers.register(Nadam);
