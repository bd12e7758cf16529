import * as z from 'zod';
import { deferred } from '../core/deferred.ts';
import type { Value } from '../ir/graph.ts';
import { cast, equal, gather, logicalNot } from '../ops/index.ts';
import { layerOptions, type Values } from './layer.ts';
import { Adaptable, loraFromStart } from './lora.ts';
import { constraintOption, initializerOption, positiveInteger, regularizerOption } from './options.ts';
import { registerLayer } from './registry.ts';
import type { Weight, WeightOptions } from './weight.ts';

/** Options of a table of vectors. */
export const embeddingOptions = deferred(() =>
  layerOptions.extend({
    /** Number of vectors: indices are from 0 to `inputDim - 1`. */
    inputDim: positiveInteger,
    /** Length of each vector. */
    outputDim: positiveInteger,
    embeddingsInitializer: initializerOption('uniform'),
    embeddingsRegularizer: regularizerOption(),
    embeddingsConstraint: constraintOption(),
    /** Index 0 is padding: it does not count in the layers that follow. */
    maskZero: z.boolean().default(false),
    ...loraFromStart,
  }),
);

/**
 * A trained vector for every index: `[batch, ...]` of whole numbers becomes `[batch, ..., outputDim]`.
 *
 * Weights: `embeddings [inputDim, outputDim]`. Indices that are not `int32` or `int64` are converted to
 * `int32`.
 * @source keras/src/layers/core/embedding.py
 */
export class Embedding extends Adaptable<typeof embeddingOptions> {
  static override readonly className = 'Embedding';
  static override readonly schema = embeddingOptions;
  #embeddings!: Weight;

  protected override get castsInputs(): boolean {
    return false;
  }

  protected override get supportsMasking(): boolean {
    return this.options.maskZero;
  }

  protected override computeMask([x]: Values): readonly Value[] {
    return [logicalNot(equal(x, 0))];
  }

  override build(): void {
    const { inputDim, outputDim } = this.options;
    const weight = embeddingWeight(this.options);
    this.#embeddings = this.addAdaptableWeight('embeddings', [inputDim, outputDim], weight, this.options);
  }

  call([x]: Values): Value {
    return lookUp(this.#embeddings.value, x);
  }
}

/** What the weight `embeddings` is made of. */
export const embeddingWeight = (o: z.output<typeof embeddingOptions>): WeightOptions => ({
  initializer: o.embeddingsInitializer,
  regularizer: o.embeddingsRegularizer,
  constraint: o.embeddingsConstraint,
});

/** The vectors of a table at some indices. */
export const lookUp = (table: Value, x: Value): Value =>
  gather(table, x.dtype === 'int32' || x.dtype === 'int64' ? x : cast(x, 'int32'));

/** A trained vector for every index. @see {@link Embedding} */
export const embedding = (options: z.input<typeof embeddingOptions>): Embedding => new Embedding(options);
registerLayer(Embedding, [
  { options: { inputDim: 4, outputDim: 3 }, inputs: [[null, 5]], dtype: 'int32', output: [null, 5, 3] },
  { options: { inputDim: 4, outputDim: 2, maskZero: true }, inputs: [[null, 3]], dtype: 'int64' },
  { options: { inputDim: 7, outputDim: 2 }, inputs: [[null]], dtype: 'uint8', output: [null, 2] },
]);
