import * as z from 'zod';
import { Configured, ConfiguredRegistry, type Spec } from '../core/configured.ts';
import { deferred } from '../core/deferred.ts';
import { ConfigError } from '../errors.ts';

/** A learning rate that changes with the steps taken; evaluated on the host, once a step. */
export abstract class LearningRateSchedule<S extends z.ZodType = z.ZodType> extends Configured<S> {
  /** Learning rate after `step` updates. */
  abstract value(step: number): number;
}
export type ScheduleSpec = Spec<LearningRateSchedule>;
export const schedules = new ConfiguredRegistry<LearningRateSchedule>('learning rate schedule');

const steps = z.number().positive('expected a number of steps above 0');

const decayOptions = {
  initialLearningRate: z.number(),
  decaySteps: steps,
  decayRate: z.number(),
  /** Whether the exponent is rounded down, so that the rate falls in steps. */
  staircase: z.boolean().default(false),
};
const progress = ({ decaySteps, staircase }: { decaySteps: number; staircase: boolean }, step: number) =>
  staircase ? Math.floor(step / decaySteps) : step / decaySteps;

const exponentialDecaySchema = deferred(() =>
  z.strictObject({
    ...decayOptions,
    name: z.string().default('ExponentialDecay'),
  }),
);
/** `initialLearningRate * decayRate ^ (step / decaySteps)`. */
export class ExponentialDecay extends LearningRateSchedule<typeof exponentialDecaySchema> {
  static override readonly className = 'ExponentialDecay';
  static override readonly schema = exponentialDecaySchema;

  value(step: number): number {
    return this.options.initialLearningRate * this.options.decayRate ** progress(this.options, step);
  }
}
/** `initialLearningRate * decayRate ^ (step / decaySteps)`. @source Keras ExponentialDecay */
export const exponentialDecay = (options: z.input<typeof exponentialDecaySchema>) =>
  new ExponentialDecay(options);
schedules.register(ExponentialDecay);

const inverseTimeDecaySchema = deferred(() =>
  z.strictObject({
    ...decayOptions,
    name: z.string().default('InverseTimeDecay'),
  }),
);
/** `initialLearningRate / (1 + decayRate * step / decaySteps)`. */
export class InverseTimeDecay extends LearningRateSchedule<typeof inverseTimeDecaySchema> {
  static override readonly className = 'InverseTimeDecay';
  static override readonly schema = inverseTimeDecaySchema;

  value(step: number): number {
    return this.options.initialLearningRate / (1 + this.options.decayRate * progress(this.options, step));
  }
}
/** `initialLearningRate / (1 + decayRate * step / decaySteps)`. @source Keras InverseTimeDecay */
export const inverseTimeDecay = (options: z.input<typeof inverseTimeDecaySchema>) =>
  new InverseTimeDecay(options);
schedules.register(InverseTimeDecay);

const piecewiseConstantDecaySchema = deferred(() =>
  z.strictObject({
    /** Steps after which the next value holds, ascending. */
    boundaries: z.array(z.number()),
    /** One value more than boundaries. */
    values: z.array(z.number()),
    name: z.string().default('PiecewiseConstant'),
  }),
);
/** `values[i]` up to and including step `boundaries[i]`, the last value after. */
export class PiecewiseConstantDecay extends LearningRateSchedule<typeof piecewiseConstantDecaySchema> {
  static override readonly className = 'PiecewiseConstantDecay';
  static override readonly schema = piecewiseConstantDecaySchema;

  constructor(options: z.input<typeof piecewiseConstantDecaySchema>) {
    super(options);
    const { boundaries, values } = this.options;
    if (values.length === boundaries.length + 1) return;
    throw new ConfigError(
      `PiecewiseConstantDecay: expected one value more than boundaries. Received ${values.length} values and ` +
        `${boundaries.length} boundaries.`,
      { op: 'PiecewiseConstantDecay', argument: 'values', received: String(values.length) },
    );
  }

  value(step: number): number {
    const { boundaries, values } = this.options;
    const at = boundaries.findIndex((boundary) => step <= boundary);
    return values.at(at) as number;
  }
}
/** `values[i]` up to and including step `boundaries[i]`, the last value after. @source Keras PiecewiseConstantDecay */
export const piecewiseConstantDecay = (options: z.input<typeof piecewiseConstantDecaySchema>) =>
  new PiecewiseConstantDecay(options);
schedules.register(PiecewiseConstantDecay);

const polynomialDecaySchema = deferred(() =>
  z.strictObject({
    initialLearningRate: z.number(),
    decaySteps: steps,
    endLearningRate: z.number().default(0.0001),
    power: z.number().default(1),
    /** Whether the decay starts again, over a longer stretch, each time it has reached its end. */
    cycle: z.boolean().default(false),
    name: z.string().default('PolynomialDecay'),
  }),
);
/** `(initialLearningRate - endLearningRate) * (1 - step / decaySteps) ^ power + endLearningRate`. */
export class PolynomialDecay extends LearningRateSchedule<typeof polynomialDecaySchema> {
  static override readonly className = 'PolynomialDecay';
  static override readonly schema = polynomialDecaySchema;

  value(step: number): number {
    const { initialLearningRate, decaySteps, endLearningRate, power, cycle } = this.options;
    const stretch = cycle ? decaySteps * Math.max(1, Math.ceil(step / decaySteps)) : decaySteps;
    const done = Math.min(step, stretch) / stretch;
    return (initialLearningRate - endLearningRate) * (1 - done) ** power + endLearningRate;
  }
}
/**
 * `(initialLearningRate - endLearningRate) * (1 - step / decaySteps) ^ power + endLearningRate`.
 * @source Keras PolynomialDecay
 */
export const polynomialDecay = (options: z.input<typeof polynomialDecaySchema>) =>
  new PolynomialDecay(options);
schedules.register(PolynomialDecay);

/** From 1 down to 0 along half a cosine while `done` goes from 0 to 1. */
const cosine = (done: number): number => 0.5 * (1 + Math.cos(Math.PI * done));

const cosineDecaySchema = deferred(() =>
  z.strictObject({
    initialLearningRate: z.number(),
    decaySteps: steps,
    /** Final rate as a fraction of the rate from which it decays. */
    alpha: z.number().default(0),
    name: z.string().default('CosineDecay'),
    /** Rate reached by a linear warmup from `initialLearningRate`; no warmup where null. */
    warmupTarget: z.number().nullable().default(null),
    warmupSteps: z.number().nonnegative().default(0),
  }),
);
/** Optional linear warmup, then half a cosine down to `alpha` times the peak. */
export class CosineDecay extends LearningRateSchedule<typeof cosineDecaySchema> {
  static override readonly className = 'CosineDecay';
  static override readonly schema = cosineDecaySchema;

  value(step: number): number {
    const { initialLearningRate, decaySteps, alpha, warmupTarget, warmupSteps } = this.options;
    const warmup = warmupTarget === null ? 0 : warmupSteps;
    const peak = warmupTarget ?? initialLearningRate;
    if (step < warmup) return initialLearningRate + (peak - initialLearningRate) * (step / warmup);
    const done = Math.min(step - warmup, decaySteps) / decaySteps;
    return peak * ((1 - alpha) * cosine(done) + alpha);
  }
}
/** Optional linear warmup, then half a cosine down to `alpha` times the peak. @source Keras CosineDecay */
export const cosineDecay = (options: z.input<typeof cosineDecaySchema>) => new CosineDecay(options);
schedules.register(CosineDecay);

const cosineDecayRestartsSchema = deferred(() =>
  z.strictObject({
    initialLearningRate: z.number(),
    firstDecaySteps: steps,
    /** Length of each period as a multiple of the one before. */
    tMul: z.number().default(2),
    /** Initial rate of each period as a multiple of the one before. */
    mMul: z.number().default(1),
    /** Final rate of a period as a fraction of `initialLearningRate`. */
    alpha: z.number().default(0),
    name: z.string().default('SGDRDecay'),
  }),
);
/** Cosine decay that starts again, each time over a longer period. */
export class CosineDecayRestarts extends LearningRateSchedule<typeof cosineDecayRestartsSchema> {
  static override readonly className = 'CosineDecayRestarts';
  static override readonly schema = cosineDecayRestartsSchema;

  value(step: number): number {
    const { initialLearningRate, mMul, alpha } = this.options;
    const [period, done] = this.#period(step);
    return initialLearningRate * ((1 - alpha) * mMul ** period * cosine(done) + alpha);
  }

  /** Number of the period that `step` falls in, and the fraction of it that is over. */
  #period(step: number): [number, number] {
    const { firstDecaySteps, tMul } = this.options;
    const elapsed = step / firstDecaySteps;
    if (tMul === 1) return [Math.floor(elapsed), elapsed % 1];
    // periods 0..n-1 last (1 - t^n) / (1 - t) in all; the nudge keeps their ends on the right side of rounding
    const period = Math.floor(Math.log(1 - elapsed * (1 - tMul)) / Math.log(tMul) + 1e-9);
    const before = (1 - tMul ** period) / (1 - tMul);
    return [period, (elapsed - before) / tMul ** period];
  }
}
/** Cosine decay that starts again, each time over a longer period. @source Loshchilov & Hutter 2017, "SGDR" */
export const cosineDecayRestarts = (options: z.input<typeof cosineDecayRestartsSchema>) =>
  new CosineDecayRestarts(options);
schedules.register(CosineDecayRestarts);
