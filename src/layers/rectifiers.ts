import * as z from 'zod';
import { deferred } from '../core/deferred.ts';
import type { Value } from '../ir/graph.ts';
import { mul, neg, relu as rectifier, sub } from '../ops/index.ts';
import * as functions from './activations.ts';
import { knownSize, Layer, layerOptions, type PartialShapes, type Values } from './layer.ts';
import { constraintOption, initializerOption, positiveInteger, regularizerOption } from './options.ts';
import { registerLayer } from './registry.ts';
import type { Weight } from './weight.ts';

const reluSchema = deferred(() =>
  layerOptions.extend({
    /** Largest result; `null` for no limit. */
    maxValue: z.number().nonnegative().nullable().default(null),
    /** Slope below `threshold`. */
    negativeSlope: z.number().nonnegative().default(0),
    /** Where the function leaves 0. */
    threshold: z.number().nonnegative().default(0),
  }),
);
/**
 * Rectifier: `y = x` above `threshold`, at most `maxValue`; `negativeSlope * (x - threshold)` below it.
 * @source keras/src/layers/activations/relu.py
 */
export class ReLU extends Layer<typeof reluSchema> {
  static override readonly className = 'ReLU';
  static override readonly schema = reluSchema;

  protected override get supportsMasking(): boolean {
    return true;
  }

  call([x]: Values): Value {
    return functions.relu(x, this.options);
  }
}
/** Rectifier: `y = max(x, 0)` by default. @see {@link ReLU} */
export const relu = (options: z.input<typeof reluSchema> = {}): ReLU => new ReLU(options);
registerLayer(ReLU, [
  { inputs: [[null, 4]], output: [null, 4] },
  { options: { maxValue: 1, negativeSlope: 0.1, threshold: 0.5 }, inputs: [[null, 2, 3]] },
]);

const leakySchema = deferred(() =>
  layerOptions.extend({
    /** Slope below 0. */
    negativeSlope: z.number().nonnegative().default(0.3),
  }),
);
/**
 * Leaky rectifier: `y = x` above 0, `negativeSlope * x` below.
 * @source keras/src/layers/activations/leaky_relu.py
 */
export class LeakyReLU extends Layer<typeof leakySchema> {
  static override readonly className = 'LeakyReLU';
  static override readonly schema = leakySchema;

  protected override get supportsMasking(): boolean {
    return true;
  }

  call([x]: Values): Value {
    return functions.leakyRelu(x, this.options.negativeSlope);
  }
}
/** Leaky rectifier: `y = x` above 0, `negativeSlope * x` below. */
export const leakyRelu = (options: z.input<typeof leakySchema> = {}): LeakyReLU => new LeakyReLU(options);
registerLayer(LeakyReLU, [{ inputs: [[null, 4]], output: [null, 4] }]);

const eluSchema = deferred(() =>
  layerOptions.extend({
    /** Minus the limit of `y` far below 0. */
    alpha: z.number().default(1),
  }),
);
/**
 * Exponential linear unit: `y = x` above 0, `alpha * (exp(x) - 1)` below.
 * @source keras/src/layers/activations/elu.py
 */
export class ELU extends Layer<typeof eluSchema> {
  static override readonly className = 'ELU';
  static override readonly schema = eluSchema;

  protected override get supportsMasking(): boolean {
    return true;
  }

  call([x]: Values): Value {
    return functions.elu(x, this.options.alpha);
  }
}
/** Exponential linear unit: `y = x` above 0, `alpha * (exp(x) - 1)` below. */
export const elu = (options: z.input<typeof eluSchema> = {}): ELU => new ELU(options);
registerLayer(ELU, [{ options: { alpha: 0.5 }, inputs: [[null, 4]], output: [null, 4] }]);

const preluSchema = deferred(() =>
  layerOptions.extend({
    alphaInitializer: initializerOption('zeros'),
    alphaRegularizer: regularizerOption(),
    alphaConstraint: constraintOption(),
    /**
     * Axes (1 is the first after the batch) along which all elements share a slope, e.g. `[1, 2]` for images.
     */
    sharedAxes: z
      .union([positiveInteger.transform((axis) => [axis]), z.array(positiveInteger)])
      .nullable()
      .default(null),
  }),
);
/**
 * Rectifier with trained slopes: `y = x` above 0, `alpha * x` below.
 *
 * Weights: `alpha`, the shape of one sample, 1 along shared axes.
 * @source He et al., ICCV 2015; keras/src/layers/activations/prelu.py
 */
export class PReLU extends Layer<typeof preluSchema> {
  static override readonly className = 'PReLU';
  static override readonly schema = preluSchema;
  #alpha!: Weight;

  protected override get supportsMasking(): boolean {
    return true;
  }

  override build([shape]: PartialShapes): void {
    const { sharedAxes, alphaInitializer, alphaRegularizer, alphaConstraint } = this.options;
    const sizes = shape
      .slice(1)
      .map((_, i) => (sharedAxes?.includes(i + 1) ? 1 : knownSize(shape, i + 1, `size of axis ${i + 1}`)));
    this.#alpha = this.addWeight('alpha', sizes, {
      initializer: alphaInitializer,
      regularizer: alphaRegularizer,
      constraint: alphaConstraint,
    });
  }

  call([x]: Values): Value {
    return sub(rectifier(x), mul(this.#alpha.value, rectifier(neg(x))));
  }
}
/** Rectifier with trained slopes. @see {@link PReLU} */
export const prelu = (options: z.input<typeof preluSchema> = {}): PReLU => new PReLU(options);
registerLayer(PReLU, [
  { inputs: [[null, 3]], output: [null, 3] },
  { options: { sharedAxes: [1, 2] }, inputs: [[null, 2, 3, 4]], output: [null, 2, 3, 4] },
]);
