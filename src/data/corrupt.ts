import { z } from 'zod';
import { TfkError } from '../errors.ts';

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

  /** Says how many were skipped, at the end of a pass. */
  end(): void {
    if (this.#skipped === 0) return;
    process.emitWarning(
      `${this.#file}: ${this.#skipped} of ${this.#count} records were skipped. The first: ${this.#first}`,
      'TfkWarning',
    );
  }
}
