import { z } from 'zod';
import { normalizeAxis } from '../core/shape.ts';
import type { Value } from '../ir/graph.ts';
import { affine, batchMoments, batchNormalize } from '../ops/batch-normalization.ts';
import { add, mul, rsqrt, sub } from '../ops/index.ts';
import { filled } from '../ops/support.ts';
import {
  type CallOptions,
  knownSize,
  Layer,
  layerOptions,
  type PartialShapes,
  type Values,
} from './layer.ts';
import { constraintOption, initializerOption, regularizerOption } from './options.ts';
import { registerLayer } from './registry.ts';
import type { Weight } from './weight.ts';

const schema = layerOptions.extend({
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
});

/**
 * Batch normalization: `y = gamma * (x - mean) / sqrt(variance + epsilon) + beta` for each channel.
 *
 * While training (and not frozen) mean and population variance are those of the batch and move the averages that
 * inference uses. Weights: `gamma`, `beta`, then `moving_mean`, `moving_variance` (not trained), each `[channels]`.
 * @source Ioffe & Szegedy 2015; keras/src/layers/normalization/batch_normalization.py
 */
export class BatchNormalization extends Layer<typeof schema> {
  static override readonly className = 'BatchNormalization';
  static override readonly schema = schema;
  #gamma: Weight | undefined;
  #beta: Weight | undefined;
  #movingMean!: Weight;
  #movingVariance!: Weight;

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
    if (!training || !this.trainable) {
      const scale = mul(gamma, rsqrt(add(this.#movingVariance.value, epsilon)));
      return affine(x, scale, sub(beta, mul(this.#movingMean.value, scale)), channels);
    }
    const { mean, variance } = batchMoments(x, channels);
    this.#moveAverage(this.#movingMean, mean);
    this.#moveAverage(this.#movingVariance, variance);
    return batchNormalize(x, gamma, beta, channels, epsilon);
  }

  #moveAverage(average: Weight, batch: Value): void {
    const { momentum } = this.options;
    average.assign(add(mul(average.value, momentum), mul(batch, 1 - momentum)));
  }
}

/** Batch normalization over all axes but `axis`. @see {@link BatchNormalization} */
export const batchNormalization = (options: z.input<typeof schema> = {}): BatchNormalization =>
  new BatchNormalization(options);
registerLayer(BatchNormalization, [
  { inputs: [[null, 4]] },
  { options: { axis: 1, scale: false }, inputs: [[null, 3, 2, 2]] },
  { options: { center: false, momentum: 0.5 }, inputs: [[null, 2, 2, 3]] },
]);
