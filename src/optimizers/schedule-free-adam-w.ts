import * as z from 'zod';
import { deferred } from '../core/deferred.ts';
import { add, div, minimum, mul, pow, sqrt, sub } from '../ops/index.ts';
import { towards } from './adam-rule.ts';
import {
  commonOptions,
  Optimizer,
  optimizers,
  type Slot,
  type Update,
  type UpdateInputs,
} from './optimizer.ts';

const schema = deferred(() =>
  z.strictObject({
    ...commonOptions(0.0025),
    /** How much of the running mean there is in the weights, beside the sequence that takes the steps. */
    beta1: z.number().positive('expected a number above 0').default(0.9),
    beta2: z.number().default(0.999),
    epsilon: z.number().default(1e-8),
    /** Steps over which the learning rate rises from 0. */
    warmupSteps: z.int().min(0, 'expected a whole number of at least 0').default(0),
  }),
);

/**
 * Adam without a schedule: steps move a sequence `z`, of which `x` is the mean; the weights are
 * `(1 - beta1) z + beta1 x`.
 */
export class ScheduleFreeAdamW extends Optimizer<typeof schema> {
  static override readonly className = 'ScheduleFreeAdamW';
  static override readonly schema = schema;

  protected get ruleSlots(): readonly (readonly Slot[])[] {
    return [
      [
        { name: 'momentum', initial: 'weight' },
        { name: 'velocity', initial: 0 },
      ],
    ];
  }

  protected update({ weight, gradient: g, learningRate, step, slot }: UpdateInputs): Update {
    const { beta1, beta2, epsilon, warmupSteps } = this.options;
    const rate = warmupSteps === 0 ? learningRate : mul(learningRate, minimum(div(step, warmupSteps), 1));
    const velocity = towards(slot('velocity'), mul(g, g), beta2);
    const root = add(sqrt(div(velocity, sub(1, pow(beta2, step)))), epsilon);
    const momentum = sub(slot('momentum'), div(mul(g, rate), root));
    // x from w and the old z
    const mean = div(sub(weight, mul(slot('momentum'), 1 - beta1)), beta1);
    const share = div(1, step);
    const nextMean = add(mul(mean, sub(1, share)), mul(momentum, share));
    return {
      weight: add(mul(momentum, 1 - beta1), mul(nextMean, beta1)),
      slots: { momentum, velocity },
    };
  }
}

/** Schedule-free AdamW. @source Defazio et al. 2024, "The Road Less Scheduled"; Keras ScheduleFreeAdamW */
export const scheduleFreeAdamW = (options: z.input<typeof schema> = {}) => new ScheduleFreeAdamW(options);
optimizers.register(ScheduleFreeAdamW);
