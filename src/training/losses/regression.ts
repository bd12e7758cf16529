import * as z from 'zod';
import { deferred } from '../../core/deferred.ts';
import type { Value } from '../../ir/graph.ts';
import {
  abs,
  add,
  clip,
  div,
  log,
  mul,
  neg,
  reduceMean,
  reduceSum,
  rsqrt,
  softplus,
  square,
  sub,
} from '../../ops/index.ts';
import { losses, lossOptions } from '../loss.ts';
import { epsilon, PairLoss } from './pair-loss.ts';

const lastMean = (x: Value): Value => reduceMean(x, [-1]);
/** Options of a loss that has none of its own. */
export type PlainOptions = z.input<typeof lossOptions>;

/** `mean((yPred - yTrue)^2)` over the last axis. @source keras/src/losses/losses.py */
export class MeanSquaredError extends PairLoss<typeof lossOptions> {
  static override readonly className = 'MeanSquaredError';
  protected losses(yTrue: Value, yPred: Value): Value {
    return lastMean(square(sub(yPred, yTrue)));
  }
}
/** `mean((yPred - yTrue)^2)` over the last axis. */
export const meanSquaredError = (options: PlainOptions = {}): MeanSquaredError =>
  new MeanSquaredError(options);
losses.register(MeanSquaredError, 'mse');

/** `mean(|yPred - yTrue|)` over the last axis. @source keras/src/losses/losses.py */
export class MeanAbsoluteError extends PairLoss<typeof lossOptions> {
  static override readonly className = 'MeanAbsoluteError';
  protected losses(yTrue: Value, yPred: Value): Value {
    return lastMean(abs(sub(yPred, yTrue)));
  }
}
/** `mean(|yPred - yTrue|)` over the last axis. */
export const meanAbsoluteError = (options: PlainOptions = {}): MeanAbsoluteError =>
  new MeanAbsoluteError(options);
losses.register(MeanAbsoluteError, 'mae');

/** `100 * mean(|yTrue - yPred| / max(|yTrue|, 1e-7))` over the last axis. @source keras/src/losses/losses.py */
export class MeanAbsolutePercentageError extends PairLoss<typeof lossOptions> {
  static override readonly className = 'MeanAbsolutePercentageError';
  protected losses(yTrue: Value, yPred: Value): Value {
    const scale = clip(abs(yTrue), epsilon, Number.POSITIVE_INFINITY);
    return mul(lastMean(div(abs(sub(yTrue, yPred)), scale)), 100);
  }
}
/** `100 * mean(|yTrue - yPred| / max(|yTrue|, 1e-7))` over the last axis. */
export const meanAbsolutePercentageError = (options: PlainOptions = {}): MeanAbsolutePercentageError =>
  new MeanAbsolutePercentageError(options);
losses.register(MeanAbsolutePercentageError, 'mape');

/** `mean((ln(yPred + 1) - ln(yTrue + 1))^2)` over the last axis, both at least 1e-7. @source keras/src/losses/losses.py */
export class MeanSquaredLogarithmicError extends PairLoss<typeof lossOptions> {
  static override readonly className = 'MeanSquaredLogarithmicError';
  protected losses(yTrue: Value, yPred: Value): Value {
    const logPlus1 = (x: Value): Value => log(add(clip(x, epsilon, Number.POSITIVE_INFINITY), 1));
    return lastMean(square(sub(logPlus1(yPred), logPlus1(yTrue))));
  }
}
/** `mean((ln(yPred + 1) - ln(yTrue + 1))^2)` over the last axis, both at least 1e-7. */
export const meanSquaredLogarithmicError = (options: PlainOptions = {}): MeanSquaredLogarithmicError =>
  new MeanSquaredLogarithmicError(options);
losses.register(MeanSquaredLogarithmicError, 'msle');

const huberSchema = deferred(() =>
  lossOptions.extend({
    /** Where the loss turns from quadratic to linear. */
    delta: z.number().positive().default(1),
  }),
);
/**
 * `mean(e^2 / 2 where |e| <= delta, else delta * |e| - delta^2 / 2)` over the last axis, `e = yPred - yTrue`.
 * @source keras/src/losses/losses.py
 */
export class Huber extends PairLoss<typeof huberSchema> {
  static override readonly className = 'Huber';
  static override readonly schema = huberSchema;
  protected losses(yTrue: Value, yPred: Value): Value {
    const { delta } = this.options;
    const error = sub(yPred, yTrue);
    // both branches at once: c * (e - c / 2), where c is e held within [-delta, delta]
    const held = clip(error, -delta, delta);
    return lastMean(mul(held, sub(error, mul(held, 0.5))));
  }
}
/** Squared error near zero, absolute error beyond `delta`. */
export const huber = (options: z.input<typeof huberSchema> = {}): Huber => new Huber(options);
losses.register(Huber, 'huberLoss');

/** `mean(ln(cosh(yPred - yTrue)))` over the last axis. @source keras/src/losses/losses.py */
export class LogCosh extends PairLoss<typeof lossOptions> {
  static override readonly className = 'LogCosh';
  protected losses(yTrue: Value, yPred: Value): Value {
    const error = sub(yPred, yTrue);
    // ln(cosh(e)) = e + ln(1 + exp(-2e)) - ln(2)
    return lastMean(sub(add(error, softplus(mul(error, -2))), Math.LN2));
  }
}
/** `mean(ln(cosh(yPred - yTrue)))` over the last axis. */
export const logCosh = (options: PlainOptions = {}): LogCosh => new LogCosh(options);
losses.register(LogCosh);

/** `mean(yPred - yTrue * ln(yPred + 1e-7))` over the last axis. @source keras/src/losses/losses.py */
export class Poisson extends PairLoss<typeof lossOptions> {
  static override readonly className = 'Poisson';
  protected losses(yTrue: Value, yPred: Value): Value {
    return lastMean(sub(yPred, mul(yTrue, log(add(yPred, epsilon)))));
  }
}
/** `mean(yPred - yTrue * ln(yPred + 1e-7))` over the last axis. */
export const poisson = (options: PlainOptions = {}): Poisson => new Poisson(options);
losses.register(Poisson);

const cosineSimilaritySchema = deferred(() => lossOptions.extend({ axis: z.int().default(-1) }));
/**
 * `-sum(unit(yTrue) * unit(yPred))` over `axis`: -1 where both point the same way, 1 where they are opposite.
 * @source keras/src/losses/losses.py
 */
export class CosineSimilarity extends PairLoss<typeof cosineSimilaritySchema> {
  static override readonly className = 'CosineSimilarity';
  static override readonly schema = cosineSimilaritySchema;
  protected losses(yTrue: Value, yPred: Value): Value {
    const axes = [this.options.axis];
    const unit = (x: Value): Value => {
      const squares = reduceSum(square(x), axes, true);
      return mul(x, rsqrt(clip(squares, epsilon ** 2, Number.POSITIVE_INFINITY)));
    };
    return neg(reduceSum(mul(unit(yTrue), unit(yPred)), axes));
  }
}
/** `-sum(unit(yTrue) * unit(yPred))` over `axis`. */
export const cosineSimilarity = (options: z.input<typeof cosineSimilaritySchema> = {}): CosineSimilarity =>
  new CosineSimilarity(options);
losses.register(CosineSimilarity);
