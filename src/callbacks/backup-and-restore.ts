import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { deferred } from '../core/deferred.ts';
import { parseState, type State } from '../core/state.ts';
import { FormatError } from '../errors.ts';
import { makeFolder, removeUnfinishedWrites } from '../formats/atomic.ts';
import { readState, writeState } from '../formats/state-file.ts';
import { Callback, callbacks } from '../training/callback.ts';

const schema = deferred(() =>
  z.strictObject({
    /** Folder of the checkpoints, for one run alone. */
    backupDir: z.string().min(1),
    /** After each epoch, or after so many steps (batches; with `stepsPerExecution`, so many runs of them). */
    saveFreq: z.union([z.literal('epoch'), z.int().min(1)]).default('epoch'),
    /** Removes the checkpoints when training has come to its end. */
    deleteCheckpoint: z.boolean().default(true),
    /** Checkpoints that are kept; older ones serve where the newest turns out to be damaged. */
    keep: z.int().min(1).default(2),
  }),
);

const fileName = /^run-(\d{9})\.checkpoint$/;
const stateSchema = deferred(() => z.strictObject({ steps: z.int() }));

/**
 * Saves the whole run while it trains, and goes on from there when `fit` is called again after the process died: the
 * result is bit for bit that of a run that never stopped. Weights, optimizer, random numbers, place in the data,
 * running metrics, history and callbacks are in the checkpoint.
 * @source keras/src/callbacks/backup_and_restore.py
 */
export class BackupAndRestore extends Callback<typeof schema> {
  static override readonly className = 'BackupAndRestore';
  static override readonly schema = schema;
  #steps = 0;

  constructor(options: z.input<typeof schema>) {
    super(options);
    const { saveFreq } = this.options;
    if (saveFreq === 'epoch') this.onEpochDone = () => this.#save();
    else this.onStepDone = () => this.#afterStep(saveFreq);
  }

  /** The newest checkpoint that can be read. */
  override async savedRun(): Promise<State | undefined> {
    const { backupDir } = this.options;
    await makeFolder(backupDir);
    await removeUnfinishedWrites(backupDir);
    let damage: unknown;
    for (const name of (await this.#checkpoints()).reverse()) {
      try {
        return await readState(join(backupDir, name));
      } catch (error) {
        if (!(error instanceof FormatError)) throw error;
        damage ??= error;
        process.emitWarning(`${error.message} The checkpoint before it is tried.`, 'TfkWarning');
      }
    }
    if (damage !== undefined) throw damage;
    return undefined;
  }

  override async onInterrupted(): Promise<void> {
    await this.#save();
  }

  override async onTrainEnd(): Promise<void> {
    if (!this.options.deleteCheckpoint || this.run.interrupted) return;
    await this.#remove(await this.#checkpoints());
  }

  override state(): State {
    return { steps: this.#steps };
  }

  override restore(state: State): void {
    this.#steps = parseState(stateSchema, state, 'BackupAndRestore').steps;
  }

  async #afterStep(every: number): Promise<void> {
    this.#steps++;
    if (this.#steps % every === 0) await this.#save();
  }

  /** A new file first, then the oldest go: there is a whole checkpoint at any moment. */
  async #save(): Promise<void> {
    const { backupDir, keep } = this.options;
    const before = await this.#checkpoints();
    const next = Number(fileName.exec(before.at(-1) ?? '')?.[1] ?? 0) + 1;
    await writeState(
      join(backupDir, `run-${String(next).padStart(9, '0')}.checkpoint`),
      await this.run.state(),
    );
    await this.#remove(before.slice(0, Math.max(0, before.length + 1 - keep)));
  }

  /** Names of the checkpoints, oldest first. */
  async #checkpoints(): Promise<string[]> {
    return (await readdir(this.options.backupDir)).filter((name) => fileName.test(name)).sort();
  }

  async #remove(names: readonly string[]): Promise<void> {
    for (const name of names) await rm(join(this.options.backupDir, name), { force: true });
  }
}

/** Saves the whole run, and goes on from there after a crash. @see {@link BackupAndRestore} */
export const backupAndRestore = (options: z.input<typeof schema>): BackupAndRestore =>
  new BackupAndRestore(options);
callbacks.register(BackupAndRestore);
