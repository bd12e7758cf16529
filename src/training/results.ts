import type { Logs } from './callback.ts';
import type { OutputMetric } from './compile.ts';
import type { Step } from './step.ts';

/** Running loss and metrics over the batches of an epoch, in float64. */
export class RunningResults {
  readonly #losses = new Map<string, number>();
  readonly #sums = new Map<
    OutputMetric['key'],
    { metric: OutputMetric; sums: Record<string, Float64Array> }
  >();
  #samples = 0;
  #lossKeys: readonly string[] = [];

  reset(): void {
    this.#losses.clear();
    this.#sums.clear();
    this.#samples = 0;
  }

  /** Adds the results of a step's last run: losses weighted by batch size, statistics summed. */
  add(step: Step): void {
    const { losses, statistics } = step.step.outputs;
    this.#samples += step.size;
    this.#lossKeys = losses;
    for (let i = 0; i < losses.length; i++) {
      const key = losses[i] as string;
      const value = (step.losses[i] as Float32Array)[0] as number;
      this.#losses.set(key, (this.#losses.get(key) ?? 0) + value * step.size);
    }
    for (let i = 0; i < statistics.length; i++) {
      const { metric, name } = statistics[i] as (typeof statistics)[number];
      this.#accumulate(metric, name, step.statistics[i] as Float32Array);
    }
  }

  #accumulate(metric: OutputMetric, name: string, batch: Float32Array): void {
    let entry = this.#sums.get(metric.key);
    if (entry === undefined) {
      entry = { metric, sums: {} };
      this.#sums.set(metric.key, entry);
    }
    entry.sums[name] ??= new Float64Array(batch.length);
    const sums = entry.sums[name] as Float64Array;
    for (let i = 0; i < batch.length; i++) sums[i] = (sums[i] as number) + Number(batch[i]);
  }

  /** Loss and metrics so far, in the order they are reported. */
  logs(): Logs {
    const logs: Logs = {};
    for (const key of this.#lossKeys) logs[key] = (this.#losses.get(key) ?? 0) / Math.max(1, this.#samples);
    for (const [key, { metric, sums }] of this.#sums) logs[key] = metric.metric.result(sums);
    return logs;
  }
}
