import { appendFile, readFile, rm } from 'node:fs/promises';
import * as z from 'zod';
import { deferred } from '../core/deferred.ts';
import { parseState, type State } from '../core/state.ts';
import { ioError, systemCode, writeFileAtomic } from '../formats/atomic.ts';
import { histogramOf } from '../formats/event-file.ts';
import { Callback, callbacks } from '../training/callback.ts';

const schema = deferred(() =>
  z.strictObject({
    /** File of JSON lines, one for each epoch. */
    path: z.string().min(1).default('histograms.jsonl'),
    /** Epochs between two records. */
    freq: z.int().min(1).default(1),
    /** Parts of the range of the numbers. */
    buckets: z.int().min(1).default(30),
  }),
);

const stateSchema = deferred(() => z.strictObject({ epochs: z.int() }));

/** How some numbers are distributed: counts in equal parts of their range. */
interface Distribution {
  readonly min: number;
  readonly max: number;
  readonly counts: readonly number[];
}

/**
 * Records how the values of each weight are distributed after an epoch, and the gradients of its last step:
 * `{ epoch, weights, gradients }` by path, each with `min`, `max` and `counts`. `tfk report` shows them.
 */
export class Histograms extends Callback<typeof schema> {
  static override readonly className = 'Histograms';
  static override readonly schema = schema;
  #epochs = 0;

  override async onTrainBegin(): Promise<void> {
    this.#epochs = 0;
    await rm(this.options.path, { force: true });
  }

  override async onEpochEnd(epoch: number): Promise<void> {
    this.#epochs = epoch + 1;
    if (epoch % this.options.freq !== 0) return;
    const weights: Record<string, Distribution> = {};
    const gradients: Record<string, Distribution> = {};
    for (const weight of this.run.model.weights) {
      weights[weight.path] = this.#of(Float32Array.from(weight.storage.data as Float32Array));
      const gradient = this.run.gradient(weight);
      if (gradient) gradients[weight.path] = this.#of(gradient);
    }
    const { path } = this.options;
    await appendFile(path, `${JSON.stringify({ epoch, weights, gradients })}\n`).catch((error: unknown) => {
      throw ioError(error, path, 'write');
    });
  }

  override state(): State {
    return { epochs: this.#epochs };
  }

  /** What was recorded of later epochs, before the process died, is dropped. */
  override async restore(state: State): Promise<void> {
    const { path } = this.options;
    this.#epochs = parseState(stateSchema, state, 'Histograms').epochs;
    const text = await readFile(path, 'utf8').catch((error: unknown) => {
      if (systemCode(error) === 'ENOENT') return '';
      throw ioError(error, path, 'read');
    });
    const lines = text.split('\n').slice(0, Math.ceil(this.#epochs / this.options.freq));
    await writeFileAtomic(path, Buffer.from(lines.map((line) => `${line}\n`).join('')));
  }

  #of(numbers: Float32Array): Distribution {
    const rows = histogramOf(numbers, this.options.buckets);
    const counts = Array.from({ length: rows.length / 3 }, (_, i) => rows[3 * i + 2] as number);
    return { min: rows[0] ?? 0, max: rows.at(-2) ?? 0, counts };
  }
}

/** Records how weights and gradients are distributed. @see {@link Histograms} */
export const histograms = (options: z.input<typeof schema> = {}): Histograms => new Histograms(options);
callbacks.register(Histograms);
