import type { Value } from '../ir/graph.ts';
import { add, div, maximum, mul, pow, sqrt, sub } from '../ops/index.ts';
import type { Slot, Update, UpdateInputs } from './optimizer.ts';

/** Running means of the gradient and of its square. */
export const momentSlots: readonly Slot[] = [
  { name: 'momentum', initial: 0 },
  { name: 'velocity', initial: 0 },
];

/** Running mean: `mean + (x - mean) * (1 - beta)`. */
export const towards = (mean: Value, x: Value, beta: number): Value => add(mean, mul(sub(x, mean), 1 - beta));

/** `w -= lr * sqrt(1 - beta2^t) / (1 - beta1^t) * momentum / (sqrt(velocity) + epsilon)`. */
export function adamUpdate(
  { weight, gradient: g, learningRate, step, slot }: UpdateInputs,
  {
    beta1,
    beta2,
    epsilon,
    amsgrad = false,
  }: { beta1: number; beta2: number; epsilon: number; amsgrad?: boolean },
): Update {
  const momentum = towards(slot('momentum'), g, beta1);
  const velocity = towards(slot('velocity'), mul(g, g), beta2);
  const largest = amsgrad ? maximum(slot('velocityHat'), velocity) : undefined;
  // both bias corrections in one scalar
  const rate = div(mul(learningRate, sqrt(sub(1, pow(beta2, step)))), sub(1, pow(beta1, step)));
  return {
    weight: sub(weight, div(mul(momentum, rate), add(sqrt(largest ?? velocity), epsilon))),
    slots: { momentum, velocity, ...(largest && { velocityHat: largest }) },
  };
}
