import { Buffer } from 'node:buffer';
import * as z from 'zod';
import { deferred } from '../../core/deferred.ts';
import type { Tensor, TensorLike } from '../../core/tensor.ts';
import { ConfigError } from '../../errors.ts';
import type { Value } from '../../ir/graph.ts';
import type { Layer } from '../layer.ts';
import { registerLayer } from '../registry.ts';
import { refuseGraph } from './adaptive.ts';
import { bucketOf } from './buckets.ts';
import { IndexLookup, indexLookupOptions, numberCells } from './index-lookup.ts';
import { type Cells, isTexts, nestTexts, type Texts, textCells } from './texts.ts';

const schema = deferred(() =>
  indexLookupOptions.extend({
    /** Distinct texts, the most frequent first; learned by `adapt` where left out. */
    vocabulary: z
      .array(z.string(), 'expected a list of texts; data.readVocabulary(path) reads one from a file')
      .min(1)
      .nullable()
      .default(null),
    /** Text of place 0 in mode `int`; leaves no trace in the other modes. */
    maskToken: z.string().nullable().default(null),
    /** What unknown places become with `invert`. */
    oovToken: z.string().default('[UNK]'),
    encoding: z.literal('utf-8').default('utf-8'),
  }),
);

/**
 * The place of texts in a vocabulary, or encoded. On the host only: see {@link transform}.
 * @source keras/src/layers/preprocessing/string_lookup.py
 */
export class StringLookup extends IndexLookup<string, Texts> {
  static override readonly className = 'StringLookup';
  static override readonly schema = schema;

  // the types of options are the schema's
  constructor(options: z.input<typeof schema> = {}) {
    super(options);
  }

  call(): Value {
    return refuseGraph(this as unknown as Layer, 'texts');
  }

  /**
   * The place of each text, `int64` of the data's shape, or encoded as `float32`. With `invert: true` the other way
   * round: the text at each place.
   * @throws {@link DataError} for an unknown text where `numOovIndices` is 0
   */
  transform(texts: Texts): Tensor;
  transform(places: TensorLike): Texts;
  transform(data: Texts | TensorLike): Tensor | Texts {
    const { invert } = this.options;
    if (isTexts(data) === invert) {
      throw new ConfigError(
        `${this.className} "${this.name}": expected ${invert ? 'places, as invert is true' : 'texts'}. ` +
          `Received ${invert ? 'texts' : 'numbers'}. Write numbers as texts, or use integerLookup.`,
        { op: this.name, argument: 'invert' },
      );
    }
    if (isTexts(data)) return this.encodeTokens(this.cells(data));
    const { shape, values } = numberCells(data);
    return nestTexts({ shape, values: values.map((place) => this.tokenAt(place)) });
  }

  /**
   * The texts by place.
   * @param includeSpecialTokens - whether those of the mask and of unknown texts are there, too
   */
  getVocabulary(includeSpecialTokens = true): string[] {
    return [...this.tokens(includeSpecialTokens)];
  }

  protected cells(data: Texts): Cells<string> {
    return textCells(data, this.name);
  }

  protected token(value: string | number): string {
    return String(value);
  }

  /** The order of the bytes in UTF-8, as in Keras; that of JavaScript differs beyond the basic plane. */
  protected compare(a: string, b: string): number {
    return Buffer.compare(Buffer.from(a), Buffer.from(b));
  }

  protected bucket(token: string, count: number): number {
    return bucketOf(token, count, this.options.salt);
  }
}

/** The place of texts in a vocabulary. @see {@link StringLookup} */
export const stringLookup = (options: z.input<typeof schema> = {}): StringLookup => new StringLookup(options);
registerLayer(StringLookup);
