import * as z from 'zod';
import { deferred } from '../../core/deferred.ts';
import * as losses from '../losses/index.ts';
import { metricOptions, metrics } from '../metric.ts';
import { LossMetric } from './mean.ts';

type PlainOptions = z.input<typeof metricOptions>;

/** Mean Kullback-Leibler divergence of predicted from true distributions. @source keras/src/metrics/probabilistic_metrics.py */
export class KLDivergence extends LossMetric<typeof metricOptions> {
  static override readonly className = 'KLDivergence';
  protected readonly loss = losses.klDivergence();
}
/** Mean Kullback-Leibler divergence of predicted from true distributions. */
export const klDivergence = (options: PlainOptions = {}): KLDivergence => new KLDivergence(options);
metrics.register(KLDivergence, 'kld', 'kullbackLeiblerDivergence');

/** Mean of `yPred - yTrue * ln(yPred + 1e-7)`. @source keras/src/metrics/probabilistic_metrics.py */
export class Poisson extends LossMetric<typeof metricOptions> {
  static override readonly className = 'Poisson';
  protected readonly loss = losses.poisson();
}
/** Mean of `yPred - yTrue * ln(yPred + 1e-7)`. */
export const poisson = (options: PlainOptions = {}): Poisson => new Poisson(options);
metrics.register(Poisson);

/** Mean of `max(1 - yTrue * yPred, 0)`. @source keras/src/metrics/hinge_metrics.py */
export class Hinge extends LossMetric<typeof metricOptions> {
  static override readonly className = 'Hinge';
  protected readonly loss = losses.hinge();
}
/** Mean of `max(1 - yTrue * yPred, 0)`. */
export const hinge = (options: PlainOptions = {}): Hinge => new Hinge(options);
metrics.register(Hinge);

/** Mean of `max(1 - yTrue * yPred, 0)^2`. @source keras/src/metrics/hinge_metrics.py */
export class SquaredHinge extends LossMetric<typeof metricOptions> {
  static override readonly className = 'SquaredHinge';
  protected readonly loss = losses.squaredHinge();
}
/** Mean of `max(1 - yTrue * yPred, 0)^2`. */
export const squaredHinge = (options: PlainOptions = {}): SquaredHinge => new SquaredHinge(options);
metrics.register(SquaredHinge);

/** Mean categorical hinge loss. @source keras/src/metrics/hinge_metrics.py */
export class CategoricalHinge extends LossMetric<typeof metricOptions> {
  static override readonly className = 'CategoricalHinge';
  protected readonly loss = losses.categoricalHinge();
}
/** Mean categorical hinge loss. */
export const categoricalHinge = (options: PlainOptions = {}): CategoricalHinge =>
  new CategoricalHinge(options);
metrics.register(CategoricalHinge);

const fromLogits = z.boolean().default(false);
const labelSmoothing = z.number().min(0).max(1).default(0);
const axis = z.int().default(-1);

const binarySchema = deferred(() => metricOptions.extend({ fromLogits, labelSmoothing }));
/** Mean cross-entropy of independent yes-no questions. @source keras/src/metrics/probabilistic_metrics.py */
export class BinaryCrossentropy extends LossMetric<typeof binarySchema> {
  static override readonly className = 'BinaryCrossentropy';
  static override readonly schema = binarySchema;
  protected readonly loss = losses.binaryCrossentropy(lossOptions(this.options));
}
/** Mean cross-entropy of independent yes-no questions. */
export const binaryCrossentropy = (options: z.input<typeof binarySchema> = {}): BinaryCrossentropy =>
  new BinaryCrossentropy(options);
metrics.register(BinaryCrossentropy, 'bce');

const categoricalSchema = deferred(() => metricOptions.extend({ fromLogits, labelSmoothing, axis }));
/** Mean cross-entropy of one-hot targets. @source keras/src/metrics/probabilistic_metrics.py */
export class CategoricalCrossentropy extends LossMetric<typeof categoricalSchema> {
  static override readonly className = 'CategoricalCrossentropy';
  static override readonly schema = categoricalSchema;
  protected readonly loss = losses.categoricalCrossentropy(lossOptions(this.options));
}
/** Mean cross-entropy of one-hot targets. */
export const categoricalCrossentropy = (
  options: z.input<typeof categoricalSchema> = {},
): CategoricalCrossentropy => new CategoricalCrossentropy(options);
metrics.register(CategoricalCrossentropy);

const sparseSchema = deferred(() =>
  metricOptions.extend({
    fromLogits,
    ignoreClass: z.int().nullable().default(null),
    axis,
  }),
);
/** Mean cross-entropy of class numbers; entries of `ignoreClass` do not count. @source keras/src/metrics/probabilistic_metrics.py */
export class SparseCategoricalCrossentropy extends LossMetric<typeof sparseSchema> {
  static override readonly className = 'SparseCategoricalCrossentropy';
  static override readonly schema = sparseSchema;
  protected readonly loss = losses.sparseCategoricalCrossentropy(lossOptions(this.options));
}
/** Mean cross-entropy of class numbers. */
export const sparseCategoricalCrossentropy = (
  options: z.input<typeof sparseSchema> = {},
): SparseCategoricalCrossentropy => new SparseCategoricalCrossentropy(options);
metrics.register(SparseCategoricalCrossentropy);

/** The options that a metric shares with its loss: all but its name. */
function lossOptions<T extends { readonly name?: string | undefined }>({ name: _, ...options }: T) {
  return options;
}
