import * as z from 'zod';
import { Configured, ConfiguredRegistry, type Spec } from '../core/configured.ts';
import { deferred } from '../core/deferred.ts';
import { snakeCase } from '../core/registry.ts';
import type { Shape } from '../core/shape.ts';
import { ConfigError } from '../errors.ts';
import type { Value } from '../ir/graph.ts';
import {
  add,
  cast,
  clip,
  div,
  equal,
  floor,
  greater,
  maximum,
  mod,
  mul,
  sqrt,
  sub,
  where,
} from '../ops/index.ts';
import { type LearningRateSchedule, schedules } from './schedules.ts';

/** What an optimizer knows of a weight, besides its value. */
export interface WeightInfo {
  /** E.g. `dense/kernel`. */
  readonly path: string;
  readonly shape: Shape;
}

/** What an optimizer keeps for every weight, such as a running mean: as a rule one number for each element. */
export interface Slot {
  readonly name: string;
  /** First value of all elements; `weight` starts with a copy of the weight. */
  readonly initial: number | 'weight';
  /** Shape for a weight, `undefined` where that weight has no such slot. Left out: the shape of the weight. */
  shape?(weight: WeightInfo): Shape | undefined;
}

/** Shape of a slot for a weight; `undefined` where the weight has no such slot. */
export const slotShape = (slot: Slot, weight: WeightInfo): Shape | undefined =>
  slot.shape === undefined ? weight.shape : slot.shape(weight);

/** What a rule reads. `step` counts updates from 1; it and `learningRate` are float32 scalars. */
export interface UpdateInputs {
  /** Path of the weight; none for an elementwise rule, whose kernel runs over many weights at once. */
  readonly path?: string | undefined;
  readonly weight: Value;
  readonly gradient: Value;
  readonly learningRate: Value;
  readonly step: Value;
  /** Value of a slot before the update. */
  slot(name: string): Value;
  /** Value of a shared slot after {@link SharedRule.update}. */
  shared(name: string): Value;
}

/** New weight and slots. */
export interface Update {
  readonly weight: Value;
  readonly slots: Readonly<Record<string, Value>>;
}

/** What a whole step reads, clipping and weight decay included. */
export interface StepInputs extends UpdateInputs {
  /** Scalar: sum of squares of the gradient, or of all gradients; where {@link Optimizer.clipsByNorm} asks for it. */
  readonly squaredNorm?: Value | undefined;
  /** Scalar; left out where there is no decay. */
  readonly weightDecay?: Value | undefined;
}

/** All trainable weights side by side, the gradients of the loss there, and the loss. */
export interface SearchPoint {
  readonly weights: Float32Array;
  readonly gradients: Float32Array;
  readonly loss: number;
}

/**
 * Moves all weights in place, with several evaluations.
 * @param evaluate - the loss at the weights as they are now; renews the gradients
 */
export type Search = (
  point: SearchPoint,
  evaluate: () => Promise<number>,
  learningRate: number,
) => Promise<void>;

/** Scalars that all weights share, updated once a step before the weights. */
export interface SharedRule {
  readonly slots: readonly { readonly name: string; readonly initial: number }[];
  update(shared: (name: string) => Value, step: Value): Readonly<Record<string, Value>>;
}

const optional = (schema: z.ZodNumber) => schema.nullable().default(null);
const positive = z.number().positive('expected a number above 0');
const fraction = z.number().min(0, 'expected a number in [0, 1]').max(1, 'expected a number in [0, 1]');

/** A number or a schedule; bad options of a schedule are told in its own words. */
const learningRateOption = deferred(() =>
  z.union([z.number(), schedules.option()], {
    error: ({ errors }) => {
      const issues = (errors as readonly (readonly z.core.$ZodIssue[])[]).flat();
      return (
        issues.find((i) => i.code === 'custom')?.message ?? 'expected a number or a learning rate schedule'
      );
    },
  }),
);

/** Options that every optimizer has. */
export const commonOptions = (learningRate: number) => ({
  name: z.string().optional(),
  learningRate: learningRateOption.default(learningRate),
  /** Fraction of each weight, times the learning rate, taken off before a step. */
  weightDecay: optional(z.number()),
  /** Longest gradient of one weight tensor; longer ones are scaled down. */
  clipnorm: optional(positive),
  /** Longest gradient of all weights together. */
  globalClipnorm: optional(positive),
  /** Gradient elements are held within plus and minus this. */
  clipvalue: optional(positive),
  /** Whether running means of the weights are kept, which replace the weights after training. */
  useEma: z.boolean().default(false),
  emaMomentum: fraction.default(0.99),
  /** Updates between two replacements of the weights by their running means during training. */
  emaOverwriteFrequency: optional(z.int().min(1, 'expected a whole number of at least 1')),
  /** What the loss is multiplied by, to be divided out of the gradients. */
  lossScaleFactor: optional(positive),
  /** Batches whose mean gradient makes one update. */
  gradientAccumulationSteps: optional(z.int().min(2, 'expected a whole number of at least 2')),
});

interface CommonOptions {
  readonly name?: string | undefined;
  readonly learningRate: number | LearningRateSchedule;
  readonly weightDecay: number | null;
  readonly clipnorm: number | null;
  readonly globalClipnorm: number | null;
  readonly clipvalue: number | null;
  readonly useEma: boolean;
  readonly emaMomentum: number;
  readonly emaOverwriteFrequency: number | null;
  readonly lossScaleFactor: number | null;
  readonly gradientAccumulationSteps: number | null;
}
export type OptimizerSchema = z.ZodType<CommonOptions>;

/** Starts as the weight: that is the mean until the first update, and stays it for a weight that has none. */
const averageSlot: Slot = { name: 'average', initial: 'weight' };
const accumulatorSlot: Slot = { name: 'gradientAccumulator', initial: 0 };

/**
 * A rule that turns gradients into new weights, written once, with `tfk.ops`. An elementwise rule runs on the CPU as a
 * SIMD kernel over all parameters; elsewhere, and where the rule looks at whole tensors, it is part of the graph.
 */
export abstract class Optimizer<S extends OptimizerSchema = OptimizerSchema> extends Configured<S> {
  readonly #undecayed: RegExp[] = [];
  readonly #rateFactors: { readonly pattern: RegExp; readonly factor: number }[] = [];
  readonly shared?: SharedRule;

  constructor(options: z.input<S>) {
    super(options);
    const given = (['clipnorm', 'globalClipnorm', 'clipvalue'] as const).filter(
      (k) => this.options[k] !== null,
    );
    if (given.length <= 1) return;
    throw new ConfigError(
      `${this.className}: expected at most one of clipnorm, globalClipnorm and clipvalue. Received ${given.join(' and ')}.`,
      { op: this.className, argument: given.join(', ') },
    );
  }

  /**
   * The slots of the rule, in checkpoint order: those of a group alternate per weight, as in
   * `kernel_momentum, kernel_velocity, bias_momentum, bias_velocity`.
   */
  protected abstract readonly ruleSlots: readonly (readonly Slot[])[];

  /** The rule itself. */
  protected abstract update(inputs: UpdateInputs): Update;

  /** A hook: what makes a step in place of the rule, by evaluating the loss several times. It has a state of its own. */
  search?(): Search;

  /** Whether {@link update} treats all elements of all weights alike, one by one. */
  get elementwise(): boolean {
    return true;
  }

  /** Weight decay of a weight before exclusions; `null` for none. */
  protected decayOf(_weight: WeightInfo): number | null {
    return this.options.weightDecay;
  }

  get name(): string {
    return this.options.name ?? snakeCase(this.className);
  }

  /** All slots by group, in checkpoint order: running mean, accumulator, those of the rule. */
  get slotGroups(): readonly (readonly Slot[])[] {
    const { useEma, gradientAccumulationSteps } = this.options;
    return [
      ...(useEma ? [[averageSlot]] : []),
      ...(gradientAccumulationSteps === null ? [] : [[accumulatorSlot]]),
      ...this.ruleSlots,
    ];
  }

  /** All slots. */
  get slots(): readonly Slot[] {
    return this.slotGroups.flat();
  }

  /** Slots that {@link step} reads and writes. */
  get stepSlots(): readonly Slot[] {
    return this.ruleSlots.flat();
  }

  /** Over what a step needs the sum of squared gradients: each weight, all weights, or not at all. */
  get clipsByNorm(): 'each' | 'all' | undefined {
    if (this.options.clipnorm !== null) return 'each';
    return this.options.globalClipnorm !== null ? 'all' : undefined;
  }

  /** Learning rate after `iteration` batches by the options; a schedule decides anew each time. */
  learningRateAt(iteration: number): number {
    const { learningRate } = this.options;
    return typeof learningRate === 'number' ? learningRate : learningRate.value(iteration);
  }

  /**
   * Keeps weight decay away from weights.
   * @param patterns - regular expressions, or their text, found anywhere in the path of a weight
   */
  excludeFromWeightDecay(...patterns: readonly (string | RegExp)[]): void {
    for (const pattern of patterns) this.#undecayed.push(new RegExp(pattern));
  }

  /** Weight decay of a weight; `null` where the optimizer has none. */
  weightDecayOf(weight: WeightInfo): number | null {
    const decay = this.decayOf(weight);
    return decay !== null && this.#undecayed.some((pattern) => pattern.test(weight.path)) ? 0 : decay;
  }

  /**
   * Multiplies the learning rate of some weights, e.g. by 0.1 below a pretrained backbone. The last call that names a
   * weight counts.
   * @param factor - at least 0
   * @param patterns - regular expressions, or their text, found anywhere in the path of a weight
   * @throws {@link ConfigError} for a negative factor
   */
  scaleLearningRate(factor: number, ...patterns: readonly (string | RegExp)[]): void {
    if (!(factor >= 0)) {
      throw new ConfigError(
        `${this.className}: scaleLearningRate takes a factor of at least 0. Received ${factor}.`,
        { op: this.className, argument: 'factor', received: String(factor) },
      );
    }
    for (const pattern of patterns) this.#rateFactors.push({ pattern: new RegExp(pattern), factor });
  }

  /** What {@link scaleLearningRate} was told about a weight, else 1. */
  rateFactorOf({ path }: WeightInfo): number {
    return this.#rateFactors.findLast(({ pattern }) => pattern.test(path))?.factor ?? 1;
  }

  /** Whether the batch after `iteration` others completes an update; always, without accumulation. */
  completes(iteration: number): boolean {
    return (iteration + 1) % (this.options.gradientAccumulationSteps ?? 1) === 0;
  }

  /** Number of the update, from 1, that the batch after `iteration` others belongs to. */
  stepAfter(iteration: Value): Value {
    const batches = this.options.gradientAccumulationSteps;
    return add(batches === null ? iteration : floor(div(iteration, batches)), 1);
  }

  /**
   * Adds up the gradients of several batches.
   * @returns on the last batch their mean and an empty accumulator, before it the growing accumulator
   */
  accumulate(
    gradient: Value,
    accumulator: Value,
    iteration: Value,
  ): Record<'gradient' | 'accumulator', Value> {
    const batches = this.options.gradientAccumulationSteps ?? 1;
    const last = this.completing(iteration);
    const total = add(gradient, accumulator);
    return { gradient: mul(total, 1 / batches), accumulator: where(last, 0, total) };
  }

  /** {@link completes} as a scalar of the graph. */
  completing(iteration: Value): Value {
    return equal(mod(add(iteration, 1), this.options.gradientAccumulationSteps ?? 1), 0);
  }

  /** Clips the gradient, decays the weight, then applies the rule. */
  step(inputs: StepInputs): Update {
    const { weight, weightDecay, learningRate } = inputs;
    const gradient = this.#clip(inputs.gradient, inputs.squaredNorm);
    if (weightDecay === undefined) return this.update({ ...inputs, gradient });
    const decayed = sub(weight, mul(weight, mul(weightDecay, learningRate)));
    return this.update({ ...inputs, gradient, weight: decayed });
  }

  /** `average' = m * average + (1 - m) * weight` with `m = emaMomentum`, but 0 at the first step. */
  average(weight: Value, average: Value, step: Value): Record<'weight' | 'average', Value> {
    const { emaMomentum, emaOverwriteFrequency } = this.options;
    const momentum = mul(cast(greater(step, 1), step.dtype), emaMomentum);
    const mean = add(mul(average, momentum), mul(weight, sub(1, momentum)));
    if (emaOverwriteFrequency === null) return { weight, average: mean };
    return { weight: where(equal(mod(step, emaOverwriteFrequency), 0), mean, weight), average: mean };
  }

  /** `g / lossScaleFactor`, then `g * limit / max(norm, limit)` or `clip(g, -limit, limit)`. */
  #clip(gradient: Value, squaredNorm: Value | undefined): Value {
    const { clipnorm, globalClipnorm, clipvalue, lossScaleFactor } = this.options;
    const limit = clipnorm ?? globalClipnorm;
    const scaled = lossScaleFactor === null ? gradient : mul(gradient, 1 / lossScaleFactor);
    if (clipvalue !== null) return clip(scaled, -clipvalue, clipvalue);
    if (limit === null || squaredNorm === undefined) return scaled;
    const norm = div(sqrt(squaredNorm), lossScaleFactor ?? 1);
    return mul(scaled, div(limit, maximum(norm, limit)));
  }
}
export type OptimizerSpec = Spec<Optimizer>;
export const optimizers = new ConfiguredRegistry<Optimizer>('optimizer');
