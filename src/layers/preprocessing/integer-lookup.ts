import * as z from 'zod';
import { deferred } from '../../core/deferred.ts';
import { Tensor, type TensorLike } from '../../core/tensor.ts';
import { ConfigError, DataError } from '../../errors.ts';
import { constant, type Value } from '../../ir/graph.ts';
import { add, cast, equal, gather, logicalAnd, maximum, mod, mul, sub, where } from '../../ops/index.ts';
import type { Values } from '../layer.ts';
import { registerLayer } from '../registry.ts';
import { bucketOf } from './buckets.ts';
import { encode } from './encode.ts';
import { IndexLookup, indexLookupOptions, numberCells } from './index-lookup.ts';
import { integerCells } from './integers.ts';
import { countUpTo } from './search-sorted.ts';
import type { Cells } from './texts.ts';

const schema = deferred(() =>
  indexLookupOptions
    .extend({
      /** Distinct numbers, the most frequent first; learned by `adapt` where left out. */
      vocabulary: z
        .array(z.int(), 'expected a list of whole numbers; data.readVocabulary(path) reads one from a file')
        .min(1)
        .nullable()
        .default(null),
      /** Number of place 0 in mode `int`; leaves no trace in the other modes. */
      maskToken: z.int().nullable().default(null),
      /** What unknown places become with `invert`. */
      oovToken: z.int().default(-1),
      vocabularyDtype: z.literal('int64').default('int64'),
    })
    .refine(({ salt, oovMethod }) => salt === null || oovMethod === 'farmhash', {
      error: 'expected oovMethod "farmhash" with a salt',
      path: ['oovMethod'],
    }),
);

/**
 * The place of whole numbers in a vocabulary, or encoded. Inside a model it finds them by a binary search.
 * @source keras/src/layers/preprocessing/integer_lookup.py
 */
export class IntegerLookup extends IndexLookup<bigint, TensorLike> {
  static override readonly className = 'IntegerLookup';
  static override readonly schema = schema;

  // the types of options are the schema's
  constructor(options: z.input<typeof schema> = {}) {
    super(options);
  }

  protected override get castsInputs(): boolean {
    return false;
  }

  call([x]: Values): Value {
    const { outputMode, invert } = this.options;
    const numbers = cast(x, 'int64');
    if (invert) return this.#tokensAt(numbers);
    const places = this.#placesOf(numbers);
    if (outputMode === 'int') return places;
    if (outputMode !== 'tfIdf') return encode(places, outputMode, this.depth);
    const idf = this.idfWeights ?? new Tensor('float32', [this.depth], new Float32Array(this.depth));
    return mul(encode(places, 'count', this.depth), constant(idf));
  }

  /**
   * The place of each number, `int64` of the data's shape, or encoded as `float32`. With `invert: true` the other way
   * round: the number at each place.
   * @throws {@link DataError} for an unknown number where `numOovIndices` is 0, and for fractions
   */
  transform(data: TensorLike): Tensor {
    if (!this.options.invert) return this.encodeTokens(this.cells(data));
    const { shape, values } = numberCells(data);
    return new Tensor(
      'int64',
      shape,
      BigInt64Array.from(values, (place) => this.tokenAt(place)),
    );
  }

  /**
   * The numbers by place; those beyond 2^53 lose their last digits here, not in the layer.
   * @param includeSpecialTokens - whether those of the mask and of unknown numbers are there, too
   */
  getVocabulary(includeSpecialTokens = true): number[] {
    return this.tokens(includeSpecialTokens).map(Number);
  }

  protected cells(data: TensorLike): Cells<bigint> {
    return integerCells(data, this.name);
  }

  protected token(value: bigint | number | string): bigint {
    try {
      return BigInt(value);
    } catch (error) {
      throw new DataError(
        `${this.className} "${this.name}": expected whole numbers in the vocabulary. Received "${String(value)}".`,
        { op: this.name, cause: error },
      );
    }
  }

  protected compare(a: bigint, b: bigint): number {
    return Number(a - b);
  }

  protected bucket(token: bigint, count: number): number {
    const { oovMethod, salt } = this.options;
    if (oovMethod === 'farmhash') return bucketOf(String(token), count, salt);
    const size = BigInt(count);
    return Number(((token % size) + size) % size);
  }

  /** {@link placeOf} of a value, in the graph; -1 for masked numbers that leave no trace. */
  #placesOf(x: Value): Value {
    const { maskToken, outputMode } = this.options;
    const unknown = this.#unknownPlaces(x);
    const tokens = this.tokens(false);
    const sorted = tokens
      .map((token, i) => [token, BigInt(this.tokenStart + i)] as const)
      .sort(([a], [b]) => Number(a - b));
    let places = unknown;
    if (sorted.length > 0) {
      const [numbers, ranks] = [0, 1].map((part) => int64(sorted.map((pair) => pair[part as 0 | 1]))) as [
        Tensor,
        Tensor,
      ];
      const nearest = maximum(sub(countUpTo(numbers, x), 1), 0);
      places = where(equal(gather(constant(numbers), nearest), x), gather(constant(ranks), nearest), unknown);
    }
    if (maskToken === null) return places;
    return where(equal(x, Number(maskToken)), outputMode === 'int' ? 0 : -1, places);
  }

  #unknownPlaces(x: Value): Value {
    const { numOovIndices, oovMethod } = this.options;
    if (numOovIndices === 0 || (numOovIndices > 1 && oovMethod === 'farmhash')) {
      throw new ConfigError(
        'inside a model, numOovIndices must be 1, or more with oovMethod "floormod". Call transform(data) while ' +
          'the data is prepared, and give the model the result.',
        { op: this.name, argument: 'numOovIndices', received: String(numOovIndices) },
      );
    }
    return add(mod(x, numOovIndices), this.oovStart);
  }

  /** {@link tokenAt} of a value, in the graph. */
  #tokensAt(x: Value): Value {
    const tokens = this.tokens();
    const known = logicalAnd(equal(maximum(x, 0), x), equal(mod(x, tokens.length), x));
    const table = constant(int64(tokens));
    return where(known, gather(table, where(known, x, 0)), Number(this.options.oovToken));
  }
}

const int64 = (values: readonly bigint[]): Tensor =>
  new Tensor('int64', [values.length], BigInt64Array.from(values));

/** The place of whole numbers in a vocabulary. @see {@link IntegerLookup} */
export const integerLookup = (options: z.input<typeof schema> = {}): IntegerLookup =>
  new IntegerLookup(options);
registerLayer(IntegerLookup, [
  { options: { vocabulary: [3, 1, 7] }, inputs: [[null, 2]], dtype: 'int64', output: [null, 2] },
  { options: { vocabulary: [2, 0], numOovIndices: 2, maskToken: 1 }, inputs: [[null, 3]], dtype: 'int32' },
  {
    options: { vocabulary: [1, 2], idfWeights: [0.5, 2], outputMode: 'tfIdf' },
    inputs: [[null, 4]],
    dtype: 'uint8',
    output: [null, 3],
  },
  { options: { vocabulary: [5, 6], invert: true }, inputs: [[null, 2]], dtype: 'int32', output: [null, 2] },
]);
