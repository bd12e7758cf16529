import { exitCodes } from './exit.ts';

/** Ctrl-C while a command works: the first asks it to stop and save, the second ends the process. */
export class Interrupt {
  #stop: (() => void) | undefined;
  #requested = false;
  readonly #handler = (): void => this.#onSignal();

  constructor() {
    process.on('SIGINT', this.#handler);
  }

  /** Whether Ctrl-C was pressed. */
  get requested(): boolean {
    return this.#requested;
  }

  /** From now on Ctrl-C calls `stop`; before, it ends the process: there is nothing to save yet. */
  arm(stop: () => void): void {
    this.#stop = stop;
  }

  dispose(): void {
    process.off('SIGINT', this.#handler);
  }

  #onSignal(): void {
    if (this.#stop === undefined || this.#requested) {
      if (process.stderr.isTTY) process.stderr.write('\x1b[?25h\n'); // a progress bar hides the cursor
      process.exit(exitCodes.interrupted);
    }
    this.#requested = true;
    console.error('\ntfk: stopping after this step, then saving. Ctrl-C again ends at once.');
    this.#stop();
  }
}
