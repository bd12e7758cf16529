import * as z from 'zod';
import { Configured, ConfiguredRegistry } from '../core/configured.ts';
import { deferred } from '../core/deferred.ts';
import type { State } from '../core/state.ts';
import type { Weight } from '../layers/weight.ts';
import type { TraceEvent } from './profile.ts';
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
  readonly model: Trainable & {
    save(path: string, options?: { overwrite?: boolean }): Promise<void>;
    unfreeze(...patterns: readonly string[]): unknown;
  };
  /** Ends training after the current step (`fit` then returns normally). */
  stop(): void;
  readonly stopped: boolean;
  /** Ends training after the current step as it is, to go on later: an epoch that broke off is not brought to an end. */
  interrupt(): void;
  readonly interrupted: boolean;
  /**
   * Everything that the rest of the run depends on, as it is now; valid until the next step. Only in the hooks
   * `onStepDone`, `onEpochDone` and `onInterrupted` of `fit`.
   * @throws {@link ConfigError} outside of `fit`
   */
  state(): Promise<State>;
  /** The optimizer's learning rate; setting it replaces a schedule. */
  learningRate: number;
  /**
   * The gradient of a weight in the last step, as long as the next has not begun; `undefined` where steps do not give
   * it: before the first, for weights that are not trained, and where one native call does several steps.
   */
  gradient(weight: Weight): Float32Array | undefined;
  /**
   * Exchanges the weights and their running means; done twice, all is as it was.
   * @throws {@link ConfigError} when the optimizer keeps no running means (`useEma`), or has not begun
   */
  swapAverages(): void;
  /**
   * Goes on with the weights that are trainable now, after layers were frozen or unfrozen; what the optimizer remembers
   * of weights that it trained before stays. Between epochs only.
   */
  retrain(): Promise<void>;
  readonly info: RunInfo;
  /** History so far. */
  readonly history: History;
}

/**
 * What happens around training: override the hooks you need; each may be async.
 * Batch hooks cost time on every step and are called only where overridden.
 */
export abstract class Callback<S extends z.ZodType = z.ZodType> extends Configured<S> {
  static override readonly schema: z.ZodType = deferred(() => z.strictObject({}));
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
  /** After a training step that every callback has seen: the run may be saved. */
  onStepDone?(batch: number, logs: Logs): void | Promise<void>;
  /** After an epoch that every callback has seen: the run may be saved. */
  onEpochDone?(epoch: number, logs: Logs): void | Promise<void>;
  /** After `run.interrupt()`, instead of the end of the epoch: the run may be saved. */
  onInterrupted?(epoch: number, logs: Logs): void | Promise<void>;
  onTestBegin?(logs: Logs): void | Promise<void>;
  onTestEnd?(logs: Logs): void | Promise<void>;
  onTestBatchBegin?(batch: number, logs: Logs): void | Promise<void>;
  onTestBatchEnd?(batch: number, logs: Logs): void | Promise<void>;
  onPredictBegin?(logs: Logs): void | Promise<void>;
  onPredictEnd?(logs: Logs): void | Promise<void>;
  onPredictBatchBegin?(batch: number, logs: Logs): void | Promise<void>;
  onPredictBatchEnd?(batch: number, logs: Logs): void | Promise<void>;
  /** Before the end of training: what `profile` of `fit` traced. */
  onTrace?(events: readonly TraceEvent[]): void | Promise<void>;

  /** What the callback must remember to go on in another process. */
  state?(): State;
  /** Makes the same weights trainable as when {@link state} was taken, before the run is put into the model. */
  beforeRestore?(state: State): void;
  /** Goes on from {@link state}; takes the place of `onTrainBegin` when a run is resumed. */
  restore?(state: State): void | Promise<void>;
  /** Asked before training: a state of the run to go on from, where there is one. */
  savedRun?(): Promise<State | undefined>;
}

/** Callbacks that configs can name. */
export const callbacks = new ConfiguredRegistry<Callback>('callback');

/** Names of the hooks. */
export type HookName = Extract<keyof Callback, `on${string}`>;

/**
 * Calls the hooks of several callbacks in order: what `fit` does, for a training loop of your own.
 * @example `await list.call('onEpochEnd', epoch, { loss })`
 */
export class CallbackList {
  readonly #callbacks: readonly Callback[];

  /** @param run - what the callbacks see and can do; not needed where none asks for it, as `history()` */
  constructor(callbacks: readonly Callback[], run?: RunControl) {
    this.#callbacks = callbacks;
    if (run === undefined) return;
    for (const callback of callbacks) callback.run = run;
  }

  /** A state to go on from; that of the first callback that has one. */
  async savedRun(): Promise<State | undefined> {
    for (const callback of this.#callbacks) {
      const state = await callback.savedRun?.();
      if (state !== undefined) return state;
    }
    return undefined;
  }

  /** Before the saved run is put into the model. */
  beforeRestore(saved: Readonly<Record<string, State>>): void {
    for (const [name, callback] of this.#named()) {
      const state = saved[name];
      if (state !== undefined) callback.beforeRestore?.(state);
    }
  }

  /** Begins training: callbacks that `saved` knows go on, all others begin. */
  async begin(saved: Readonly<Record<string, State>>): Promise<void> {
    for (const [name, callback] of this.#named()) {
      const state = saved[name];
      if (state !== undefined && callback.restore) await callback.restore(state);
      else await callback.onTrainBegin?.({});
    }
  }

  /** What the callbacks remember, by their names. */
  states(): Record<string, State> {
    return Object.fromEntries(this.#named().flatMap(([name, c]) => (c.state ? [[name, c.state()]] : [])));
  }

  /** `EarlyStopping 0` is the first of its kind: others may come and go between two runs. */
  #named(): [string, Callback][] {
    const count = new Map<string, number>();
    return this.#callbacks.map((callback) => {
      const kind = callback.className || callback.constructor.name;
      const n = count.get(kind) ?? 0;
      count.set(kind, n + 1);
      return [`${kind} ${n}`, callback];
    });
  }

  /** Whether any callback has the hook. */
  wants(hook: HookName): boolean {
    return this.#callbacks.some((c) => c[hook] !== undefined);
  }

  /** Calls a hook of all callbacks, one after the other. */
  async call(hook: HookName, ...args: [Logs] | [number, Logs] | [readonly TraceEvent[]]): Promise<void> {
    for (const callback of this.#callbacks) {
      const method = callback[hook] as ((...args: unknown[]) => void | Promise<void>) | undefined;
      if (method !== undefined) await method.apply(callback, args);
    }
  }
}
