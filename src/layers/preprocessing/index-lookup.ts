import * as z from 'zod';
import { deferred } from '../../core/deferred.ts';
import { sizeOf } from '../../core/shape.ts';
import { Tensor, type TensorLike, tensor } from '../../core/tensor.ts';
import { ConfigError, DataError } from '../../errors.ts';
import { layerOptions } from '../layer.ts';
import type { KeepsState, LayerState } from '../layer-state.ts';
import { integerFrom } from '../options.ts';
import { AdaptiveLayer, type Learner } from './adaptive.ts';
import { saltOption } from './buckets.ts';
import { encodeCells } from './encode.ts';
import type { Cells } from './texts.ts';
import { TokenCounts } from './token-counts.ts';

const idfWeights = z.array(z.number());

/** Options of lookups of all kinds. */
export const lookupOptions = deferred(() =>
  layerOptions.extend({
    /** Largest vocabulary, with the places for the mask and unknown tokens. */
    maxTokens: integerFrom(2).nullable().default(null),
    /** Places for tokens that are not in the vocabulary: with several, a hash chooses; with none they are errors. */
    numOovIndices: integerFrom(0).default(1),
    /** Inverse document frequencies, with `vocabulary` in mode `tfIdf`. */
    idfWeights: idfWeights.nullable().default(null),
    /** `int` gives the index, the others encode it: see {@link CategoryEncoding}; `tfIdf` weighs counts. */
    outputMode: z.enum(['int', 'oneHot', 'multiHot', 'count', 'tfIdf']).default('int'),
    /** Encodes into `maxTokens` places though the vocabulary may have fewer. */
    padToMaxTokens: z.boolean().default(false),
    /** Size of a vocabulary that is still to be read from the file that the layer comes from. */
    vocabularySize: integerFrom(0).nullable().default(null),
  }),
);

/** Options of the lookups that Keras exports. */
export const indexLookupOptions = deferred(() =>
  lookupOptions.extend({
    /** Gives tokens for indices. */
    invert: z.boolean().default(false),
    /** How unknown integers choose their place: the remainder, or FarmHash; texts always use FarmHash. */
    oovMethod: z.enum(['floormod', 'farmhash']).default('floormod'),
    /** Key of SipHash, which then replaces FarmHash. */
    salt: saltOption,
  }),
);

type LookupOptions = z.output<typeof indexLookupOptions>;
type LookupSchema<Token> = z.ZodType<
  LookupOptions & {
    readonly vocabulary: readonly (Token | number)[] | null;
    readonly maskToken: Token | number | null;
    readonly oovToken: Token | number;
  }
>;

/** What the file of a vocabulary is called inside a model's. */
const vocabularyFile = 'vocabulary.txt';

/**
 * A vocabulary, and the places of its tokens: the mask's (mode `int` only), those of unknown tokens, then the tokens,
 * the most frequent first.
 * @source keras/src/layers/preprocessing/index_lookup.py
 */
export abstract class IndexLookup<Token extends string | bigint, Data>
  extends AdaptiveLayer<LookupSchema<Token>, Data>
  implements KeepsState
{
  #tokens: readonly Token[] = [];
  #places = new Map<Token, number>();
  #idf: Float32Array | undefined;
  #isFromOptions = false;

  constructor(options: z.input<LookupSchema<Token>>) {
    super(options);
    const { vocabulary, idfWeights, outputMode, invert, padToMaxTokens, maxTokens } = this.options;
    this.#require(
      !invert || outputMode === 'int',
      'invert',
      'outputMode "int" with invert: true',
      outputMode,
    );
    this.#require(
      !padToMaxTokens || maxTokens !== null,
      'maxTokens',
      'maxTokens with padToMaxTokens: true',
      'none',
    );
    if (vocabulary === null) return;
    this.setVocabulary(vocabulary, idfWeights ?? undefined);
    this.#isFromOptions = true;
  }

  /** Tokens of data, in their shape. */
  protected abstract cells(data: Data): Cells<Token>;
  /** A token of an option or a file. */
  protected abstract token(value: Token | number | string): Token;
  /** The order of tokens that are equally frequent, ascending. */
  protected abstract compare(a: Token, b: Token): number;
  /** Chooses among `count` places for unknown tokens. */
  protected abstract bucket(token: Token, count: number): number;

  override get adaptable(): boolean {
    return !this.#isFromOptions;
  }

  override get currentOptions(): Readonly<Record<string, unknown>> {
    if (this.#isFromOptions || this.#tokens.length === 0) return super.currentOptions;
    return { ...super.currentOptions, vocabulary: null, vocabularySize: this.vocabularySize() };
  }

  /** Places of the vocabulary, with those of the mask and of unknown tokens. */
  vocabularySize(): number {
    if (this.#tokens.length === 0 && this.options.vocabularySize !== null) return this.options.vocabularySize;
    return this.tokenStart + this.#tokens.length;
  }

  /** The tokens by place, with those of the mask and of unknown tokens in front, or without. */
  protected tokens(includeSpecialTokens = true): readonly Token[] {
    return includeSpecialTokens ? [...this.#specialTokens(), ...this.#tokens] : this.#tokens;
  }

  /**
   * Sets the tokens, instead of learning them.
   * @param vocabulary - distinct tokens; those of mask and unknown tokens may stand in front
   * @param idfWeights - one weight for each, in mode `tfIdf`
   * @throws {@link ConfigError} when tokens repeat, there are more than `maxTokens`, or weights do not fit
   */
  setVocabulary(vocabulary: readonly (Token | number)[], idfWeights?: ArrayLike<number>): this {
    const given = vocabulary.map((value) => this.token(value));
    const special = this.#specialTokens();
    const hasSpecial = special.every((token, i) => token === given[i]);
    const tokens = hasSpecial ? given.slice(special.length) : given;
    this.#checkVocabulary(tokens, given.length, idfWeights);
    this.#setTokens(tokens);
    if (idfWeights) this.#setIdf(Float32Array.from(idfWeights), hasSpecial ? 0 : special.length);
    this.#isFromOptions = false;
    return this;
  }

  /** Inverse document frequencies by place, in mode `tfIdf`. */
  get idfWeights(): Tensor | undefined {
    return this.#idf && new Tensor('float32', [this.#idf.length], this.#idf);
  }

  get fileState(): LayerState {
    const { idfWeights } = this;
    return {
      ...(!this.#isFromOptions && { texts: { [vocabularyFile]: this.tokens().join('\n') } }),
      ...(idfWeights && { tensors: { idf_weights: idfWeights } }),
    };
  }

  restoreFileState({ texts, tensors }: LayerState): void {
    const text = texts?.[vocabularyFile];
    if (text === undefined) return;
    const lines = text.split(/\r\n|\n|\r/);
    while (lines.at(-1) === '') lines.pop();
    const idf = tensors?.idf_weights?.data as Float32Array | undefined;
    const tokens = lines.map((line) => this.token(line));
    if (tokens.length > this.tokenStart) this.setVocabulary(tokens, idf?.subarray(0, tokens.length));
  }

  /** Place of the first unknown token. */
  protected get oovStart(): number {
    return this.options.maskToken !== null && this.options.outputMode === 'int' ? 1 : 0;
  }

  /** Place of the first token of the vocabulary. */
  protected get tokenStart(): number {
    return this.oovStart + this.options.numOovIndices;
  }

  /** Places of the encoded result. */
  protected get depth(): number {
    const { padToMaxTokens, maxTokens } = this.options;
    return padToMaxTokens && maxTokens !== null ? maxTokens : this.vocabularySize();
  }

  /** The places of tokens; -1 for masked ones that leave no trace. */
  placesOf(tokens: readonly Token[]): Int32Array {
    const hasVocabulary = this.#tokens.length > 0;
    this.#require(hasVocabulary, 'vocabulary', 'a vocabulary: call adapt(data) first, or give one', 'none');
    return Int32Array.from(tokens, (token) => this.#placeOf(token));
  }

  #placeOf(token: Token): number {
    const { maskToken, outputMode, numOovIndices } = this.options;
    if (maskToken !== null && token === this.token(maskToken)) return outputMode === 'int' ? 0 : -1;
    const place = this.#places.get(token);
    if (place !== undefined) return place;
    if (numOovIndices > 0)
      return this.oovStart + (numOovIndices === 1 ? 0 : this.bucket(token, numOovIndices));
    throw new DataError(
      `${this.className} "${this.name}": ${JSON.stringify(String(token))} is not in the vocabulary. With ` +
        'numOovIndices: 0 all tokens must be; with 1 the others share a place.',
      { op: this.name, argument: 'numOovIndices', received: String(token) },
    );
  }

  /** The token at a place. */
  tokenAt(place: number): Token {
    const { maskToken, oovToken } = this.options;
    if (maskToken !== null && this.oovStart === 1 && place === 0) return this.token(maskToken);
    return this.#tokens[place - this.tokenStart] ?? this.token(oovToken);
  }

  /** Tokens as places, encoded as the options say. */
  encodeTokens({ shape, values }: Cells<Token>): Tensor {
    const { outputMode } = this.options;
    const places = this.placesOf(values);
    if (outputMode === 'int') return new Tensor('int32', shape, places).cast('int64');
    const encoding = outputMode === 'tfIdf' ? 'count' : outputMode;
    const encoded = encodeCells({ shape, values: places }, encoding, this.depth);
    return outputMode === 'tfIdf' ? this.#weighed(encoded) : encoded;
  }

  /** Counts with each place times its inverse document frequency. */
  #weighed({ shape, data }: Tensor): Tensor {
    const idf = this.#idf ?? new Float32Array(this.depth);
    const numbers = (data as Float32Array).map((count, i) => count * (idf[i % idf.length] as number));
    return new Tensor('float32', shape, numbers);
  }

  learner(): Learner<Data> {
    return this.documentLearner((batch) => documentsOf(this.cells(batch)));
  }

  /** Learns the tokens of documents. @param documents - gives those of a batch */
  documentLearner<Batch>(documents: (batch: Batch) => readonly (readonly Token[])[]): Learner<Batch> {
    const { maskToken, oovToken, maxTokens, outputMode } = this.options;
    const ignored = [maskToken, oovToken].flatMap((token) => (token === null ? [] : [this.token(token)]));
    const counts = new TokenCounts<Token>(ignored);
    return {
      add: (batch) => {
        for (const tokens of documents(batch)) counts.add(tokens);
      },
      finish: () => {
        const limit = maxTokens === null ? undefined : maxTokens - this.tokenStart;
        const tokens = counts.mostFrequent((a, b) => this.compare(a, b), limit);
        this.#setTokens(tokens);
        if (outputMode === 'tfIdf') this.#setIdf(counts.inverseDocumentFrequencies(tokens), this.tokenStart);
      },
    };
  }

  #setTokens(tokens: readonly Token[]): void {
    this.#tokens = tokens;
    this.#places = new Map(tokens.map((token, i) => [token, this.tokenStart + i]));
  }

  /** Unknown tokens weigh what tokens do on average; padding weighs nothing. */
  #setIdf(weights: Float32Array, front: number): void {
    const average = weights.reduce((a, b) => a + b, 0) / weights.length;
    const { padToMaxTokens, maxTokens } = this.options;
    const size = front + weights.length;
    this.#idf = new Float32Array(padToMaxTokens ? Math.max(size, maxTokens ?? 0) : size);
    this.#idf.fill(average, 0, front);
    this.#idf.set(weights, front);
  }

  #specialTokens(): Token[] {
    const { maskToken, oovToken, numOovIndices } = this.options;
    const mask = this.oovStart === 1 && maskToken !== null ? [this.token(maskToken)] : [];
    return [...mask, ...new Array<Token>(numOovIndices).fill(this.token(oovToken))];
  }

  #checkVocabulary(tokens: readonly Token[], given: number, idfWeights: ArrayLike<number> | undefined): void {
    const { maskToken, oovToken, invert, maxTokens, outputMode } = this.options;
    const counts = new Set<Token>();
    const twice = tokens.find((token) => counts.size === counts.add(token).size);
    const reserved = [...(maskToken === null ? [] : [maskToken]), ...(invert ? [oovToken] : [])];
    const strange = reserved.find((token) => counts.has(this.token(token)));
    const size = this.tokenStart + tokens.length;
    const weights = idfWeights?.length ?? 0;
    const wanted = outputMode === 'tfIdf' ? given : 0;
    this.#require(tokens.length > 0, 'vocabulary', 'at least one token', 'none');
    this.#require(twice === undefined, 'vocabulary', 'distinct tokens', `"${String(twice)}" twice`);
    this.#require(
      strange === undefined,
      'vocabulary',
      `mask and unknown tokens nowhere, or in front: ${this.#specialTokens().map(String).join(', ')}`,
      `"${String(strange)}" among the others`,
    );
    this.#require(
      size <= (maxTokens ?? size),
      'maxTokens',
      `at most ${String(maxTokens)} places`,
      String(size),
    );
    this.#require(
      weights === wanted,
      'idfWeights',
      `${wanted} weights in mode "${outputMode}"`,
      String(weights),
    );
  }

  #require(holds: boolean, argument: string, expected: string, received: string): void {
    if (holds) return;
    throw new ConfigError(
      `${this.className} "${this.name}": ${argument}: expected ${expected}. Received ${received}.`,
      { op: this.name, argument, expected, received },
    );
  }
}

/** Rows of the first axis; of a single axis, each token. */
function documentsOf<Token>({ shape, values }: Cells<Token>): readonly (readonly Token[])[] {
  const width = sizeOf(shape.slice(1));
  return Array.from({ length: shape[0] ?? 1 }, (_, i) => values.slice(i * width, (i + 1) * width));
}

/** Places as plain numbers. */
export const numberCells = (
  data: TensorLike,
): { readonly shape: readonly number[]; readonly values: number[] } => {
  const { shape, data: values } = tensor(data);
  return { shape, values: Array.from(values as ArrayLike<number | bigint>, Number) };
};
