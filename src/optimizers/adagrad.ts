import * as z from 'zod';
import { deferred } from '../core/deferred.ts';
import type { Value } from '../ir/graph.ts';
import { add, div, mul, sqrt, sub } from '../ops/index.ts';
import { commonOptions, Optimizer, optimizers, type Update, type UpdateInputs } from './optimizer.ts';

const adagradSchema = deferred(() =>
  z.strictObject({
    ...commonOptions(0.001),
    initialAccumulatorValue: z.number().default(0.1),
    epsilon: z.number().default(1e-7),
  }),
);

/** Steps divided by the root of all squares so far: `a += g^2; w -= lr * g / sqrt(a + epsilon)`. */
export class Adagrad extends Optimizer<typeof adagradSchema> {
  static override readonly className = 'Adagrad';
  static override readonly schema = adagradSchema;

  protected get ruleSlots() {
    return [[{ name: 'accumulator', initial: this.options.initialAccumulatorValue }]];
  }

  protected update({ weight, gradient: g, learningRate, slot }: UpdateInputs): Update {
    const accumulator = add(slot('accumulator'), mul(g, g));
    const step = div(mul(g, learningRate), sqrt(add(accumulator, this.options.epsilon)));
    return { weight: sub(weight, step), slots: { accumulator } };
  }
}

/** Adagrad. @source Duchi et al. 2011; Keras Adagrad */
export const adagrad = (options: z.input<typeof adagradSchema> = {}) => new Adagrad(options);
optimizers.register(Adagrad);

const adadeltaSchema = deferred(() =>
  z.strictObject({
    ...commonOptions(0.001),
    rho: z.number().default(0.95),
    epsilon: z.number().default(1e-7),
  }),
);

/** Steps in the units of the weights: `d = -g * rms(deltas) / rms(gradients); w += lr * d`. */
export class Adadelta extends Optimizer<typeof adadeltaSchema> {
  static override readonly className = 'Adadelta';
  static override readonly schema = adadeltaSchema;

  protected get ruleSlots() {
    return [
      [
        { name: 'accumulatedGrad', initial: 0 },
        { name: 'accumulatedDeltaVar', initial: 0 },
      ],
    ];
  }

  protected update({ weight, gradient: g, learningRate, slot }: UpdateInputs): Update {
    const { rho, epsilon } = this.options;
    const decayed = (mean: Value, x: Value): Value => add(mul(mean, rho), mul(mul(x, x), 1 - rho));
    const rms = (square: Value): Value => sqrt(add(square, epsilon));
    const accumulatedGrad = decayed(slot('accumulatedGrad'), g);
    // the negative step; its sign is lost in the square
    const step = div(mul(rms(slot('accumulatedDeltaVar')), g), rms(accumulatedGrad));
    return {
      weight: sub(weight, mul(step, learningRate)),
      slots: { accumulatedGrad, accumulatedDeltaVar: decayed(slot('accumulatedDeltaVar'), step) },
    };
  }
}

/** Adadelta. @source Zeiler 2012; Keras Adadelta */
export const adadelta = (options: z.input<typeof adadeltaSchema> = {}) => new Adadelta(options);
optimizers.register(Adadelta);
