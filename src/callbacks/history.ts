import * as z from 'zod';
import { deferred } from '../core/deferred.ts';
import { anyNumber, parseState, type State } from '../core/state.ts';
import { Callback, callbacks, type Logs } from '../training/callback.ts';

const stateSchema = deferred(() =>
  z.strictObject({
    epoch: z.array(z.int()),
    history: z.record(z.string(), z.array(anyNumber)),
  }),
);

/**
 * Keeps loss and metrics of every epoch, as `fit` also returns them; over several calls of `fit` the record goes on.
 * @source keras/src/callbacks/history.py
 */
export class History extends Callback {
  static override readonly className = 'History';
  /** Epochs of the last `fit`. */
  epoch: number[] = [];
  /** Figures of all epochs, by key. */
  history: Record<string, number[]> = {};

  override onTrainBegin(): void {
    this.epoch = [];
  }

  override onEpochEnd(epoch: number, logs: Logs): void {
    this.epoch.push(epoch);
    for (const [key, value] of Object.entries(logs)) {
      this.history[key] ??= [];
      this.history[key].push(value);
    }
  }

  override state(): State {
    return { epoch: this.epoch, history: this.history };
  }

  override restore(state: State): void {
    const { epoch, history } = parseState(stateSchema, state, 'History');
    this.epoch = epoch;
    this.history = history;
  }
}

/** Keeps loss and metrics of every epoch. @see {@link History} */
export const history = (): History => new History();
callbacks.register(History);
