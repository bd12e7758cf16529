import * as z from 'zod';
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

  constructor(key: string, mode: 'auto' | 'min' | 'max') {
    this.key = key;
    this.#mode = mode;
  }

  /**
   * The figure; `undefined` after an epoch that `validationFreq` leaves without validation.
   * @throws {@link ConfigError} naming the figures there are
   */
  read(logs: Logs, who: string, { info }: RunControl): number | undefined {
    const value = logs[this.key];
    if (value !== undefined) return value;
    const validated = Object.keys(logs).some((key) => key.startsWith('val_'));
    if (this.key.startsWith('val_') && info.validates && !validated) return undefined;
    const known = Object.keys(logs).join(', ');
    throw new ConfigError(
      `${who} follows "${this.key}", which is not measured. Available: ${known}.` +
        (this.key.startsWith('val_') && !info.validates
          ? ' Give fit() validationData or validationSplit.'
          : ''),
      { argument: 'monitor', expected: known, received: this.key },
    );
  }

  /** Whether `value` is better than `best` by more than `minDelta`; any number is better than none. */
  improves(value: number, best: number | undefined, minDelta: number, run: RunControl): boolean {
    const sign = this.#resolve(run) === 'min' ? -1 : 1;
    return sign * value - minDelta > (best === undefined ? Number.NEGATIVE_INFINITY : sign * best);
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
