import * as z from 'zod';
import { deferred } from '../core/deferred.ts';
import { anyNumber, parseState, type State } from '../core/state.ts';
import { ConfigError } from '../errors.ts';
import { Callback, callbacks, type Logs } from '../training/callback.ts';
import { Monitor, monitorOptions } from './monitor.ts';

const schema = deferred(() =>
  z.strictObject({
    ...monitorOptions,
    /** Where to write; `{epoch}` (from 1) and log keys such as `{val_loss}` or `{val_loss:.2f}` are filled in. */
    path: z.string().regex(/\.keras$|\.weights\.h5$/, 'expected a path that ends in .keras or .weights.h5'),
    /** Writes only when the figure is better than ever before. */
    saveBestOnly: z.boolean().default(false),
    /** After each epoch, or after so many batches. */
    saveFreq: z.union([z.literal('epoch'), z.int().min(1)]).default('epoch'),
    /** A value that must be beaten first. */
    initialValueThreshold: z.number().nullable().default(null),
  }),
);

const stateSchema = deferred(() => z.strictObject({ best: anyNumber.nullable(), batches: z.int() }));

/** Saves the model while it trains. @source keras/src/callbacks/model_checkpoint.py */
export class ModelCheckpoint extends Callback<typeof schema> {
  static override readonly className = 'ModelCheckpoint';
  static override readonly schema = schema;
  readonly #monitor: Monitor;
  #best: number | undefined;
  #epoch = 0;
  #batches = 0;

  constructor(options: z.input<typeof schema>) {
    super(options);
    this.#monitor = new Monitor(this.options.monitor, this.options.mode);
    this.#best = this.options.initialValueThreshold ?? undefined;
    const every = this.options.saveFreq;
    if (typeof every === 'number') this.onTrainBatchEnd = (_batch, logs) => this.#afterBatch(every, logs);
  }

  override state(): State {
    return { best: this.#best ?? null, batches: this.#batches };
  }

  override restore(state: State): void {
    const { best, batches } = parseState(stateSchema, state, 'ModelCheckpoint');
    this.#best = best ?? undefined;
    this.#batches = batches;
  }

  override onEpochBegin(epoch: number): void {
    this.#epoch = epoch;
  }

  override async onEpochEnd(epoch: number, logs: Logs): Promise<void> {
    if (this.options.saveFreq === 'epoch') await this.#save(epoch, logs);
  }

  async #afterBatch(every: number, logs: Logs): Promise<void> {
    this.#batches++;
    if (this.#batches % every === 0) await this.#save(this.#epoch, logs);
  }

  async #save(epoch: number, logs: Logs): Promise<void> {
    if (this.options.saveBestOnly) {
      const value = this.#monitor.read(logs, 'ModelCheckpoint', this.run);
      if (value === undefined || !this.#monitor.improves(value, this.#best, 0, this.run)) return;
      this.#best = value;
    }
    await this.run.model.save(filledIn(this.options.path, epoch, logs), { overwrite: true });
  }
}

/** A path with its figures, in Python's form: `{epoch}`, `{epoch:03d}`, `{val_loss}`, `{val_loss:.2f}`. */
function filledIn(path: string, epoch: number, logs: Logs): string {
  return path.replace(/\{(\w+)(?::0?(\d*)d|:\.(\d+)f)?\}/g, (_, key: string, width = '2', digits = '4') => {
    if (key === 'epoch') return String(epoch + 1).padStart(Number(width), '0');
    const value = logs[key];
    if (value !== undefined) return value.toFixed(Number(digits));
    const known = ['epoch', ...Object.keys(logs)].join(', ');
    throw new ConfigError(`ModelCheckpoint: the path "${path}" asks for "${key}". Available: ${known}.`, {
      argument: 'path',
      expected: known,
      received: key,
    });
  });
}

/** Saves the model while it trains. @see {@link ModelCheckpoint} */
export const modelCheckpoint = (options: z.input<typeof schema>): ModelCheckpoint =>
  new ModelCheckpoint(options);
callbacks.register(ModelCheckpoint);
