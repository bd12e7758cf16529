import * as z from 'zod';
import { deferred } from '../../core/deferred.ts';
import { type Tensor, type TensorLike, tensor } from '../../core/tensor.ts';
import { ConfigError } from '../../errors.ts';
import type { Value } from '../../ir/graph.ts';
import { cast } from '../../ops/index.ts';
import type { CallSignature } from '../call-arguments.ts';
import { type CallOptions, Layer, layerOptions, type Values } from '../layer.ts';
import { positiveInteger } from '../options.ts';
import { registerLayer } from '../registry.ts';
import { encode, encodeCells } from './encode.ts';

const schema = deferred(() =>
  layerOptions.extend({
    /** Number of categories: indices are from 0 to `numTokens - 1`; others leave no trace. */
    numTokens: positiveInteger,
    outputMode: z.enum(['multiHot', 'oneHot', 'count']).default('multiHot'),
  }),
);

/**
 * Indices of shape `[batch, length]` as numbers: `multiHot` is `[batch, numTokens]` with 1 for each category that
 * occurs, `count` says how often (or sums `countWeights`, shaped like the indices), `oneHot` is
 * `[batch, length, numTokens]`, without the axis of the length where that is 1.
 * @source keras/src/layers/preprocessing/category_encoding.py
 */
export class CategoryEncoding extends Layer<typeof schema> {
  static override readonly className = 'CategoryEncoding';
  static override readonly schema = schema;

  protected override get castsInputs(): boolean {
    return false;
  }

  override get signature(): CallSignature {
    return { tensors: ['countWeights'] };
  }

  call([indices]: Values, { tensors }: CallOptions): Value {
    const { outputMode, numTokens } = this.options;
    const weights = tensors?.countWeights?.[0];
    this.#checkWeights(weights);
    return encode(indices, outputMode, numTokens, weights && cast(weights, 'float32'));
  }

  /** Encoded indices, on the host. @param countWeights - what each index counts, in mode `count` */
  transform(indices: TensorLike, countWeights?: TensorLike): Tensor {
    const { shape, data } = tensor(indices);
    const { outputMode, numTokens } = this.options;
    this.#checkWeights(countWeights);
    const weights = countWeights === undefined ? undefined : tensor(countWeights);
    const values = Float64Array.from(data as ArrayLike<number | bigint>, Number);
    return encodeCells(
      { shape, values },
      outputMode,
      numTokens,
      weights?.cast('float64').data as Float64Array,
    );
  }

  #checkWeights(weights: unknown): void {
    if (weights === undefined || this.options.outputMode === 'count') return;
    throw new ConfigError(
      `${this.className} "${this.name}": weights of the indices need outputMode "count". ` +
        `Received "${this.options.outputMode}".`,
      { op: this.name, argument: 'outputMode', expected: 'count', received: this.options.outputMode },
    );
  }
}

/** Indices as multi-hot, one-hot or counts. @see {@link CategoryEncoding} */
export const categoryEncoding = (options: z.input<typeof schema>): CategoryEncoding =>
  new CategoryEncoding(options);
registerLayer(CategoryEncoding, [
  { options: { numTokens: 4 }, inputs: [[null, 3]], dtype: 'int32', output: [null, 4] },
  { options: { numTokens: 3, outputMode: 'oneHot' }, inputs: [[null, 1]], dtype: 'int64', output: [null, 3] },
  { options: { numTokens: 4, outputMode: 'count' }, inputs: [[null, 2]], dtype: 'uint8', output: [null, 4] },
]);
