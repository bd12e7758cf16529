import * as z from 'zod';
import { deferred } from '../core/deferred.ts';
import { isDtype } from '../core/dtype.ts';
import { restoreSeed, seedState } from '../core/seed.ts';
import { anyNumber, anyState, parseState, type State } from '../core/state.ts';
import { CallbackList, type History, type Logs, type RunControl } from './callback.ts';
import { type Epoch, EpochProgress } from './epoch.ts';
import type { Feeder } from './feeder.ts';
import { dueEpoch, type fitSchema } from './options.ts';
import { defaultCallbacks } from './progress.ts';
import { restoreStore, storeState } from './run-state.ts';
import type { StepCache } from './step-cache.ts';
import type { StepKind } from './step-graph.ts';
import type { Trainable } from './trainable.ts';

const logsSchema = z.record(z.string(), anyNumber);
const runSchema = deferred(() =>
  z.strictObject({
    format: z.literal(1),
    /** The epoch that comes next, or is under way. */
    epoch: z.int(),
    stopped: z.boolean(),
    progress: z.strictObject({ begun: z.boolean(), batch: z.int(), results: anyState }).nullable(),
    history: z.record(z.string(), z.array(anyNumber)),
    logs: logsSchema,
    directions: z.record(z.string(), z.enum(['max', 'min'])),
    seed: z.strictObject({ seed: z.number(), drawn: z.int() }),
    inputs: z.array(
      z.strictObject({
        dtype: z.custom<'float32'>(isDtype),
        shape: z.array(z.int().nullable()),
      }),
    ),
    model: anyState,
    feeder: anyState,
    validation: anyState,
    callbacks: z.record(z.string(), anyState),
  }),
);

/** What decides about a run from outside of its loop. */
export interface RunSwitches {
  readonly history: History;
  /** Which way is better, by metric, as far as it was known before the run was resumed. */
  readonly directions: Readonly<Record<string, 'max' | 'min'>>;
  readonly stopped: boolean;
  readonly interrupted: boolean;
  stop(): void;
  interrupt(): void;
  state(): Promise<State>;
}

/** What a run of `fit` is made of. */
export interface FitParts {
  readonly model: Trainable;
  readonly steps: StepCache;
  readonly feeder: Feeder;
  readonly validation: Feeder | undefined;
  readonly options: z.output<typeof fitSchema>;
  /** One pass over data. */
  run(kind: StepKind, feeder: Feeder, more: Partial<Epoch>): Promise<Logs>;
  /** The run as callbacks see it. */
  control(switches: RunSwitches): RunControl;
}

/** The epochs of one `fit`: may be saved after any step, and go on from there in another process. */
export class FitRun implements RunSwitches {
  readonly history: History = {};
  directions: RunSwitches['directions'] = {};
  readonly #parts: FitParts;
  readonly #control: RunControl;
  readonly #callbacks: CallbackList;
  #stopped = false;
  #interrupted = false;
  #epoch: number;
  #progress: EpochProgress | undefined;
  #logs: Logs = {};

  constructor(parts: FitParts) {
    this.#parts = parts;
    this.#epoch = parts.options.initialEpoch;
    this.#control = parts.control(this);
    this.#callbacks = new CallbackList(parts.options.callbacks, this.#control);
  }

  get stopped(): boolean {
    return this.#stopped || this.#interrupted;
  }

  get interrupted(): boolean {
    return this.#interrupted;
  }

  stop(): void {
    this.#stopped = true;
  }

  interrupt(): void {
    this.#interrupted = true;
  }

  /** Trains until the last epoch, or until something stops it. */
  async train(): Promise<History> {
    const { options, steps } = this.#parts;
    const display = defaultCallbacks(this.#control.info.verbose);
    const callbacks = new CallbackList([...options.callbacks, ...display], this.#control);
    try {
      const saved = await this.#callbacks.savedRun();
      await callbacks.begin(saved === undefined ? {} : await this.#restore(saved));
      while (this.#epoch < options.epochs && !this.stopped) await this.#runEpoch(callbacks);
      if (this.#interrupted) await callbacks.call('onInterrupted', this.#epoch, this.#logs);
    } catch (error) {
      for (const shown of display) await shown.onTrainEnd?.({}); // a progress bar would keep the process alive
      throw error;
    }
    steps.store?.useAverages();
    const trace = await steps.endProfile();
    if (trace !== undefined) await callbacks.call('onTrace', trace);
    await callbacks.call('onTrainEnd', this.#logs);
    return this.history;
  }

  async #runEpoch(callbacks: CallbackList): Promise<void> {
    const { feeder, validation, options, run } = this.#parts;
    const epoch = this.#epoch;
    const progress = this.#progress ?? new EpochProgress();
    this.#progress = progress;
    await callbacks.call('onEpochBegin', epoch, {});
    const logs = await run('train', feeder, { callbacks, progress, stopped: () => this.stopped });
    if (this.#interrupted) return;
    if (validation !== undefined && dueEpoch(options.validationFreq, epoch)) {
      await callbacks.call('onTestBegin', {});
      const measured = await run('test', validation, { callbacks });
      await callbacks.call('onTestEnd', measured);
      for (const [key, value] of Object.entries(measured)) logs[`val_${key}`] = value;
    }
    await callbacks.call('onEpochEnd', epoch, logs);
    record(this.history, logs); // with what callbacks added, such as learning_rate
    this.#logs = logs;
    this.#epoch++;
    this.#progress = undefined;
    await callbacks.call('onEpochDone', epoch, logs);
  }

  async state(): Promise<State> {
    const { model, steps, feeder, validation } = this.#parts;
    const store = await steps.ensureStore();
    const progress = this.#progress;
    const directions = Object.entries(this.#control.info.directions());
    return {
      format: 1,
      epoch: this.#epoch,
      stopped: this.#stopped,
      progress: progress
        ? { begun: progress.begun, batch: progress.batch, results: progress.results.state() }
        : null,
      history: this.history,
      logs: this.#logs,
      directions: Object.fromEntries(directions.filter(([, direction]) => direction !== undefined)),
      seed: { ...seedState() },
      inputs: model.inputs.map(({ dtype, shape }) => ({ dtype, shape })),
      model: storeState(model, store),
      feeder: feeder.state(),
      validation: validation?.state() ?? null,
      callbacks: this.#callbacks.states(),
    };
  }

  /** @returns what the callbacks remember */
  async #restore(saved: State): Promise<Readonly<Record<string, State>>> {
    const { model, steps, feeder, validation } = this.#parts;
    const state = parseState(runSchema, saved, 'fit');
    if (!model.built) model.inferOutputs(state.inputs);
    this.#callbacks.beforeRestore(state.callbacks);
    restoreStore(model, await steps.ensureStore(), state.model);
    await feeder.restore(state.feeder);
    if (state.validation !== null) await validation?.restore(state.validation);
    restoreSeed(state.seed);
    this.#epoch = state.epoch;
    this.#stopped = state.stopped;
    Object.assign(this.history, state.history);
    this.#logs = state.logs;
    this.directions = state.directions;
    if (state.progress !== null) {
      const progress = new EpochProgress();
      progress.begun = state.progress.begun;
      progress.batch = state.progress.batch;
      progress.results.restore(state.progress.results);
      this.#progress = progress;
    }
    return state.callbacks;
  }
}

function record(history: History, logs: Logs): void {
  for (const [key, value] of Object.entries(logs)) {
    const values = history[key] ?? [];
    history[key] = values;
    values.push(value);
  }
}
