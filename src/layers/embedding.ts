import type { z } from 'zod';
import type { Value } from '../ir/graph.ts';
import { cast, gather } from '../ops/index.ts';
import { Layer, layerOptions, type Values } from './layer.ts';
import { constraintOption, initializerOption, positiveInteger, regularizerOption } from './options.ts';
import { registerLayer } from './registry.ts';
import type { Weight } from './weight.ts';

const schema = layerOptions.extend({
  /** Number of vectors: indices are from 0 to `inputDim - 1`. */
  inputDim: positiveInteger,
  /** Length of each vector. */
  outputDim: positiveInteger,
  embeddingsInitializer: initializerOption('uniform'),
  embeddingsRegularizer: regularizerOption(),
  embeddingsConstraint: constraintOption(),
});

/**
 * A trained vector for every index: `[batch, ...]` of whole numbers becomes `[batch, ..., outputDim]`.
 *
 * Weights: `embeddings [inputDim, outputDim]`. Indices that are not `int32` or `int64` are converted to
 * `int32`.
 * @source keras/src/layers/core/embedding.py
 */
export class Embedding extends Layer<typeof schema> {
  static override readonly className = 'Embedding';
  static override readonly schema = schema;
  #embeddings!: Weight;

  protected override get castsInputs(): boolean {
    return false;
  }

  override build(): void {
    const o = this.options;
    this.#embeddings = this.addWeight('embeddings', [o.inputDim, o.outputDim], {
      initializer: o.embeddingsInitializer,
      regularizer: o.embeddingsRegularizer,
      constraint: o.embeddingsConstraint,
    });
  }

  call([x]: Values): Value {
    const indices = x.dtype === 'int32' || x.dtype === 'int64' ? x : cast(x, 'int32');
    return gather(this.#embeddings.value, indices);
  }
}

/** A trained vector for every index. @see {@link Embedding} */
export const embedding = (options: z.input<typeof schema>): Embedding => new Embedding(options);
registerLayer(Embedding, [
  { options: { inputDim: 4, outputDim: 3 }, inputs: [[null, 5]], dtype: 'int32', output: [null, 5, 3] },
  { options: { inputDim: 7, outputDim: 2 }, inputs: [[null]], dtype: 'uint8', output: [null, 2] },
]);
