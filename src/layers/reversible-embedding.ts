import * as z from 'zod';
import { deferred } from '../core/deferred.ts';
import type { Value } from '../ir/graph.ts';
import { div, equal, logicalNot, matmul, mul, tanh, transpose } from '../ops/index.ts';
import type { CallSignature } from './call-arguments.ts';
import { embeddingOptions, embeddingWeight, lookUp } from './embedding.ts';
import type { CallOptions, Values } from './layer.ts';
import { Adaptable } from './lora.ts';
import { withMask } from './masks.ts';
import { registerLayer } from './registry.ts';
import type { Weight } from './weight.ts';

const schema = deferred(() =>
  embeddingOptions.extend({
    /** Whether the way back uses the same vectors; else it has weights of its own. */
    tieWeights: z.boolean().default(true),
    /** Scores on the way back are held within plus and minus this, by `cap * tanh(score / cap)`. */
    logitSoftCap: z.number().positive().nullable().default(null),
  }),
);

/**
 * A trained vector for every index and, called with `{ reverse: true }`, a score of every index for a vector:
 * `[batch, ..., outputDim]` becomes `[batch, ..., inputDim]`, as language models end. As in Keras, the scores have no mask:
 * padding counts in loss and metrics unless sample weights leave it out.
 *
 * Weights: `embeddings [inputDim, outputDim]`, without `tieWeights` also `reverse_embeddings [outputDim, inputDim]`.
 * @source Press and Wolf 2016, arXiv:1608.05859; keras/src/layers/core/reversible_embedding.py
 */
export class ReversibleEmbedding extends Adaptable<typeof schema> {
  static override readonly className = 'ReversibleEmbedding';
  static override readonly schema = schema;
  #embeddings!: Weight;
  #reverse: Weight | undefined;

  override get signature(): CallSignature {
    return { flags: ['reverse'] };
  }

  protected override get castsInputs(): boolean {
    return false;
  }

  override build(): void {
    const { inputDim, outputDim, embeddingsInitializer, tieWeights } = this.options;
    const weight = embeddingWeight(this.options);
    this.#embeddings = this.addAdaptableWeight('embeddings', [inputDim, outputDim], weight, this.options);
    if (tieWeights) return;
    const own = { initializer: embeddingsInitializer };
    this.#reverse = this.addWeight('reverse_embeddings', [outputDim, inputDim], own);
  }

  call([x]: Values, { flags }: CallOptions): Value {
    if (flags?.reverse) return this.#scores(x);
    const y = lookUp(this.#embeddings.value, x);
    return this.options.maskZero ? withMask(y, logicalNot(equal(x, 0))) : y;
  }

  #scores(x: Value): Value {
    const { logitSoftCap: cap } = this.options;
    const scores = matmul(x, this.#reverse?.value ?? transpose(this.#embeddings.value));
    return cap === null ? scores : mul(tanh(div(scores, cap)), cap);
  }
}

/** A trained vector for every index, and the way back. @see {@link ReversibleEmbedding} */
export const reversibleEmbedding = (options: z.input<typeof schema>): ReversibleEmbedding =>
  new ReversibleEmbedding(options);
registerLayer(ReversibleEmbedding, [
  { options: { inputDim: 4, outputDim: 3 }, inputs: [[null, 5]], dtype: 'int32', output: [null, 5, 3] },
]);
