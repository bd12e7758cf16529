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

  /** Adds the results of a step's last run: losses weighted by batch size, statistics summed. */
  add({ step, memory, size, repeats }: Step): void {
    const { losses, statistics } = step.outputs;
    this.#samples += size * repeats;
    this.#lossKeys = losses;
    for (let i = 0; i < losses.length; i++) {
      const key = losses[i] as string;
      let sum = this.#losses.get(key) ?? 0;
      for (const value of memory.losses[i] as Float32Array) sum += value * size;
      this.#losses.set(key, sum);
    }
    for (let i = 0; i < statistics.length; i++) {
      const { metric, name } = statistics[i] as (typeof statistics)[number];
      this.#accumulate(metric, name, memory.statistics[i] as Float32Array, repeats);
    }
  }

  #accumulate(metric: OutputMetric, name: string, batches: Float32Array, repeats: number): void {
    let entry = this.#sums.get(metric.key);
    if (entry === undefined) {
      entry = { metric, sums: {} };
      this.#sums.set(metric.key, entry);
    }
    const size = batches.length / repeats;
    entry.sums[name] ??= new Float64Array(size);
    const sums = entry.sums[name] as Float64Array;
    for (let i = 0; i < batches.length; i++)
      sums[i % size] = (sums[i % size] as number) + (batches[i] as number);
  }

  /** Loss and metrics so far, in the order they are reported. */
  logs(): Logs {
    const logs: Logs = {};
    for (const key of this.#lossKeys) logs[key] = (this.#losses.get(key) ?? 0) / Math.max(1, this.#samples);
    for (const [key, { metric, sums }] of this.#sums) logs[key] = metric.metric.result(sums);
    return logs;
  }
}
