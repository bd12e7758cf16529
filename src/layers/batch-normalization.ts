import * as z from 'zod';
import { deferred } from '../core/deferred.ts';
import { formatShape, normalizeAxis } from '../core/shape.ts';
import { ShapeError } from '../errors.ts';
import type { Value } from '../ir/graph.ts';
import { affine, batchMoments, batchNormalize } from '../ops/batch-normalization.ts';
import {
  add,
  broadcastTo,
  cast,
  div,
  expandDims,
  mul,
  reduceSum,
  reshape,
  rsqrt,
  square,
  sub,
  where,
} from '../ops/index.ts';
import { filled } from '../ops/support.ts';
import type { CallSignature } from './call-arguments.ts';
import {
  type CallOptions,
  knownSize,
  Layer,
  layerOptions,
  type PartialShapes,
  type Values,
} from './layer.ts';
import { maskOf } from './masks.ts';
import { constraintOption, initializerOption, regularizerOption } from './options.ts';
import { registerLayer } from './registry.ts';
import type { Weight } from './weight.ts';

const schema = deferred(() =>
  layerOptions.extend({
    /** Axis of the channels. */
    axis: z.int().default(-1),
    /** Weight of the old moving average: `new = old * momentum + batch * (1 - momentum)`. */
    momentum: z.number().default(0.99),
    epsilon: z.number().positive().default(1e-3),
    /** Adds the weight `beta`. */
    center: z.boolean().default(true),
    /** Multiplies by the weight `gamma`. */
    scale: z.boolean().default(true),
    betaInitializer: initializerOption('zeros'),
    gammaInitializer: initializerOption('ones'),
    movingMeanInitializer: initializerOption('zeros'),
    movingVarianceInitializer: initializerOption('ones'),
    betaRegularizer: regularizerOption(),
    gammaRegularizer: regularizerOption(),
    betaConstraint: constraintOption(),
    gammaConstraint: constraintOption(),
  }),
);

/**
 * Batch normalization: `y = gamma * (x - mean) / sqrt(variance + epsilon) + beta` for each channel.
 *
 * While training (and not frozen) mean and population variance are those of what counts in the batch, and move the
 * averages that inference uses. Weights: `gamma`, `beta`, then `moving_mean`, `moving_variance` (not trained), each `[channels]`.
 * @source Ioffe & Szegedy 2015; keras/src/layers/normalization/batch_normalization.py
 */
export class BatchNormalization extends Layer<typeof schema> {
  static override readonly className = 'BatchNormalization';
  static override readonly schema = schema;
  #gamma: Weight | undefined;
  #beta: Weight | undefined;
  #movingMean!: Weight;
  #movingVariance!: Weight;

  protected override get supportsMasking(): boolean {
    return true;
  }

  override get signature(): CallSignature {
    return { masks: ['mask'] };
  }

  override build([shape]: PartialShapes): void {
    const o = this.options;
    const size = [knownSize(shape, normalizeAxis(o.axis, shape.length, 'axis'), 'number of channels')];
    if (o.scale) {
      const { gammaInitializer: initializer, gammaRegularizer: regularizer, gammaConstraint: constraint } = o;
      this.#gamma = this.addWeight('gamma', size, { initializer, regularizer, constraint });
    }
    if (o.center) {
      const { betaInitializer: initializer, betaRegularizer: regularizer, betaConstraint: constraint } = o;
      this.#beta = this.addWeight('beta', size, { initializer, regularizer, constraint });
    }
    this.#movingMean = this.addWeight('moving_mean', size, {
      initializer: o.movingMeanInitializer,
      trainable: false,
    });
    this.#movingVariance = this.addWeight('moving_variance', size, {
      initializer: o.movingVarianceInitializer,
      trainable: false,
    });
  }

  call([x]: Values, { training }: CallOptions): Value {
    const channels = normalizeAxis(this.options.axis, x.rank, 'axis');
    const { epsilon } = this.options;
    const each = (value: number): Value => filled([x.shape[channels] as number], value, x.dtype);
    const [gamma, beta] = [this.#gamma?.value ?? each(1), this.#beta?.value ?? each(0)];
    const standardized = (mean: Value, variance: Value): Value => {
      const scale = mul(gamma, rsqrt(add(variance, epsilon)));
      return affine(x, scale, sub(beta, mul(mean, scale)), channels);
    };
    if (!training || !this.trainable) return standardized(this.#movingMean.value, this.#movingVariance.value);
    const mask = maskOf(x);
    const { mean, variance } = mask ? maskedMoments(x, mask, channels) : batchMoments(x, channels);
    this.#moveAverage(this.#movingMean, mean);
    this.#moveAverage(this.#movingVariance, variance);
    return mask ? standardized(mean, variance) : batchNormalize(x, gamma, beta, channels, epsilon);
  }

  #moveAverage(average: Weight, batch: Value): void {
    const { momentum } = this.options;
    average.assign(add(mul(average.value, momentum), mul(batch, 1 - momentum)));
  }
}

/**
 * Mean and population variance of what `mask` lets pass, for each channel.
 * @throws {@link ShapeError} when the mask does not have all axes but the last
 */
function maskedMoments(x: Value, mask: Value, axis: number): { mean: Value; variance: Value } {
  if (mask.rank !== x.rank - 1) {
    throw new ShapeError(
      `expected a mask of ${x.rank - 1} axes, one less than the input. Received ${formatShape(mask.shape)}.`,
      { expected: `${x.rank - 1} axes`, received: formatShape(mask.shape) },
    );
  }
  const others = x.shape.flatMap((_, i) => (i === axis ? [] : [i]));
  const counts = broadcastTo(expandDims(mask, -1), x.shape);
  const total = add(reduceSum(cast(counts, x.dtype), others), 1e-7);
  const average = (values: Value): Value => div(reduceSum(where(counts, values, 0), others), total);
  const mean = average(x);
  const aligned = x.shape.map((n, i) => (i === axis ? n : 1));
  return { mean, variance: average(square(sub(x, reshape(mean, aligned)))) };
}

/** Batch normalization over all axes but `axis`. @see {@link BatchNormalization} */
export const batchNormalization = (options: z.input<typeof schema> = {}): BatchNormalization =>
  new BatchNormalization(options);
registerLayer(BatchNormalization, [
  { inputs: [[null, 4]] },
  { options: { axis: 1, scale: false }, inputs: [[null, 3, 2, 2]] },
  { options: { center: false, momentum: 0.5 }, inputs: [[null, 2, 2, 3]] },
]);
