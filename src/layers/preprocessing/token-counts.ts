/** How often tokens occur, and in how many documents (rows) each does. */
export class TokenCounts<Token extends string | bigint> {
  readonly #ignored: ReadonlySet<Token>;
  readonly #occurrences = new Map<Token, number>();
  readonly #documents = new Map<Token, number>();
  #documentCount = 0;

  /** @param ignored - tokens that are not counted */
  constructor(ignored: readonly Token[]) {
    this.#ignored = new Set(ignored);
  }

  /** Counts the tokens of a document. */
  add(tokens: readonly Token[]): void {
    this.#documentCount++;
    for (const token of tokens) increase(this.#occurrences, token);
    for (const token of new Set(tokens)) increase(this.#documents, token);
  }

  /** Tokens by falling frequency, equally frequent ones in falling order; at most `limit`. */
  mostFrequent(compare: (a: Token, b: Token) => number, limit?: number): Token[] {
    return [...this.#occurrences]
      .filter(([token]) => !this.#ignored.has(token))
      .sort(([a, m], [b, n]) => n - m || compare(b, a))
      .slice(0, limit)
      .map(([token]) => token);
  }

  /** `log(1 + documents / (1 + documents with the token))`. */
  inverseDocumentFrequencies(tokens: readonly Token[]): Float32Array {
    return Float32Array.from(tokens, (token) =>
      Math.log1p(this.#documentCount / (1 + (this.#documents.get(token) ?? 0))),
    );
  }
}

const increase = <T>(counts: Map<T, number>, key: T): void => {
  counts.set(key, (counts.get(key) ?? 0) + 1);
};
