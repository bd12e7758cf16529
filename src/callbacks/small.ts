import {
  appendFileSync,
  closeSync,
  existsSync,
  fstatSync,
  fsyncSync,
  openSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import * as z from 'zod';
import { deferred } from '../core/deferred.ts';
import { parseState, type State } from '../core/state.ts';
import { DataError } from '../errors.ts';
import { ioError } from '../formats/atomic.ts';
import { Callback, callbacks, type HookName, type Logs } from '../training/callback.ts';

/** Stops training at the first batch whose loss is not a number. @source keras/src/callbacks/terminate_on_nan.py */
export class TerminateOnNaN extends Callback {
  static override readonly className = 'TerminateOnNaN';

  override onTrainBatchEnd(_batch: number, { loss }: Logs): void {
    if (loss !== undefined && !Number.isFinite(loss)) this.run.stop();
  }
}

/** Stops training at the first batch whose loss is not a number. @see {@link TerminateOnNaN} */
export const terminateOnNaN = (): TerminateOnNaN => new TerminateOnNaN();

callbacks.register(TerminateOnNaN);

const csvSchema = deferred(() =>
  z.strictObject({
    path: z.string(),
    separator: z.string().default(','),
    /** Goes on with a file that exists (its header is kept) instead of replacing it. */
    append: z.boolean().default(false),
  }),
);

const csvState = deferred(() => z.strictObject({ keys: z.array(z.string()).nullable(), bytes: z.int() }));

/** Adds a line to a file. @throws {@link DataError} when the disk is full, say */
function append(path: string, line: string): void {
  try {
    appendFileSync(path, `${line}\n`);
  } catch (error) {
    throw ioError(error, path, 'write');
  }
}

/** Makes sure that a file is on the disk. @returns its size */
function sync(path: string): number {
  const file = openSync(path, 'r+');
  try {
    fsyncSync(file);
    return fstatSync(file).size;
  } finally {
    closeSync(file);
  }
}

/** Writes the logs of each epoch as a line of a CSV file. @source keras/src/callbacks/csv_logger.py */
export class CSVLogger extends Callback<typeof csvSchema> {
  static override readonly className = 'CSVLogger';
  static override readonly schema = csvSchema;
  #keys: string[] | undefined;

  override onTrainBegin(): void {
    const { path, separator, append } = this.options;
    const header = append && existsSync(path) ? (readFileSync(path, 'utf8').split('\n')[0] ?? '') : '';
    this.#keys = header === '' ? undefined : header.split(separator).slice(1);
    if (header === '') writeFileSync(path, '');
  }

  override state(): State {
    return { keys: this.#keys ?? null, bytes: sync(this.options.path) };
  }

  /** Lines that were written after the checkpoint are cut off: their epochs come again. */
  override restore(state: State): void {
    const { path } = this.options;
    const { keys, bytes } = parseState(csvState, state, 'CSVLogger');
    const found = existsSync(path) ? statSync(path).size : 0;
    if (found < bytes) {
      throw new DataError(
        `CSVLogger: ${path} had ${bytes} bytes when the checkpoint was made. Received ${found}. ` +
          'Put the file back, or begin anew without the checkpoint.',
        { argument: 'path', expected: `${bytes} bytes`, received: `${found} bytes` },
      );
    }
    if (bytes === 0) writeFileSync(path, '');
    else truncateSync(path, bytes);
    this.#keys = keys ?? undefined;
  }

  override onEpochEnd(epoch: number, logs: Logs): void {
    const { path, separator } = this.options;
    if (this.#keys === undefined) {
      this.#keys = columnsOf(logs, this.run.info.validates);
      append(path, ['epoch', ...this.#keys].join(separator));
    }
    append(path, [epoch, ...this.#keys.map((key) => logs[key] ?? 'NA')].join(separator));
  }
}

/** The keys in order; those of a validation that comes only in a later epoch too. */
function columnsOf(logs: Logs, validates: boolean): string[] {
  const keys = Object.keys(logs).sort();
  if (!validates || keys.some((key) => key.startsWith('val_'))) return keys;
  return [...keys, ...keys.filter((key) => key !== 'learning_rate').map((key) => `val_${key}`)];
}

/** Writes the logs of each epoch as a line of a CSV file. @see {@link CSVLogger} */
export const csvLogger = (options: z.input<typeof csvSchema>): CSVLogger => new CSVLogger(options);

callbacks.register(CSVLogger);

/** The hooks of a callback, as plain functions. */
export type Hooks = Partial<Pick<Callback, HookName>>;

/** A callback from plain functions. @source keras/src/callbacks/lambda_callback.py */
export class LambdaCallback extends Callback {
  static override readonly className = 'LambdaCallback';
  constructor(hooks: Hooks) {
    super();
    Object.assign(this, hooks);
  }
}

/** A callback from plain functions. @example `tfk.callbacks.lambda({ onEpochEnd: (epoch, logs) => ... })` */
export const lambda = (hooks: Hooks): LambdaCallback => new LambdaCallback(hooks);
