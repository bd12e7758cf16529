import * as z from 'zod';
import { deferred } from '../core/deferred.ts';
import { anyNumber, parseState, type State, tensorState } from '../core/state.ts';
import { Tensor } from '../core/tensor.ts';
import type { Logs } from './callback.ts';
import type { OutputMetric } from './compile.ts';
import type { Step } from './step.ts';

const resultsSchema = deferred(() =>
  z.strictObject({
    samples: z.number(),
    lossKeys: z.array(z.string()),
    losses: z.record(z.string(), anyNumber),
    sums: z.record(z.string(), z.record(z.string(), tensorState)),
    logs: z.record(z.string(), anyNumber),
  }),
);

/** Running loss and metrics over the batches of an epoch, in float64. */
export class RunningResults {
  readonly #losses = new Map<string, number>();
  readonly #sums = new Map<
    OutputMetric['key'],
    { metric: OutputMetric; sums: Record<string, Float64Array> }
  >();
  #samples = 0;
  #lossKeys: readonly string[] = [];
  /** Sums and results from before the run was resumed; a metric takes its sums when its first batch comes. */
  #before: Pick<z.output<typeof resultsSchema>, 'sums' | 'logs'> = { sums: {}, logs: {} };

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
      entry = { metric, sums: mapValues(this.#before.sums[metric.key] ?? {}, numbers) };
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
    const logs: Logs = { ...this.#before.logs };
    for (const key of this.#lossKeys) logs[key] = (this.#losses.get(key) ?? 0) / Math.max(1, this.#samples);
    for (const [key, { metric, sums }] of this.#sums) logs[key] = metric.metric.result(sums);
    return logs;
  }

  /** The sums, so that a run can go on in the middle of an epoch. */
  state(): State {
    const before = Object.entries(this.#before.sums);
    const now = [...this.#sums].map(([key, { sums }]) => [key, mapValues(sums, asTensor)] as const);
    return {
      samples: this.#samples,
      lossKeys: this.#lossKeys,
      losses: Object.fromEntries(this.#losses),
      sums: Object.fromEntries([...before, ...now]),
      logs: this.logs(),
    };
  }

  /** Goes on from {@link state}. @throws {@link FormatError} */
  restore(state: State): void {
    const { samples, lossKeys, losses, sums, logs } = parseState(resultsSchema, state, 'results');
    this.#samples = samples;
    this.#lossKeys = lossKeys;
    for (const [key, value] of Object.entries(losses)) this.#losses.set(key, value);
    this.#before = { sums, logs };
  }
}

const numbers = ({ data }: Tensor): Float64Array => Float64Array.from(data as Float64Array);

const asTensor = (sums: Float64Array): Tensor => new Tensor('float64', [sums.length], sums);

const mapValues = <T, U>(record: Readonly<Record<string, T>>, f: (value: T) => U): Record<string, U> =>
  Object.fromEntries(Object.entries(record).map(([key, value]) => [key, f(value)]));
