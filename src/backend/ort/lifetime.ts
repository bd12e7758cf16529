import { BackendError } from '../../errors.ts';

/** Releases native memory exactly once: when it is disposed of and nobody uses it any more. */
export class Lifetime {
  readonly #what: string;
  readonly #release: () => void;
  #users = 0;
  #disposed = false;

  constructor(what: string, release: () => void) {
    this.#what = what;
    this.#release = release;
  }

  /** Throws once disposed of. */
  check(): void {
    if (this.#disposed) {
      throw new BackendError(`The ${this.#what} was used after its dispose(). Create a new one.`, {
        op: this.#what,
        expected: 'a live object',
        received: 'a disposed one',
      });
    }
  }

  /** Puts the release off until a matching `leave`. */
  enter(): void {
    this.check();
    this.#users += 1;
  }

  leave(): void {
    this.#users -= 1;
    this.#releaseIfUnused();
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#releaseIfUnused();
  }

  #releaseIfUnused(): void {
    if (this.#disposed && this.#users === 0) this.#release();
  }
}
