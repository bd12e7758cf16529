import * as z from 'zod';
import { deferred } from '../core/deferred.ts';
import { anyNumber, parseState, type State, tensorState } from '../core/state.ts';
import type { Tensor } from '../core/tensor.ts';
import { Callback, callbacks, type Logs } from '../training/callback.ts';
import { Monitor, monitorOptions } from './monitor.ts';

const schema = deferred(() =>
  z.strictObject({
    ...monitorOptions,
    /** Smallest change that counts as better. */
    minDelta: z.number().nonnegative().default(0),
    /** Epochs without improvement that are endured. */
    patience: z.int().nonnegative().default(0),
    /** A value that must be beaten from the start. */
    baseline: z.number().nullable().default(null),
    restoreBestWeights: z.boolean().default(false),
    startFromEpoch: z.int().nonnegative().default(0),
  }),
);

const stateSchema = deferred(() =>
  z.strictObject({
    best: anyNumber.nullable(),
    wait: z.int(),
    bestEpoch: z.int(),
    bestWeights: z.array(tensorState).nullable(),
  }),
);

/** Stops when a figure has not improved for `patience` epochs. @source keras/src/callbacks/early_stopping.py */
export class EarlyStopping extends Callback<typeof schema> {
  static override readonly className = 'EarlyStopping';
  static override readonly schema = schema;
  readonly #monitor: Monitor;
  #best: number | undefined;
  #wait = 0;
  #bestEpoch = 0;
  #bestWeights: Tensor[] | undefined;

  constructor(options: z.input<typeof schema> = {}) {
    super(options);
    this.#monitor = new Monitor(this.options.monitor, this.options.mode);
  }

  /** Epoch of the best value, counted from 0. */
  get bestEpoch(): number {
    return this.#bestEpoch;
  }

  override onTrainBegin(): void {
    this.#wait = 0;
    this.#bestEpoch = 0;
    this.#bestWeights = undefined;
    this.#best = undefined;
  }

  override state(): State {
    return {
      best: this.#best ?? null,
      wait: this.#wait,
      bestEpoch: this.#bestEpoch,
      bestWeights: this.#bestWeights ?? null,
    };
  }

  override restore(state: State): void {
    const { best, wait, bestEpoch, bestWeights } = parseState(stateSchema, state, 'EarlyStopping');
    this.#best = best ?? undefined;
    this.#wait = wait;
    this.#bestEpoch = bestEpoch;
    this.#bestWeights = bestWeights ?? undefined;
  }

  override onEpochEnd(epoch: number, logs: Logs): void {
    const { startFromEpoch, restoreBestWeights, minDelta, patience, baseline } = this.options;
    if (epoch < startFromEpoch) return;
    const value = this.#monitor.read(logs, 'EarlyStopping', this.run);
    if (value === undefined) return;
    if (restoreBestWeights && this.#bestWeights === undefined) this.#keep(epoch);
    this.#wait++;
    if (this.#monitor.improves(value, this.#best, minDelta, this.run)) {
      this.#best = value;
      this.#bestEpoch = epoch;
      if (restoreBestWeights) this.#keep(epoch);
      if (baseline === null || this.#monitor.improves(value, baseline, minDelta, this.run)) this.#wait = 0;
    } else if (this.#wait >= patience && epoch > 0) {
      this.run.stop();
    }
  }

  override onTrainEnd(): void {
    if (this.#bestWeights !== undefined) this.run.model.setWeights(this.#bestWeights);
  }

  #keep(epoch: number): void {
    this.#bestEpoch = epoch;
    this.#bestWeights = this.run.model.getWeights();
  }
}

/** Stops when a figure no longer improves. @see {@link EarlyStopping} */
export const earlyStopping = (options: z.input<typeof schema> = {}): EarlyStopping =>
  new EarlyStopping(options);
callbacks.register(EarlyStopping);
