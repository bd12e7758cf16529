import * as tfk from 'tfk';

/** Words by number: a text, and the same in another language. */
export type NumberedPair = readonly [from: readonly number[], to: readonly number[]];

/** For a word the words that it may become, with their probabilities. */
export type Lexicon = ReadonlyMap<number, ReadonlyMap<number, number>>;

/** Stands for what has no counterpart. */
const nothing = 0;

/**
 * Learns which words translate which, by expectation maximization: each word of a translation comes from one of the words
 * translated, `t(to | from)` being its share in all that came from `from`.
 * @source Brown et al. 1993, model 1
 */
export function learnLexicon(pairs: readonly NumberedPair[], rounds = 4): Lexicon {
  let lexicon: Lexicon | undefined;
  const texts = pairs.map(([from, to]) => [[...new Set([...from, nothing])], [...new Set(to)]] as const);
  for (let round = 0; round < rounds; round++) {
    const counts = new Map<number, Map<number, number>>();
    for (const [from, to] of texts) {
      const origins = from.map((word) => ({
        known: lexicon?.get(word),
        count: counts.get(word) ?? counts.set(word, new Map()).get(word),
      }));
      for (const word of to) {
        const likely = origins.map(({ known }) => (lexicon ? (known?.get(word) ?? 0) : 1));
        const total = likely.reduce((sum, p) => sum + p, 0);
        origins.forEach(({ count }, i) => {
          const share = (likely[i] as number) / total;
          if (share > 1e-4) count?.set(word, (count.get(word) ?? 0) + share);
        });
      }
    }
    for (const count of counts.values()) normalize(count);
    lexicon = counts;
  }
  return lexicon ?? new Map();
}

function normalize(count: Map<number, number>): void {
  const total = [...count.values()].reduce((sum, n) => sum + n, 0);
  for (const [word, n] of count) count.set(word, n / total);
}

/** Adds to the vectors of words those of their translations, each as far as it is probable. */
export function addTranslations(from: tfk.Tensor, to: tfk.Tensor, lexicon: Lexicon): tfk.Tensor {
  const [vectors, size] = [Float32Array.from(from.data as Float32Array), from.shape[1] as number];
  for (const [word, translations] of lexicon) {
    for (const [translation, p] of translations) {
      if (word === nothing || p < 0.02) continue;
      for (let i = 0; i < size; i++) {
        vectors[word * size + i] =
          (vectors[word * size + i] as number) + p * Number(to.data[translation * size + i]);
      }
    }
  }
  return tfk.tensor(vectors, from.shape);
}
