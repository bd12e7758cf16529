import * as z from 'zod';
import { deferred } from '../core/deferred.ts';
import type { Tensor } from '../core/tensor.ts';
import { ConfigError } from '../errors.ts';
import type { ExportOptions } from '../formats/onnx-export.ts';
import type { LoadWeightsOptions, SaveWeightsOptions } from '../formats/weights-file.ts';
import { probe } from '../functions/probe.ts';
import { Layer } from '../layers/layer.ts';
import type { LoraOptions } from '../layers/lora.ts';
import type { SymbolicTensor } from '../layers/symbolic.ts';
import type { History } from '../training/callback.ts';
import type { CompileOptions } from '../training/compile.ts';
import type { BatchSource, DataLike, TargetsLike } from '../training/data.ts';
import type { EvaluateOptions, FitOptions, PredictOptions } from '../training/options.ts';
import type { StepBatch, StepLosses } from '../training/step-graph.ts';
import { Trainer } from '../training/trainer.ts';
import { enableLora, mergeLora } from './lora.ts';
import { type LayerPattern, selectLayers } from './select-layers.ts';
import { type SummaryOptions, summarize } from './summary.ts';

/** Options of every model. */
export const modelOptions = deferred(() =>
  z.strictObject({
    name: z.string().optional(),
    trainable: z.boolean().default(true),
  }),
);

/** Data for training and evaluation: tensors (nested arrays, records by name) or batches as they come. */
export type Data = DataLike | BatchSource;

/** What a model gives for data: a tensor, or one for each of several outputs. */
export type Prediction = Tensor | Tensor[];

/** A layer that can be trained: what `sequential`, `model` and users' subclasses have in common. */
export abstract class Model<
  S extends z.ZodType = z.ZodType,
  P extends Prediction = Prediction,
> extends Layer<S> {
  static override readonly schema: z.ZodType = modelOptions;
  #trainer: Trainer | undefined;
  #isCompiled = false;

  /**
   * A hook: what a training step of `fit` computes instead of the compiled losses and metrics. Written in `tfk.ops`,
   * with `this.invoke(batch.x, { training: true })` for the model's outputs. Losses of regularizers and layers are added.
   * @returns `loss`, which is minimized, and whatever else is to be reported: scalars by name
   */
  trainStep?(batch: StepBatch): StepLosses;

  /** A hook: the same for `evaluate` and validation; the compiled losses and metrics where there is none. */
  testStep?(batch: StepBatch): StepLosses;

  /** Data comes in as it is: indices stay whole numbers. */
  protected override get castsInputs(): boolean {
    return false;
  }

  protected override get arity(): { readonly min: number; readonly max: number } {
    return { min: 1, max: Number.POSITIVE_INFINITY };
  }

  /** Symbolic inputs; none for a model that has not seen data yet. */
  get inputs(): readonly SymbolicTensor[] {
    return [];
  }

  /** Symbolic outputs. */
  get outputs(): readonly SymbolicTensor[] {
    return [];
  }

  /** The layers, in order. */
  get layers(): readonly Layer[] {
    return this.sublayers;
  }

  /** Names under which data can be given: those of the input layers. */
  get inputNames(): readonly string[] {
    return this.inputs.map((x) => x.origin.call.layer.name);
  }

  /** Names of the outputs: those of the layers they come from. */
  get outputNames(): readonly string[] {
    return this.outputs.map((y) => y.origin.call.layer.name);
  }

  /** A layer by name or position. @throws {@link ConfigError} */
  getLayer(which: string | number): Layer {
    const found =
      typeof which === 'number' ? this.layers.at(which) : this.layers.find((l) => l.name === which);
    if (found !== undefined) return found;
    const known = this.layers.map((l) => l.name).join(', ');
    throw new ConfigError(
      `model "${this.name}" has no layer ${JSON.stringify(which)}. Its layers: ${known}.`,
      {
        argument: 'layer',
        expected: known,
        received: String(which),
      },
    );
  }

  /**
   * Freezes layers and all inside them: their weights stay, batch normalization uses its running statistics. A model
   * that has been trained needs another `compile`.
   * @param patterns - names or paths of layers, `*` for anything, as `block_*` or `encoder/dense`, or regular
   *   expressions; all layers where there are none
   * @throws {@link ConfigError} for a pattern that no layer matches
   */
  freeze(...patterns: readonly LayerPattern[]): this {
    for (const layer of selectLayers(this, patterns)) layer.trainable = false;
    return this;
  }

  /** Trains layers again, and all inside them. The reverse of {@link freeze}. */
  unfreeze(...patterns: readonly LayerPattern[]): this {
    for (const layer of selectLayers(this, patterns)) layer.trainable = true;
    return this;
  }

  /**
   * Freezes everything and adapts dense, einsum-dense, embedding and convolution layers by low-rank updates, which alone
   * are trained: what else is to be trained is unfrozen afterwards. The model needs another `compile`.
   * @param rank - columns of the factors: the smaller, the fewer weights
   * @param options.layers - patterns of {@link freeze}; all layers that can be adapted where left out
   * @throws {@link ConfigError} when no layer can be adapted
   */
  enableLora(rank: number, options: LoraOptions & { readonly layers?: readonly LayerPattern[] } = {}): this {
    enableLora(this, rank, options);
    return this;
  }

  /** Adds all low-rank updates to their kernels for good; outputs stay as they are. The layers can be trained again. */
  mergeLora(): this {
    mergeLora(this);
    return this;
  }

  /** Writes what fine-tuning trained, low-rank updates and all other trainable weights, to a `.safetensors` file. */
  async saveAdapters(path: string): Promise<void> {
    const { saveAdapters } = await import('../formats/adapters.ts');
    await saveAdapters(this, path);
  }

  /**
   * Reads what {@link saveAdapters} wrote into a model with the weights that fine-tuning began with; layers that the
   * file adapts are adapted. The model is unchanged when something does not fit.
   * @throws {@link FormatError} when the file is corrupt, or of another model
   */
  async loadAdapters(path: string): Promise<void> {
    const { loadAdapters } = await import('../formats/adapters.ts');
    await loadAdapters(this, path);
  }

  /** Sets optimizer, losses and metrics. Once training has begun, freezing a layer needs another `compile`. */
  compile(options: CompileOptions = {}): void {
    const busy = this.#trainer?.busy;
    if (busy !== undefined) {
      throw new ConfigError(`model "${this.name}": busy with ${busy}; await that before compile.`, {
        op: this.name,
      });
    }
    const trainer = new Trainer(this as unknown as Model, options);
    this.#trainer?.dispose();
    this.#trainer = trainer;
    this.#isCompiled = true;
  }

  /** Optimizer, losses and metrics of the last `compile`. */
  get compiled(): Trainer | undefined {
    return this.#isCompiled ? this.#trainer : undefined;
  }

  #requireTrainer(): Trainer {
    if (this.compiled !== undefined) return this.compiled;
    throw new ConfigError(
      `model "${this.name}" is not compiled. Call model.compile({ optimizer, loss, metrics }) first.`,
      {
        op: this.name,
      },
    );
  }

  /** Trains for some epochs. @returns loss and metrics per epoch */
  async fit(x: Data, y?: TargetsLike, options: FitOptions = {}): Promise<History> {
    return this.#requireTrainer().fit(x, y, options);
  }

  /** Loss and metrics on data. */
  async evaluate(x: Data, y?: TargetsLike, options: EvaluateOptions = {}): Promise<Record<string, number>> {
    return this.#requireTrainer().evaluate(x, y, options);
  }

  /** Outputs for data: a tensor, or one per output. */
  async predict(x: Data, options: PredictOptions = {}): Promise<P> {
    this.#trainer ??= new Trainer(this as unknown as Model, {});
    return (await this.#trainer.predict(x, options)) as P;
  }

  /**
   * What happens inside the model for some data, by name: outputs of layers at any depth (`conv2d_1`,
   * `encoder/dense`), what enters a layer's activation (`dense/preActivation`), results of ops (`dense/matmul`).
   * @param x - a tensor, or one per input
   * @throws {@link ConfigError} for a name that nothing has
   */
  probe(x: Tensor | readonly Tensor[], names: readonly string[]): Readonly<Record<string, Tensor>> {
    return probe(this as unknown as Model, x, names);
  }

  /** One update on one batch. @returns loss and metrics of that batch */
  async trainOnBatch(
    x: DataLike,
    y?: TargetsLike,
    options: Pick<FitOptions, 'sampleWeight' | 'classWeight'> = {},
  ): Promise<Record<string, number>> {
    return this.#requireTrainer().trainOnBatch(x, y, options);
  }

  /** Loss and metrics of one batch. */
  async testOnBatch(
    x: DataLike,
    y?: TargetsLike,
    options: Pick<FitOptions, 'sampleWeight'> = {},
  ): Promise<Record<string, number>> {
    return this.#requireTrainer().testOnBatch(x, y, options);
  }

  /** Table of the layers, their output shapes and parameter counts. */
  summary(options: SummaryOptions = {}): string {
    return summarize(this as unknown as Model, options);
  }

  /** Writes the model: `.keras` (all of it), `.h5` (as older Keras) or `.weights.h5` (weights only). Atomic. */
  async save(path: string, options: { overwrite?: boolean } = {}): Promise<void> {
    const { saveModel } = await import('../formats/save.ts');
    await saveModel(this as unknown as Model, path, options);
  }

  /** Writes the model for other runtimes: `.onnx`, for any batch size, or `model.json` for TensorFlow.js. Atomic. */
  async export(path: string, options: ExportOptions = {}): Promise<void> {
    const { exportModel } = await import('../formats/export.ts');
    await exportModel(this as unknown as Model, path, options);
  }

  /** Writes the weights alone: `.weights.h5`, `.weights.json` (in parts), `.safetensors` or `.npz`. Atomic. */
  async saveWeights(path: string, options: SaveWeightsOptions = {}): Promise<void> {
    const { saveWeights } = await import('../formats/weights-file.ts');
    await saveWeights(this as unknown as Model, path, options);
  }

  /**
   * Reads weights into this model, from what `saveWeights`, `save`, Keras or PyTorch wrote: also a legacy `.h5` and the
   * index of several `.safetensors`.
   */
  async loadWeights(path: string, options: LoadWeightsOptions = {}): Promise<void> {
    const { loadWeights } = await import('../formats/weights-file.ts');
    await loadWeights(this as unknown as Model, path, options);
  }

  /** Releases native memory; the model can be used again afterwards. Not needed before exit. */
  dispose(): void {
    this.#trainer?.dispose();
  }
}
