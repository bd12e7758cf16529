import { z } from 'zod';
import { Configured, ConfiguredRegistry } from '../core/configured.ts';
import type { Trainable } from './trainable.ts';

/** Loss and metrics by key. */
export type Logs = Record<string, number>;

/** Loss and metrics of every epoch, by key. */
export type History = Record<string, number[]>;

/** What a callback sees of the run. */
export interface RunInfo {
  readonly epochs: number;
  /** Batches in an epoch, where that is known. */
  readonly steps: number | undefined;
  /** Whether epochs end with validation (not all need, with `validationFreq`). */
  readonly validates: boolean;
  readonly verbose: 0 | 1 | 2;
  /** Whether more or less of a metric is better, by key; known once the first epoch has run. */
  directions(): Readonly<Record<string, 'max' | 'min' | undefined>>;
}

/** What a callback can do to the run. */
export interface RunControl {
  readonly model: Trainable & { save(path: string, options?: { overwrite?: boolean }): Promise<void> };
  /** Ends training after the current step (`fit` then returns normally). */
  stop(): void;
  readonly stopped: boolean;
  /** The optimizer's learning rate; setting it replaces a schedule. */
  learningRate: number;
  readonly info: RunInfo;
  /** History so far. */
  readonly history: History;
}

/**
 * What happens around training: override the hooks you need; each may be async.
 * Batch hooks cost time on every step and are called only where overridden.
 */
export abstract class Callback<S extends z.ZodType = z.ZodType> extends Configured<S> {
  static override readonly schema: z.ZodType = z.strictObject({});
  /** The run this callback takes part in; set before the first hook. */
  run!: RunControl;

  constructor(options?: z.input<S>) {
    super((options ?? {}) as z.input<S>);
  }

  onTrainBegin?(logs: Logs): void | Promise<void>;
  onTrainEnd?(logs: Logs): void | Promise<void>;
  onEpochBegin?(epoch: number, logs: Logs): void | Promise<void>;
  onEpochEnd?(epoch: number, logs: Logs): void | Promise<void>;
  onTrainBatchBegin?(batch: number, logs: Logs): void | Promise<void>;
  onTrainBatchEnd?(batch: number, logs: Logs): void | Promise<void>;
  /** At most every 50 milliseconds while steps go on: for progress displays. */
  onProgress?(batch: number, logs: Logs): void | Promise<void>;
  onTestBegin?(logs: Logs): void | Promise<void>;
  onTestEnd?(logs: Logs): void | Promise<void>;
  onTestBatchBegin?(batch: number, logs: Logs): void | Promise<void>;
  onTestBatchEnd?(batch: number, logs: Logs): void | Promise<void>;
  onPredictBegin?(logs: Logs): void | Promise<void>;
  onPredictEnd?(logs: Logs): void | Promise<void>;
  onPredictBatchBegin?(batch: number, logs: Logs): void | Promise<void>;
  onPredictBatchEnd?(batch: number, logs: Logs): void | Promise<void>;
}

/** Callbacks that configs can name. */
export const callbacks = new ConfiguredRegistry<Callback>('callback');

/** Names of the hooks. */
export type HookName = Extract<keyof Callback, `on${string}`>;

/** Calls the hooks of several callbacks in order. */
export class CallbackList {
  readonly #callbacks: readonly Callback[];

  constructor(callbacks: readonly Callback[], run: RunControl) {
    this.#callbacks = callbacks;
    for (const callback of callbacks) callback.run = run;
  }

  /** Whether any callback has the hook. */
  wants(hook: HookName): boolean {
    return this.#callbacks.some((c) => c[hook] !== undefined);
  }

  async call(hook: HookName, ...args: [Logs] | [number, Logs]): Promise<void> {
    for (const callback of this.#callbacks) {
      const method = callback[hook] as ((...args: unknown[]) => void | Promise<void>) | undefined;
      if (method !== undefined) await method.apply(callback, args);
    }
  }
}
