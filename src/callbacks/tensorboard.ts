import { join } from 'node:path';
import * as z from 'zod';
import { deferred } from '../core/deferred.ts';
import { parseState, type State } from '../core/state.ts';
import type { Tensor } from '../core/tensor.ts';
import { EventFile, type GraphNode } from '../formats/event-file.ts';
import type { DeviceTimes, NodeTime } from '../formats/event-run-metadata.ts';
import { bitmapOf } from '../formats/png.ts';
import { Callback, callbacks, type Logs } from '../training/callback.ts';
import type { TraceEvent } from '../training/profile.ts';

const schema = deferred(() =>
  z.strictObject({
    /** Folder of the run; figures of training go to `train` in it, those of validation to `validation`. */
    logDir: z.string().min(1).default('logs'),
    /** Epochs between two histograms of all weights; 0 for none. */
    histogramFreq: z.int().nonnegative().default(0),
    /** Writes the layers and how they are connected. */
    writeGraph: z.boolean().default(true),
    /** Writes how many steps a second were done, after each epoch. */
    writeStepsPerSecond: z.boolean().default(false),
    /** Figures after each epoch; also after each batch, or after so many. */
    updateFreq: z.union([z.literal('epoch'), z.literal('batch'), z.int().min(1)]).default('epoch'),
    /** Settings of the run, by which TensorBoard compares it with others. */
    hparams: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).optional(),
  }),
);

const stateSchema = deferred(() => z.strictObject({ step: z.int(), epochs: z.int() }));

/**
 * Writes event files for TensorBoard while a model trains. With `profile` of `fit`, its page of graphs shows the time of
 * each layer in a step.
 * @source keras/src/callbacks/tensorboard.py
 */
export class TensorBoard extends Callback<typeof schema> {
  static override readonly className = 'TensorBoard';
  static override readonly schema = schema;
  #train: EventFile | undefined;
  #validation: EventFile | undefined;
  /** Batches seen in all epochs. */
  #step = 0;
  #epochs = 0;
  #graphIsDue = false;
  #epochBegin = { time: 0, step: 0 };

  constructor(options: z.input<typeof schema> = {}) {
    super(options);
    const { updateFreq, writeStepsPerSecond } = this.options;
    const every = { epoch: Number.POSITIVE_INFINITY, batch: 1 }[updateFreq] ?? Number(updateFreq);
    if (Number.isFinite(every) || writeStepsPerSecond)
      this.onTrainBatchEnd = (_batch, logs) => this.#afterBatch(every, logs);
  }

  override async onTrainBegin(): Promise<void> {
    this.#step = 0;
    this.#epochs = 0;
    this.#train = await EventFile.open(join(this.options.logDir, 'train'));
    const { hparams, writeGraph } = this.options;
    if (hparams) await this.#withSession((session) => session.hparams(hparams));
    this.#graphIsDue = writeGraph;
    await this.#train.flush();
  }

  override state(): State {
    return { step: this.#step, epochs: this.#epochs };
  }

  /**
   * A new file, which takes back what the old one says about later epochs. Where batches are written too they are
   * counted otherwise, and the same figures come twice.
   */
  override async restore(state: State): Promise<void> {
    const { step, epochs } = parseState(stateSchema, state, 'TensorBoard');
    const { logDir, updateFreq, writeGraph } = this.options;
    const from = updateFreq === 'epoch' ? epochs : undefined;
    this.#step = step;
    this.#epochs = epochs;
    this.#graphIsDue = writeGraph && epochs === 0;
    this.#train = await EventFile.open(join(logDir, 'train'), from);
    if (this.run.info.validates) await this.#openValidation(from);
  }

  override onEpochBegin(): void {
    this.#epochBegin = { time: performance.now(), step: this.#step };
  }

  override async onEpochEnd(epoch: number, logs: Logs): Promise<void> {
    const { histogramFreq, writeStepsPerSecond } = this.options;
    this.#epochs = epoch + 1;
    if (this.#graphIsDue) this.#train?.graph(this.#graph());
    this.#graphIsDue = false;
    for (const [key, figure] of Object.entries(logs)) {
      const held = key.startsWith('val_');
      const file = held ? await this.#openValidation() : this.#train;
      file?.scalar(`epoch_${held ? key.slice(4) : key}`, epoch, figure);
    }
    if (writeStepsPerSecond) {
      const seconds = (performance.now() - this.#epochBegin.time) / 1000;
      this.#train?.scalar('epoch_steps_per_second', epoch, (this.#step - this.#epochBegin.step) / seconds);
    }
    if (histogramFreq > 0 && epoch % histogramFreq === 0) this.#histograms(epoch);
    await this.#train?.flush();
    await this.#validation?.flush();
  }

  override onTrace(events: readonly TraceEvent[]): void {
    const layers = new Set(this.#graph().map(({ name }) => name));
    this.#train?.runMetadata('profile', this.#step, timesOf(events, layers));
  }

  override async onTrainEnd(): Promise<void> {
    await this.#train?.flush();
    if (this.options.hparams) await this.#withSession((session) => session.endHparams());
    this.#train = undefined;
    this.#validation = undefined;
  }

  /**
   * Writes pictures, for other callbacks, while the model trains.
   * @param pictures - `[count, height, width, channels]` in 0..1, or 0..255 where there are larger numbers
   */
  image(tag: string, step: number, pictures: Tensor): void {
    const [count = 0, ...shape] = pictures.shape;
    const bitmaps = Array.from({ length: count }, (_, row) =>
      bitmapOf(pictures.rows(row, row + 1).data as ArrayLike<number>, shape),
    );
    if (bitmaps.length > 0) this.#train?.images(tag, step, bitmaps);
  }

  /** Writes a text in Markdown, for other callbacks, while the model trains. */
  text(tag: string, step: number, text: string): void {
    this.#train?.text(tag, step, text);
  }

  /** Settings belong to the run as a whole, training and validation. */
  async #withSession(write: (session: EventFile) => void): Promise<void> {
    const session = await EventFile.open(this.options.logDir);
    write(session);
    await session.flush();
  }

  async #afterBatch(every: number, logs: Logs): Promise<void> {
    this.#step++;
    if (this.#step % every !== 0) return;
    for (const [key, figure] of Object.entries(logs)) this.#train?.scalar(`batch_${key}`, this.#step, figure);
    await this.#train?.flush();
  }

  async #openValidation(from?: number): Promise<EventFile> {
    this.#validation ??= await EventFile.open(join(this.options.logDir, 'validation'), from);
    return this.#validation;
  }

  #histograms(epoch: number): void {
    for (const { path, storage } of this.run.model.weights)
      this.#train?.histogram(`${path}/histogram`, epoch, Float32Array.from(storage.data as Float32Array));
  }

  /** A node for each layer that the outputs follow from; the model is built once an epoch has run. */
  #graph(): GraphNode[] {
    const nodes = new Map<string, GraphNode>();
    const visit = ({ origin: { call } }: SymbolicTensor): string => {
      const { name, className } = call.layer;
      if (!nodes.has(name)) nodes.set(name, { name, op: className, inputs: call.inputs.map(visit) });
      return name;
    };
    for (const output of this.run.model.outputs) visit(output);
    return [...nodes.values()];
  }
}

/**
 * Means over the traced steps: of the parts of a step on the host, of the layers in the runtime. TensorBoard counts
 * devices that are called `device:KIND:NUMBER`.
 */
function timesOf(events: readonly TraceEvent[], layers: ReadonlySet<string>): DeviceTimes[] {
  const steps = Math.max(1, events.filter(({ cat, name }) => cat === 'host' && name === 'run').length);
  const means = (category: string, nameOf: (name: string) => string): NodeTime[] => {
    const sums = new Map<string, number>();
    for (const { cat, name, dur = 0 } of events)
      if (cat === category && name !== 'compile')
        sums.set(nameOf(name), (sums.get(nameOf(name)) ?? 0) + dur / steps);
    let start = 1; // 0 counts as unknown
    return [...sums].map(([name, duration]) => {
      const time = { name, start, duration };
      start += duration;
      return time;
    });
  };
  return [
    { device: '/device:HOST:0', nodes: means('host', (name) => name) },
    { device: '/device:RUNTIME:0', nodes: means('op', (name) => layerIn(name, layers)) },
  ];
}

/** The layer whose op this is, forward or backward: `dense` of `model/dense(gradient)/MatMul`. */
const layerIn = (name: string, layers: ReadonlySet<string>): string =>
  name
    .replaceAll('(gradient)', '')
    .split('/')
    .find((part) => layers.has(part)) ?? name;

/** A symbolic tensor of the model, as far as its graph goes. */
type SymbolicTensor = TensorBoard['run']['model']['outputs'][number];

/** Writes event files for TensorBoard. @see {@link TensorBoard} */
export const tensorBoard = (options: z.input<typeof schema> = {}): TensorBoard => new TensorBoard(options);
callbacks.register(TensorBoard);
