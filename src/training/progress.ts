import type { SingleBar } from 'cli-progress';
import { Callback, type Logs } from './callback.ts';

/** `1.2e-5`, `0.0123`, `12.34`: four significant digits. */
const formatFigure = (value: number): string =>
  value !== 0 && Math.abs(value) < 1e-3 ? value.toExponential(3) : value.toFixed(4);

const formatLogs = (logs: Logs): string =>
  Object.entries(logs)
    .map(([key, value]) => `${key}: ${formatFigure(value)}`)
    .join(' - ');

/**
 * Progress of training on the terminal: a bar per epoch (`verbose: 1`) or a line per epoch (`verbose: 2`, the default
 * where the output is not a terminal, and what becomes of the bar there).
 */
export class ProgbarLogger extends Callback {
  #bar: SingleBar | undefined;
  #started = 0;
  #evaluating = false;
  #trains = false;

  override onTrainBegin(): void {
    this.#trains = true;
  }

  override async onEpochBegin(epoch: number): Promise<void> {
    const { epochs, steps, verbose } = this.run.info;
    this.#started = performance.now();
    if (verbose === 1 && process.stderr.isTTY)
      this.#bar = await startBar(`Epoch ${epoch + 1}/${epochs}`, steps);
  }

  override onTestBegin(): void {
    this.#evaluating = true;
    if (!this.#trains) this.#started = performance.now();
  }

  override onProgress(batch: number, logs: Logs): void {
    if (!this.#evaluating) this.#bar?.update(batch + 1, { logs: formatLogs(logs) });
  }

  override onTestEnd(logs: Logs): void {
    this.#evaluating = false;
    if (!this.#trains) console.log(`evaluate - ${this.#seconds()}s - ${formatLogs(logs)}`);
  }

  override onEpochEnd(epoch: number, logs: Logs): void {
    const { epochs, steps } = this.run.info;
    if (this.#bar !== undefined) {
      this.#bar.update(steps ?? 0, { logs: formatLogs(logs) });
      this.#bar.stop();
      this.#bar = undefined;
    } else {
      console.log(`Epoch ${epoch + 1}/${epochs} - ${this.#seconds()}s - ${formatLogs(logs)}`);
    }
  }

  override onTrainEnd(): void {
    this.#bar?.stop();
    this.#trains = false;
  }

  #seconds(): string {
    return ((performance.now() - this.#started) / 1000).toFixed(1);
  }
}

async function startBar(title: string, steps: number | undefined): Promise<SingleBar> {
  const { default: cliProgress } = await import('cli-progress'); // when the first bar is shown
  const format = `${title} {bar} {value}/${steps ?? '?'} - {eta_formatted} - {logs}`;
  const bar = new cliProgress.SingleBar(
    { format, hideCursor: true, barsize: 24 },
    cliProgress.Presets.shades_classic,
  );
  bar.start(steps ?? 0, 0, { logs: '' });
  return bar;
}

/** What `fit` and `evaluate` show of themselves. */
export const defaultCallbacks = (verbose: 0 | 1 | 2): Callback[] =>
  verbose === 0 ? [] : [new ProgbarLogger()];
