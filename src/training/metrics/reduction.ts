import type * as z from 'zod';
import { Configured } from '../../core/configured.ts';
import { snakeCase } from '../../core/registry.ts';
import { formatShape } from '../../core/shape.ts';
import { type Tensor, type TensorLike, tensor } from '../../core/tensor.ts';
import { ShapeError } from '../../errors.ts';
import { metricOptions, ratio } from '../metric.ts';

/** Sums of some values: with their weights, of the weights, and how many values belong to a sample. */
interface Sums {
  readonly total: number;
  readonly weight: number;
  readonly perSample: number;
}

/**
 * A figure over values that come by and by, kept by hand: in a training loop of your own, in a callback. What `compile`
 * takes compares targets and predictions; these take plain values.
 * @source keras/src/metrics/reduction_metrics.py
 */
abstract class Reduction extends Configured<typeof metricOptions> {
  static override readonly schema = metricOptions;

  constructor(options: z.input<typeof metricOptions> = {}) {
    super(options);
  }

  /** The option `name`, or Keras's id of the class. */
  get name(): string {
    return this.options.name ?? snakeCase(this.className);
  }

  /**
   * Takes in more values.
   * @param values - `[batch, ...]`, or one number
   * @param sampleWeight - `[batch]` or `[batch, ...]`, the first axes of `values`
   * @throws {@link ShapeError} when the weights do not fit the values
   */
  updateState(values: TensorLike, sampleWeight?: TensorLike): void {
    this.add(sumsOf(tensor(values), sampleWeight === undefined ? undefined : tensor(sampleWeight)));
  }

  protected abstract add(sums: Sums): void;

  /** The figure so far; 0 before the first values. */
  abstract result(): number;

  /** Starts anew. */
  abstract resetState(): void;
}

/** The (weighted) sum of values. */
export class Sum extends Reduction {
  static override readonly className = 'Sum';
  #total = 0;

  protected add({ total }: Sums): void {
    this.#total += total;
  }

  result(): number {
    return this.#total;
  }

  resetState(): void {
    this.#total = 0;
  }
}
/** The (weighted) sum of values. @example `const steps = tfk.metrics.sum(); steps.updateState([1, 3]);` */
export const sum = (options: z.input<typeof metricOptions> = {}): Sum => new Sum(options);

/** The (weighted) mean of values; of several values of a sample their mean counts. */
export class Mean extends Reduction {
  static override readonly className = 'Mean';
  #total = 0;
  #count = 0;

  protected add({ total, weight, perSample }: Sums): void {
    this.#total += total / perSample;
    this.#count += weight / perSample;
  }

  result(): number {
    return ratio(this.#total, this.#count);
  }

  resetState(): void {
    this.#total = 0;
    this.#count = 0;
  }
}
/** The (weighted) mean of values. @example `const loss = tfk.metrics.mean(); loss.updateState(0.5); loss.result()` */
export const mean = (options: z.input<typeof metricOptions> = {}): Mean => new Mean(options);

function sumsOf(values: Tensor, weights: Tensor | undefined): Sums {
  const perSample = values.rank === 0 ? 1 : values.size / Math.max(1, values.shape[0] as number);
  const inner = weights === undefined ? 1 : elementsPerWeight(values, weights);
  let [total, weight] = [0, 0];
  for (let i = 0; i < values.size; i++) {
    const w = weights === undefined ? 1 : Number(weights.data[Math.floor(i / inner)]);
    total += w * Number(values.data[i]);
    weight += w;
  }
  return { total, weight, perSample };
}

/** How many values in a row have one weight: weights go along the first axes, further ones of size 1 say nothing. */
function elementsPerWeight(values: Tensor, weights: Tensor): number {
  const shape = [...weights.shape];
  while (shape.at(-1) === 1 && values.shape[shape.length - 1] !== 1) shape.pop();
  if (shape.every((n, axis) => n === values.shape[axis])) return values.size / weights.size;
  throw new ShapeError(
    `updateState: expected sample weights of shape [batch] or [batch, ...], the first axes of the values ` +
      `${formatShape(values.shape)}. Received ${formatShape(weights.shape)}.`,
    { argument: 'sampleWeight', expected: formatShape(values.shape), received: formatShape(weights.shape) },
  );
}
