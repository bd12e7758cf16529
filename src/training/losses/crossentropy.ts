import * as z from 'zod';
import { deferred } from '../../core/deferred.ts';
import type { Value } from '../../ir/graph.ts';
import {
  add,
  clip,
  div,
  exp,
  log,
  mul,
  neg,
  pow,
  reduceMean,
  reduceSum,
  sigmoid,
  sub,
} from '../../ops/index.ts';
import { losses, type lossOptions } from '../loss.ts';
import { epsilon, PairLoss } from './pair-loss.ts';
import { binaryEntropy, logProbabilities, smooth, smoothedOptions } from './probabilities.ts';

/**
 * `mean(-t * ln(p) - (1 - t) * ln(1 - p))` over `axis`, for any number of independent yes-no questions.
 *
 * Where predictions are the result of a sigmoid, the loss is computed from its input: exact and stable, also where a
 * probability has saturated (as Keras on TensorFlow does in graphs). Other probabilities are held within
 * [1e-7, 1 - 1e-7].
 * @source keras/src/losses/losses.py
 */
export class BinaryCrossentropy extends PairLoss<typeof smoothedOptions> {
  static override readonly className = 'BinaryCrossentropy';
  static override readonly schema = smoothedOptions;
  protected losses(yTrue: Value, yPred: Value): Value {
    const { fromLogits, labelSmoothing, axis } = this.options;
    return reduceMean(binaryEntropy(smooth(yTrue, labelSmoothing, 2), yPred, fromLogits), [axis]);
  }
}
/** Cross-entropy of independent yes-no questions. */
export const binaryCrossentropy = (options: z.input<typeof smoothedOptions> = {}): BinaryCrossentropy =>
  new BinaryCrossentropy(options);
losses.register(BinaryCrossentropy, 'bce');

const oneHotHint = 'Targets are one-hot rows; for class numbers use sparseCategoricalCrossentropy.';

/**
 * `-sum(t * ln(p))` over `axis`, for one-hot (or soft) targets.
 *
 * Where predictions are the result of a softmax along `axis`, the loss is computed from its input: exact and stable,
 * also where a probability has saturated (as Keras on TensorFlow does in graphs). Other probabilities are divided by
 * their sum and held within [1e-7, 1 - 1e-7].
 * @source keras/src/losses/losses.py
 */
export class CategoricalCrossentropy extends PairLoss<typeof smoothedOptions> {
  static override readonly className = 'CategoricalCrossentropy';
  static override readonly schema = smoothedOptions;
  protected override get shapeHint(): string {
    return oneHotHint;
  }
  protected losses(yTrue: Value, yPred: Value): Value {
    const { fromLogits, labelSmoothing, axis } = this.options;
    const t = smooth(yTrue, labelSmoothing, yPred.shape.at(axis) as number);
    return neg(reduceSum(mul(t, logProbabilities(yPred, axis, fromLogits)), [axis]));
  }
}
/** Cross-entropy of one-hot targets. */
export const categoricalCrossentropy = (
  options: z.input<typeof smoothedOptions> = {},
): CategoricalCrossentropy => new CategoricalCrossentropy(options);
losses.register(CategoricalCrossentropy);

/** `sum(t * ln(t / p))` over the last axis, both held within [1e-7, 1]. @source keras/src/losses/losses.py */
export class KLDivergence extends PairLoss<typeof lossOptions> {
  static override readonly className = 'KLDivergence';
  protected losses(yTrue: Value, yPred: Value): Value {
    const t = clip(yTrue, epsilon, 1);
    return reduceSum(mul(t, log(div(t, clip(yPred, epsilon, 1)))), [-1]);
  }
}
/** Kullback-Leibler divergence of two distributions. */
export const klDivergence = (options: z.input<typeof lossOptions> = {}): KLDivergence =>
  new KLDivergence(options);
losses.register(KLDivergence, 'kld', 'kullbackLeiblerDivergence');

const focalOptions = {
  /** How little well-classified examples count; 0 is plain cross-entropy. */
  gamma: z.number().nonnegative().default(2),
  /** Weight of a class, in [0, 1]. */
  alpha: z.number().min(0).max(1).default(0.25),
};

const binaryFocalSchema = deferred(() =>
  smoothedOptions.extend({
    ...focalOptions,
    /** Weighs positives by `alpha`, negatives by `1 - alpha`. */
    applyClassBalancing: z.boolean().default(false),
  }),
);
/**
 * `mean((1 - q)^gamma * entropy)` over `axis`, where `q` is the probability given to the right answer.
 * @source keras/src/losses/losses.py; https://arxiv.org/abs/1708.02002
 */
export class BinaryFocalCrossentropy extends PairLoss<typeof binaryFocalSchema> {
  static override readonly className = 'BinaryFocalCrossentropy';
  static override readonly schema = binaryFocalSchema;
  protected losses(yTrue: Value, yPred: Value): Value {
    const { fromLogits, labelSmoothing, axis, gamma, alpha, applyClassBalancing } = this.options;
    const t = smooth(yTrue, labelSmoothing, 2);
    const p = fromLogits ? sigmoid(yPred) : yPred;
    const focal = mul(pow(sub(1, blend(t, p, sub(1, p))), gamma), binaryEntropy(t, yPred, fromLogits));
    return reduceMean(applyClassBalancing ? mul(blend(t, alpha, 1 - alpha), focal) : focal, [axis]);
  }
}
/** Binary cross-entropy that looks at hard examples. */
export const binaryFocalCrossentropy = (
  options: z.input<typeof binaryFocalSchema> = {},
): BinaryFocalCrossentropy => new BinaryFocalCrossentropy(options);
losses.register(BinaryFocalCrossentropy);

/** `t * yes + (1 - t) * no`. */
const blend = (t: Value, yes: Value | number, no: Value | number): Value =>
  add(mul(t, yes), mul(sub(1, t), no));

const categoricalFocalSchema = deferred(() => smoothedOptions.extend(focalOptions));
/**
 * `-sum(alpha * (1 - p)^gamma * t * ln(p))` over `axis`, for one-hot targets.
 * @source keras/src/losses/losses.py; https://arxiv.org/abs/1708.02002
 */
export class CategoricalFocalCrossentropy extends PairLoss<typeof categoricalFocalSchema> {
  static override readonly className = 'CategoricalFocalCrossentropy';
  static override readonly schema = categoricalFocalSchema;
  protected override get shapeHint(): string {
    return 'Targets are one-hot rows.';
  }
  protected losses(yTrue: Value, yPred: Value): Value {
    const { fromLogits, labelSmoothing, axis, gamma, alpha } = this.options;
    const t = smooth(yTrue, labelSmoothing, yPred.shape.at(axis) as number);
    const logP = logProbabilities(yPred, axis, fromLogits);
    const weight = mul(pow(sub(1, exp(logP)), gamma), -alpha);
    return reduceSum(mul(weight, mul(t, logP)), [axis]);
  }
}
/** Categorical cross-entropy that looks at hard examples. */
export const categoricalFocalCrossentropy = (
  options: z.input<typeof categoricalFocalSchema> = {},
): CategoricalFocalCrossentropy => new CategoricalFocalCrossentropy(options);
losses.register(CategoricalFocalCrossentropy);
