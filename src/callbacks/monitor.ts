import { z } from 'zod';
import { ConfigError } from '../errors.ts';
import type { Logs, RunControl } from '../training/callback.ts';

/** Options of callbacks that follow one figure. */
export const monitorOptions = {
  /** Key of the logs to follow. */
  monitor: z.string().default('val_loss'),
  /** Whether less is better (`min`) or more (`max`); `auto` asks the metric. */
  mode: z.enum(['auto', 'min', 'max']).default('auto'),
};

/** Follows one figure of the logs and knows which way is better. */
export class Monitor {
  readonly key: string;
  readonly #mode: 'auto' | 'min' | 'max';
  #sign = 0;

  constructor(key: string, mode: 'auto' | 'min' | 'max') {
    this.key = key;
    this.#mode = mode;
  }

  /** The figure. @throws {@link ConfigError} naming the figures there are */
  read(logs: Logs, who: string): number {
    const value = logs[this.key];
    if (value !== undefined) return value;
    const known = Object.keys(logs).join(', ');
    throw new ConfigError(
      `${who} follows "${this.key}", which is not measured. Available: ${known}.` +
        (this.key.startsWith('val_') ? ' Give fit() validationData or validationSplit.' : ''),
      { argument: 'monitor', expected: known, received: this.key },
    );
  }

  /** Whether `value` is better than `best` by more than `minDelta`. */
  improves(value: number, best: number, minDelta: number, run: RunControl): boolean {
    this.#sign ||= this.#resolve(run) === 'min' ? -1 : 1;
    return this.#sign * (value - best) > minDelta;
  }

  /** Worse than anything. */
  worst(run: RunControl): number {
    return this.#resolve(run) === 'min' ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
  }

  #resolve(run: RunControl): 'min' | 'max' {
    if (this.#mode !== 'auto') return this.#mode;
    const key = this.key.replace(/^val_/, '');
    if (key === 'loss' || key.endsWith('_loss')) return 'min';
    const direction = run.info.directions()[key];
    if (direction !== undefined) return direction;
    throw new ConfigError(
      `It is not known whether more or less of "${this.key}" is better. Set mode to "min" or "max".`,
      { argument: 'mode', expected: 'min or max', received: 'auto' },
    );
  }
}
