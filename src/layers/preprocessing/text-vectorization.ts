import * as z from 'zod';
import { deferred } from '../../core/deferred.ts';
import { functionOption } from '../../core/functions.ts';
import { Tensor } from '../../core/tensor.ts';
import { DataError } from '../../errors.ts';
import type { Value } from '../../ir/graph.ts';
import type { Layer } from '../layer.ts';
import type { KeepsState, LayerState } from '../layer-state.ts';
import { positiveInteger } from '../options.ts';
import { registerLayer } from '../registry.ts';
import { AdaptiveLayer, type Learner, refuseGraph } from './adaptive.ts';
import { lookupOptions } from './index-lookup.ts';
import { StringLookup } from './string-lookup.ts';
import { type Texts, textCells } from './texts.ts';

type TextFunction<T> = (text: string) => T;

const standardizations = ['lowerAndStripPunctuation', 'lower', 'stripPunctuation'] as const;
const splits = ['whitespace', 'character'] as const;

const schema = deferred(() =>
  lookupOptions
    .omit({ numOovIndices: true })
    .extend({
      /** What becomes of a text before it is split; or a function of your own. */
      standardize: z
        .union([z.enum(standardizations), functionOption<TextFunction<string>>()])
        .nullable()
        .default('lowerAndStripPunctuation'),
      /** What the tokens are; `null`: every text is one. */
      split: z
        .union([z.enum(splits), functionOption<TextFunction<readonly string[]>>()])
        .nullable()
        .default('whitespace'),
      /** Longest runs of tokens that are tokens, too, joined by a space; or a list of just these lengths. */
      ngrams: z
        .union([positiveInteger, z.array(positiveInteger).min(1)])
        .nullable()
        .default(null),
      /** Length of every row in mode `int`: cut or padded with 0. By default that of the longest row. */
      outputSequenceLength: positiveInteger.nullable().default(null),
      vocabulary: z
        .array(z.string(), 'expected a list of texts; data.readVocabulary(path) reads one from a file')
        .min(1)
        .nullable()
        .default(null),
      /** `int` gives the places of the tokens in a row, the others one number for each place of the vocabulary. */
      outputMode: z.enum(['int', 'multiHot', 'count', 'tfIdf']).default('int'),
      encoding: z.literal('utf-8').default('utf-8'),
    })
    .refine(({ outputMode, outputSequenceLength }) => outputMode === 'int' || outputSequenceLength === null, {
      error: 'expected outputMode "int" with an outputSequenceLength',
      path: ['outputMode'],
    }),
);

/**
 * Texts as numbers: standardized, split into tokens, and looked up in a vocabulary that `adapt` learns.
 *
 * Mode `int` gives `int64 [batch, length]`: 0 pads, 1 is an unknown token; the other modes give `float32 [batch, tokens]`.
 * As in Keras, only the letters A to Z become lower case, and only ASCII white space separates. On the host only: see
 * {@link transform}.
 * @source keras/src/layers/preprocessing/text_vectorization.py
 */
export class TextVectorization extends AdaptiveLayer<typeof schema, Texts> implements KeepsState {
  static override readonly className = 'TextVectorization';
  static override readonly schema = schema;
  readonly #lookup = this.track(newLookup(this.options), '_lookup_layer');

  override get adaptable(): boolean {
    return this.#lookup.adaptable;
  }

  override get currentOptions(): Readonly<Record<string, unknown>> {
    const { vocabulary, vocabularySize } = this.#lookup.currentOptions;
    return { ...super.currentOptions, vocabulary, vocabularySize };
  }

  call(): Value {
    return refuseGraph(this as unknown as Layer, 'texts');
  }

  /** Places of the vocabulary, with those of padding and unknown tokens. */
  vocabularySize(): number {
    return this.#lookup.vocabularySize();
  }

  /** The tokens by place; without those of padding and unknown tokens on demand. */
  getVocabulary(includeSpecialTokens = true): string[] {
    return this.#lookup.getVocabulary(includeSpecialTokens);
  }

  /** Sets the tokens, instead of learning them; with their weights in mode `tfIdf`. */
  setVocabulary(vocabulary: readonly string[], idfWeights?: ArrayLike<number>): this {
    this.#lookup.setVocabulary(vocabulary, idfWeights);
    return this;
  }

  get fileState(): LayerState {
    return this.#lookup.fileState;
  }

  restoreFileState(state: LayerState): void {
    this.#lookup.restoreFileState(state);
  }

  /** The tokens of a text, as they are looked up. */
  tokenize(text: string): readonly string[] {
    const { standardize, split, ngrams } = this.options;
    return ngramsOf(splitText(standardized(text, standardize), split), ngrams);
  }

  /**
   * Texts as numbers.
   * @param texts - `[batch]` or `[batch, 1]`, each a text to split; with `split: null` rows of tokens
   */
  transform(texts: Texts): Tensor {
    const rows = this.#rows(texts);
    const { outputMode, outputSequenceLength } = this.options;
    if (outputMode === 'int') return this.#sequences(rows, outputSequenceLength);
    const encoded = rows.map((values) => this.#lookup.encodeTokens({ shape: [1, values.length], values }));
    const width = encoded[0]?.shape.at(-1) ?? 0;
    const result = new Float32Array(rows.length * width);
    encoded.forEach(({ data }, row) => {
      result.set(data as Float32Array, row * width);
    });
    return new Tensor('float32', [rows.length, width], result);
  }

  learner(): Learner<Texts> {
    return this.#lookup.documentLearner((texts) => this.#rows(texts));
  }

  /** The places of each row's tokens, cut or padded to one length. */
  #sequences(rows: readonly (readonly string[])[], length: number | null): Tensor {
    const width = length ?? rows.reduce((longest, row) => Math.max(longest, row.length), 0);
    const places = new Int32Array(rows.length * width);
    rows.forEach((row, i) => {
      places.set(this.#lookup.placesOf(row.slice(0, width)), i * width);
    });
    return new Tensor('int32', [rows.length, width], places).cast('int64');
  }

  /** Tokens of each text. */
  #rows(texts: Texts): readonly (readonly string[])[] {
    const { shape, values } = textCells(texts, this.name);
    const { split } = this.options;
    if (shape.length > 2 || (split !== null && shape.length === 2 && shape[1] !== 1)) {
      throw new DataError(
        `${this.className} "${this.name}": expected texts [batch] or [batch,1]. Received [${shape.join(',')}]. ` +
          'Join the parts of a text, or set split: null.',
        { op: this.name, expected: '[batch] or [batch,1]', received: `[${shape.join(',')}]` },
      );
    }
    if (split !== null || shape.length < 2) return values.map((text) => this.tokenize(text));
    const width = shape[1] as number;
    const { standardize, ngrams } = this.options;
    return Array.from({ length: shape[0] as number }, (_, i) => {
      const row = values.slice(i * width, (i + 1) * width).map((text) => standardized(text, standardize));
      return ngramsOf(row, ngrams);
    });
  }
}

type Options = z.output<typeof schema>;

/** The lookup of the tokens; as in Keras, files keep its vocabulary twice, for it and for the whole layer. */
function newLookup(options: Options): StringLookup {
  const { maxTokens, idfWeights, outputMode, padToMaxTokens, vocabularySize, vocabulary } = options;
  return new StringLookup({
    maskToken: '',
    maxTokens,
    idfWeights,
    outputMode,
    padToMaxTokens,
    vocabularySize,
    vocabulary,
  });
}

/** TensorFlow lowers ASCII letters only. */
const lower = (text: string): string => text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
const stripPunctuation = (text: string): string => text.replace(/[!"#$%&()*+,\-./:;<=>?@[\\\]^_`{|}~']/g, '');

function standardized(text: string, standardize: Options['standardize']): string {
  if (typeof standardize === 'function') return standardize(text);
  if (standardize === 'lower') return lower(text);
  if (standardize === 'stripPunctuation') return stripPunctuation(text);
  return standardize === null ? text : stripPunctuation(lower(text));
}

function splitText(text: string, split: Options['split']): readonly string[] {
  if (typeof split === 'function') return split(text);
  if (split === 'character') return [...text];
  return split === null ? [text] : text.split(/[ \t\n\v\f\r]+/).filter((token) => token !== '');
}

/** Runs of tokens, joined by spaces: first those of the first length. */
function ngramsOf(tokens: readonly string[], ngrams: Options['ngrams']): readonly string[] {
  if (ngrams === null) return tokens;
  const lengths = typeof ngrams === 'number' ? Array.from({ length: ngrams }, (_, i) => i + 1) : ngrams;
  return lengths.flatMap((length) =>
    Array.from({ length: Math.max(0, tokens.length - length + 1) }, (_, i) =>
      tokens.slice(i, i + length).join(' '),
    ),
  );
}

/** Texts as numbers, through a vocabulary. @see {@link TextVectorization} */
export const textVectorization = (options: z.input<typeof schema> = {}): TextVectorization =>
  new TextVectorization(options);
registerLayer(TextVectorization);
