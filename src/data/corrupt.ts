import * as z from 'zod';
import { type Cursor, done } from '../core/resumable.ts';
import { TfkError } from '../errors.ts';
import { Follower, type Item, type Stage } from './stage.ts';

/** What becomes of records that cannot be read. */
export const corruptOption = z.enum(['error', 'skip']).default('error');
export type OnCorrupt = z.output<typeof corruptOption>;

/** Reads records of a file; those that are corrupt end the pass, or are counted and told of at its end. */
export class RecordGuard {
  readonly #file: string;
  readonly #skips: boolean;
  #count = 0;
  #skipped = 0;
  #first = '';

  constructor(file: string, onCorrupt: OnCorrupt) {
    this.#file = file;
    this.#skips = onCorrupt === 'skip';
  }

  /** What `read` gives; `undefined` for a record that is skipped. */
  read<T>(read: () => T): T | undefined {
    this.#count++;
    try {
      return read();
    } catch (error) {
      if (!this.#skips || !(error instanceof TfkError)) throw error;
      this.#skipped++;
      this.#first ||= error.message;
      return undefined;
    }
  }

  /** Says how many were skipped, once, at the end of a pass. */
  end(): void {
    if (this.#skipped === 0) return;
    process.emitWarning(
      `${this.#file}: ${this.#skipped} of ${this.#count} records were skipped. The first: ${this.#first}`,
      'TfkWarning',
    );
    this.#skipped = 0;
  }
}

/** A value that was made beside others, or the error that is thrown when its turn comes. */
export type Outcome<T> = () => T;

/** What became of a promise, whichever way. */
export const outcome = <T>(promise: Promise<T>): Promise<Outcome<T>> =>
  promise.then(
    (value) => () => value,
    (error: unknown) => () => {
      throw error;
    },
  );

class GoodCursor<T> extends Follower<Outcome<T>, T> {
  readonly #guard: RecordGuard;

  constructor(inner: Cursor<Outcome<T>>, guard: RecordGuard) {
    super(inner);
    this.#guard = guard;
  }

  override async next(): Promise<Item<T>> {
    for (;;) {
      const item = await this.inner.next();
      if (item.done) {
        this.#guard.end();
        return done;
      }
      const good = this.#guard.read(() => ({ value: item.value() }));
      if (good) return { done: false, value: good.value };
    }
  }
}

/** The records that could be read; the others are fatal, or counted and told of at the end of the pass. */
export const goodStage = <T>(inner: Stage<Outcome<T>>, where: string, onCorrupt: OnCorrupt): Stage<T> => ({
  size: onCorrupt === 'error' ? inner.size : undefined,
  open: (pass) => new GoodCursor(inner.open(pass), new RecordGuard(where, onCorrupt)),
});
