import { exitCodes } from './exit.ts';

const signals = ['SIGINT', 'SIGTERM'] as const;

/** Ctrl-C or SIGTERM while a command works: the first asks it to stop and save, the second ends the process. */
export class Interrupt {
  #stop: (() => void) | undefined;
  #requested = false;
  #exitCode: number = exitCodes.interrupted;
  readonly #handler = (signal: NodeJS.Signals): void => this.#onSignal(signal);

  constructor() {
    for (const signal of signals) process.on(signal, this.#handler);
  }

  /** Whether it was asked to stop. */
  get requested(): boolean {
    return this.#requested;
  }

  /** What the process ends with after it has stopped. */
  get exitCode(): number {
    return this.#exitCode;
  }

  /** From now on Ctrl-C calls `stop`; before, it ends the process: there is nothing to save yet. */
  arm(stop: () => void): void {
    this.#stop = stop;
  }

  dispose(): void {
    for (const signal of signals) process.off(signal, this.#handler);
  }

  #onSignal(signal: NodeJS.Signals): void {
    this.#exitCode = signal === 'SIGTERM' ? exitCodes.terminated : exitCodes.interrupted;
    if (this.#stop === undefined || this.#requested) {
      if (process.stderr.isTTY) process.stderr.write('\x1b[?25h\n'); // a progress bar hides the cursor
      process.exit(this.#exitCode);
    }
    this.#requested = true;
    console.error('\ntfk: stopping after this step, then saving. Ctrl-C again ends at once.');
    this.#stop();
  }
}
