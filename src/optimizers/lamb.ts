import * as z from 'zod';
import { deferred } from '../core/deferred.ts';
import type { Value } from '../ir/graph.ts';
import { add, div, greater, logicalAnd, mul, pow, reduceL2, sqrt, sub, where } from '../ops/index.ts';
import { momentSlots, towards } from './adam-rule.ts';
import { commonOptions, Optimizer, optimizers, type Update, type UpdateInputs } from './optimizer.ts';

const schema = deferred(() =>
  z.strictObject({
    ...commonOptions(0.001),
    beta1: z.number().default(0.9),
    beta2: z.number().default(0.999),
    epsilon: z.number().default(1e-7),
  }),
);

/** Adam's step `u`, as long as the weight it moves: `w -= lr * |w| / |u| * u`, for large batches. */
export class Lamb extends Optimizer<typeof schema> {
  static override readonly className = 'Lamb';
  static override readonly schema = schema;

  protected get ruleSlots() {
    return [momentSlots];
  }

  override get elementwise(): boolean {
    return false;
  }

  protected update({ weight, gradient: g, learningRate, step, slot }: UpdateInputs): Update {
    const { beta1, beta2, epsilon } = this.options;
    const momentum = towards(slot('momentum'), g, beta1);
    const velocity = towards(slot('velocity'), mul(g, g), beta2);
    const unbiased = (mean: Value, beta: number): Value => div(mean, sub(1, pow(beta, step)));
    const u = div(unbiased(momentum, beta1), add(sqrt(unbiased(velocity, beta2)), epsilon));
    return {
      weight: sub(weight, mul(u, mul(learningRate, trust(weight, u)))),
      slots: { momentum, velocity },
    };
  }
}

/** `|w| / |u|`, and 1 where one of them is 0. */
function trust(weight: Value, u: Value): Value {
  const [long, short] = [reduceL2(weight), reduceL2(u)];
  const moving = greater(short, 0);
  return where(logicalAnd(greater(long, 0), moving), div(long, where(moving, short, 1)), 1);
}

/** Lamb. @source You et al. 2020, "Large Batch Optimization for Deep Learning"; Keras Lamb */
export const lamb = (options: z.input<typeof schema> = {}) => new Lamb(options);
optimizers.register(Lamb);
