import { z } from 'zod';
import { parseOptions } from '../core/configured.ts';
import { Callback, type Logs } from '../training/callback.ts';
import { Monitor, monitorOptions } from './monitor.ts';

const schema = z.strictObject({
  ...monitorOptions,
  /** Where to write; `{epoch}` (from 1) and log keys such as `{val_loss}` are filled in. */
  path: z.string().regex(/\.keras$|\.weights\.h5$/, 'expected a path that ends in .keras or .weights.h5'),
  /** Writes only when the figure is better than ever before. */
  saveBestOnly: z.boolean().default(false),
  /** After each epoch, or after so many batches. */
  saveFreq: z.union([z.literal('epoch'), z.int().min(1)]).default('epoch'),
  /** A value that must be beaten first. */
  initialValueThreshold: z.number().nullable().default(null),
});

/** Saves the model while it trains. @source keras/src/callbacks/model_checkpoint.py */
export class ModelCheckpoint extends Callback {
  readonly #options: z.output<typeof schema>;
  readonly #monitor: Monitor;
  #best = 0;
  #epoch = 0;
  #batches = 0;

  constructor(options: z.input<typeof schema>) {
    super();
    this.#options = parseOptions(schema, options, 'ModelCheckpoint');
    this.#monitor = new Monitor(this.#options.monitor, this.#options.mode);
    const every = this.#options.saveFreq;
    if (typeof every === 'number') this.onTrainBatchEnd = (_batch, logs) => this.#afterBatch(every, logs);
  }

  override onTrainBegin(): void {
    const { saveBestOnly, initialValueThreshold } = this.#options;
    if (saveBestOnly) this.#best = initialValueThreshold ?? this.#monitor.worst(this.run);
  }

  override onEpochBegin(epoch: number): void {
    this.#epoch = epoch;
  }

  override async onEpochEnd(epoch: number, logs: Logs): Promise<void> {
    if (this.#options.saveFreq === 'epoch') await this.#save(epoch, logs);
  }

  async #afterBatch(every: number, logs: Logs): Promise<void> {
    this.#batches++;
    if (this.#batches % every === 0) await this.#save(this.#epoch, logs);
  }

  async #save(epoch: number, logs: Logs): Promise<void> {
    if (this.#options.saveBestOnly) {
      const value = this.#monitor.read(logs, 'ModelCheckpoint');
      if (!this.#monitor.improves(value, this.#best, 0, this.run)) return;
      this.#best = value;
    }
    const path = this.#options.path.replace(/\{(\w+)\}/g, (whole, key: string) =>
      key === 'epoch' ? String(epoch + 1).padStart(2, '0') : (logs[key]?.toFixed(4) ?? whole),
    );
    await this.run.model.save(path, { overwrite: true });
  }
}

/** Saves the model while it trains. @see {@link ModelCheckpoint} */
export const modelCheckpoint = (options: z.input<typeof schema>): ModelCheckpoint =>
  new ModelCheckpoint(options);
