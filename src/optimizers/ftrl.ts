import * as z from 'zod';
import { deferred } from '../core/deferred.ts';
import type { Value } from '../ir/graph.ts';
import { add, clip, div, mul, pow, sub } from '../ops/index.ts';
import { commonOptions, Optimizer, optimizers, type Update, type UpdateInputs } from './optimizer.ts';

const strength = z.number().nonnegative('expected a number of at least 0').default(0);

const ftrlSchema = deferred(() =>
  z.strictObject({
    ...commonOptions(0.001),
    learningRatePower: z.number().max(0, 'expected a number of at most 0').default(-0.5),
    initialAccumulatorValue: z.number().nonnegative('expected a number of at least 0').default(0.1),
    l1RegularizationStrength: strength,
    l2RegularizationStrength: strength,
    l2ShrinkageRegularizationStrength: strength,
    beta: z.number().default(0),
  }),
);

/** Follow the regularized leader: weights solved from running sums, sparse under an L1 strength. */
export class Ftrl extends Optimizer<typeof ftrlSchema> {
  static override readonly className = 'Ftrl';
  static override readonly schema = ftrlSchema;

  protected get ruleSlots() {
    return [
      [
        { name: 'accumulator', initial: this.options.initialAccumulatorValue },
        { name: 'linear', initial: 0 },
      ],
    ];
  }

  protected update({ weight, gradient: g, learningRate, slot }: UpdateInputs): Update {
    const { learningRatePower, l1RegularizationStrength: l1, beta } = this.options;
    const { l2RegularizationStrength, l2ShrinkageRegularizationStrength } = this.options;
    const power = (x: Value): Value => pow(x, -learningRatePower);
    const accumulator = add(slot('accumulator'), mul(g, g));
    const [before, after] = [power(slot('accumulator')), power(accumulator)];
    const shrunk = add(g, mul(weight, 2 * l2ShrinkageRegularizationStrength));
    const linear = sub(add(slot('linear'), shrunk), mul(div(sub(after, before), learningRate), weight));
    // 2 * (l2 + beta / (2 * lr))
    const ridge = add(div(beta, learningRate), 2 * l2RegularizationStrength);
    const quadratic = add(div(after, learningRate), ridge);
    return {
      weight: div(sub(clip(linear, -l1, l1), linear), quadratic),
      slots: { accumulator, linear },
    };
  }
}

/** FTRL. @source McMahan et al. 2013, "Ad Click Prediction", algorithm 1; Keras Ftrl */
export const ftrl = (options: z.input<typeof ftrlSchema> = {}) => new Ftrl(options);
optimizers.register(Ftrl);
