import * as z from 'zod';
import { Configured, ConfiguredRegistry, type Spec } from '../core/configured.ts';
import { deferred } from '../core/deferred.ts';
import { snakeCase } from '../core/registry.ts';
import type { Value } from '../ir/graph.ts';

/** Options of every metric. */
export const metricOptions = deferred(() =>
  z.strictObject({
    /** Key in logs and history; the id of the metric where left out. */
    name: z.string().optional(),
  }),
);

/** Statistics of the batches so far, summed in float64. */
export type MetricSums = Readonly<Record<string, Float64Array>>;

/**
 * A figure of quality over many batches. Everything a metric keeps is a sum over batches: `update` gives a batch's
 * part as values of the graph, `result` turns the sums into the figure.
 */
export abstract class Metric<S extends z.ZodType = z.ZodType> extends Configured<S> {
  static override readonly schema: z.ZodType = metricOptions;

  /** Key in logs: the option `name`, or Keras's id of the class, e.g. `mean_squared_error`. */
  get name(): string {
    return (this.options as z.output<typeof metricOptions>).name ?? snakeCase(this.className);
  }

  /** This batch's statistics, by name; shapes must not depend on the batch size. */
  abstract update(
    yTrue: Value,
    yPred: Value,
    sampleWeight: Value | undefined,
  ): Readonly<Record<string, Value>>;

  /** The figure; 0 before the first batch. */
  abstract result(sums: MetricSums): number;

  /** Whether more is better (`max`), less is (`min`), or neither is known. */
  get direction(): 'max' | 'min' | undefined {
    return undefined;
  }
}

/** `a / b`, and 0 where `b` is 0. */
export const ratio = (a: number, b: number): number => (b === 0 ? 0 : a / b);

/** A statistic with one element; 0 before the first batch. */
export const scalarSum = (sums: MetricSums, name: string): number => sums[name]?.[0] ?? 0;

export type MetricSpec = Spec<Metric>;
export const metrics = new ConfiguredRegistry<Metric>('metric');
