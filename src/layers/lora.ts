import * as z from 'zod';
import { parseOptions } from '../core/configured.ts';
import { deferred } from '../core/deferred.ts';
import { Tensor } from '../core/tensor.ts';
import { ConfigError } from '../errors.ts';
import type { Value } from '../ir/graph.ts';
import { matmul, mul } from '../ops/index.ts';
import { Layer } from './layer.ts';
import { initializerOption, positiveInteger } from './options.ts';
import { type Adapter, Weight, type WeightOptions } from './weight.ts';

export const loraOptions = deferred(() =>
  z.strictObject({
    /** The update is multiplied by `alpha / rank`; `null` for `alpha = rank`. */
    alpha: z.number().positive().nullable().default(null),
    aInitializer: initializerOption('heUniform'),
    bInitializer: initializerOption('zeros'),
  }),
);
/** Options of `enableLora`. */
export type LoraOptions = z.input<typeof loraOptions>;

/** Low-rank update from the start on: `enableLora(loraRank, { alpha: loraAlpha })` once the layer is built. */
export const loraFromStart = deferred(() => ({
  /** Rank of the update; `null` for none. */
  loraRank: positiveInteger.nullable().default(null),
  /** The update is multiplied by `loraAlpha / loraRank`; `null` for `loraRank`. */
  loraAlpha: z.number().positive().nullable().default(null),
}));

type LoraFromStart = z.output<z.ZodObject<typeof loraFromStart>>;

/** A low-rank update of a weight: `alpha / rank * a b`, with `a [..., rank]` and `b [rank, last]`. */
class Lora implements Adapter {
  readonly rank: number;
  readonly alpha: number;
  readonly weights: readonly [a: Weight, b: Weight];

  constructor(
    target: Weight,
    rank: number,
    { alpha, aInitializer, bInitializer }: z.output<typeof loraOptions>,
  ) {
    this.rank = rank;
    this.alpha = alpha ?? rank;
    const regularizer = target.regularizer ?? null;
    const make = (
      part: string,
      shape: readonly number[],
      initializer: WeightOptions['initializer'],
    ): Weight => {
      const name = `lora_${target.name}_${part}`;
      const path = `${target.path.slice(0, -target.name.length)}${name}`;
      return new Weight(name, path, shape, { initializer, regularizer });
    };
    this.weights = [
      make('a', [...target.shape.slice(0, -1), rank], aInitializer),
      make('b', [rank, target.shape.at(-1) as number], bInitializer),
    ];
  }

  get value(): Value {
    const [a, b] = this.weights;
    return mul(matmul(a.value, b.value), this.alpha / this.rank);
  }

  addTo({ dtype, shape, data }: Tensor): Tensor {
    const [a, b] = this.weights.map((weight) => weight.storage.data as Float32Array) as [
      Float32Array,
      Float32Array,
    ];
    const columns = shape.at(-1) as number;
    const sums = Float32Array.from(data as Float32Array, (kernel, i) => {
      const [row, column] = [Math.floor(i / columns), i % columns];
      let sum = 0;
      for (let r = 0; r < this.rank; r++)
        sum += (a[row * this.rank + r] as number) * (b[r * columns + column] as number);
      return kernel + (this.alpha / this.rank) * sum;
    });
    return new Tensor(dtype, shape, sums);
  }

  get cleared(): readonly Weight[] {
    return [this.weights[1]];
  }
}

/** A layer whose main weight can get a low-rank update (LoRA). @source Hu et al. 2021, arXiv:2106.09685 */
export abstract class Adaptable<S extends z.ZodType = z.ZodType> extends Layer<S> {
  #target: Weight | undefined;
  #lora: Lora | undefined;

  /** Creates the weight that {@link enableLora} adapts, and the update where the layer begins with one. */
  protected addAdaptableWeight(
    name: string,
    shape: readonly number[],
    options: WeightOptions,
    { loraRank, loraAlpha }: LoraFromStart = { loraRank: null, loraAlpha: null },
  ): Weight {
    this.#target = this.addWeight(name, shape, options);
    if (loraRank !== null) this.enableLora(loraRank, { alpha: loraAlpha });
    return this.#target;
  }

  /** Whether the layer is built, and has a weight that {@link enableLora} can adapt. */
  get canEnableLora(): boolean {
    return this.#target !== undefined && this.#target.constraint === undefined && this.#lora === undefined;
  }

  /** Rank and alpha of the low-rank update, where there is one. */
  get lora(): { readonly rank: number; readonly alpha: number } | undefined {
    return this.#lora && { rank: this.#lora.rank, alpha: this.#lora.alpha };
  }

  /**
   * Freezes the kernel and trains a low-rank update of it: `kernel + alpha / rank * a b`. The weights `lora_kernel_a
   * [..., rank]` and `lora_kernel_b [rank, last]` (`lora_embeddings_*`) are added; files get the sum in the place of
   * the kernel. Models that were compiled need another `compile`.
   * @throws {@link ConfigError} when the layer is not built, its kernel has a constraint, or LoRA is enabled already
   * @source keras/src/layers/core/dense.py, `enable_lora`
   */
  enableLora(rank: number, options: LoraOptions = {}): void {
    const where = `${this.label}: enableLora`;
    const given = parseOptions(loraOptions, options, where);
    parseOptions(z.object({ rank: positiveInteger }), { rank }, where);
    const target = this.#target;
    if (target === undefined || !this.canEnableLora) {
      const fault = this.#obstacle();
      throw new ConfigError(`${where}: ${fault}`, { op: this.name, argument: 'enableLora' });
    }
    this.#lora = new Lora(target, rank, given);
    target.adapter = this.#lora;
    this.trainable = this.trainable; // the kernel no longer is
  }

  #obstacle(): string {
    if (this.#lora) return 'LoRA is enabled already. Call mergeLora() first.';
    if (this.#target?.constraint) return `${this.#target.name} has a constraint, which LoRA would break.`;
    return this.built
      ? 'the layer has no weight that LoRA adapts.'
      : 'the layer is not built yet. Give the model an input, or call it on data first.';
  }

  /** Adds the low-rank update to the kernel for good; outputs stay as they are, and the kernel is trained again. */
  mergeLora(): void {
    const target = this.#target;
    if (target === undefined || this.#lora === undefined) return;
    target.write(target.merged);
    target.adapter = undefined;
    this.#lora = undefined;
    this.trainable = this.trainable;
  }

  /** An update from the start is told as it is now; others are saved as a part of the kernel. */
  override get currentOptions(): Readonly<Record<string, unknown>> {
    const options = super.currentOptions;
    if (this.#target === undefined || !this.#beganWithLora) return options;
    return { ...options, loraRank: this.lora?.rank ?? null, loraAlpha: this.lora?.alpha ?? null };
  }

  /** Whether there is a low-rank update of which the options tell, so that it comes back from files. */
  get keepsLora(): boolean {
    return this.#lora !== undefined && this.#beganWithLora;
  }

  get #beganWithLora(): boolean {
    return (super.currentOptions.loraRank ?? null) !== null;
  }

  override get ownWeights(): readonly Weight[] {
    return [...super.ownWeights, ...(this.#lora?.weights ?? [])];
  }

  override get trainable(): boolean {
    return super.trainable;
  }

  override set trainable(value: boolean) {
    super.trainable = value;
    if (this.#lora === undefined || this.#target === undefined) return;
    this.#target.trainable = false;
    for (const weight of this.#lora.weights) weight.trainable = value;
  }
}
