import * as z from 'zod';
import { deferred } from '../core/deferred.ts';
import { anyNumber, parseState, type State } from '../core/state.ts';
import { Callback, callbacks, type Logs } from '../training/callback.ts';
import { Monitor, monitorOptions } from './monitor.ts';

/** Sets the learning rate before each epoch. @source keras/src/callbacks/learning_rate_scheduler.py */
export class LearningRateScheduler extends Callback {
  static override readonly className = 'LearningRateScheduler';
  readonly #schedule: (epoch: number, learningRate: number) => number;

  /** @param schedule - gives the learning rate of an epoch (from 0), given the present one */
  constructor(schedule: (epoch: number, learningRate: number) => number) {
    super();
    this.#schedule = schedule;
  }

  override onEpochBegin(epoch: number): void {
    this.run.learningRate = this.#schedule(epoch, this.run.learningRate);
  }

  override onEpochEnd(_epoch: number, logs: Logs): void {
    logs.learning_rate = this.run.learningRate;
  }
}

/** Sets the learning rate before each epoch. @see {@link LearningRateScheduler} */
export const learningRateScheduler = (
  schedule: (epoch: number, learningRate: number) => number,
): LearningRateScheduler => new LearningRateScheduler(schedule);

const schema = deferred(() =>
  z.strictObject({
    ...monitorOptions,
    /** New rate = old rate * factor. */
    factor: z.number().positive().lt(1).default(0.1),
    /** Epochs without improvement that are endured. */
    patience: z.int().nonnegative().default(10),
    minDelta: z.number().nonnegative().default(1e-4),
    /** Epochs after a reduction in which nothing is counted. */
    cooldown: z.int().nonnegative().default(0),
    /** The rate is never set below this. */
    minLr: z.number().nonnegative().default(0),
  }),
);

const stateSchema = deferred(() =>
  z.strictObject({ best: anyNumber.nullable(), wait: z.int(), cooling: z.int() }),
);

/** Lowers the learning rate when a figure stops improving. @source keras/src/callbacks/reduce_lr_on_plateau.py */
export class ReduceLROnPlateau extends Callback<typeof schema> {
  static override readonly className = 'ReduceLROnPlateau';
  static override readonly schema = schema;
  readonly #monitor: Monitor;
  #best: number | undefined;
  #wait = 0;
  #cooling = 0;

  constructor(options: z.input<typeof schema> = {}) {
    super(options);
    this.#monitor = new Monitor(this.options.monitor, this.options.mode);
  }

  override onTrainBegin(): void {
    this.#best = undefined;
    this.#wait = 0;
    this.#cooling = 0;
  }

  override state(): State {
    return { best: this.#best ?? null, wait: this.#wait, cooling: this.#cooling };
  }

  override restore(state: State): void {
    const { best, wait, cooling } = parseState(stateSchema, state, 'ReduceLROnPlateau');
    this.#best = best ?? undefined;
    this.#wait = wait;
    this.#cooling = cooling;
  }

  override onEpochEnd(_epoch: number, logs: Logs): void {
    logs.learning_rate = this.run.learningRate;
    const { minDelta, patience, cooldown, factor, minLr } = this.options;
    const value = this.#monitor.read(logs, 'ReduceLROnPlateau', this.run);
    if (value === undefined) return;
    if (this.#cooling > 0) {
      this.#cooling--;
      this.#wait = 0;
    }
    if (this.#monitor.improves(value, this.#best, minDelta, this.run)) {
      this.#best = value;
      this.#wait = 0;
    } else if (this.#cooling === 0) {
      this.#wait++;
      if (this.#wait < patience || this.run.learningRate <= minLr) return;
      this.run.learningRate = Math.max(this.run.learningRate * factor, minLr);
      this.#cooling = cooldown;
      this.#wait = 0;
    }
  }
}

/** Lowers the learning rate when a figure stops improving. @see {@link ReduceLROnPlateau} */
export const reduceLROnPlateau = (options: z.input<typeof schema> = {}): ReduceLROnPlateau =>
  new ReduceLROnPlateau(options);
callbacks.register(ReduceLROnPlateau);
