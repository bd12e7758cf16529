import { type Pair, wordsOf } from './sentences.ts';

/** For a German word the English ones that it may become, with their probabilities. */
export type Lexicon = ReadonlyMap<string, ReadonlyMap<string, number>>;

/** Stands for what has no counterpart. */
const nothing = '';

/**
 * Learns which words translate which, by expectation maximization: each word of a translation comes from one of the words
 * translated, `t(to | from)` being its share in all that came from `from`.
 * @source Brown et al. 1993, model 1
 */
export function learnLexicon(pairs: readonly Pair[], rounds = 4): Lexicon {
  let lexicon: Lexicon | undefined;
  const texts = pairs.map(
    ({ german, english }) =>
      [[...new Set([...wordsOf(german), nothing])], [...new Set(wordsOf(english))]] as const,
  );
  for (let round = 0; round < rounds; round++) {
    const counts = new Map<string, Map<string, number>>();
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

function normalize(count: Map<string, number>): void {
  const total = [...count.values()].reduce((sum, n) => sum + n, 0);
  for (const [word, n] of count) count.set(word, n / total);
}

/** For each German word the most probable English one, then the second if it is probable, too. */
export function learnGlosses(pairs: readonly Pair[]): ReadonlyMap<string, string> {
  return new Map([...learnLexicon(pairs)].map(([word, translations]) => [word, best(translations)]));
}

function best(translations: ReadonlyMap<string, number>): string {
  const sorted = [...translations].sort(([, p], [, q]) => q - p).slice(0, 2);
  const probable = sorted.filter(([, p], i) => i === 0 || p >= 0.1);
  return probable.map(([word]) => word).join(' ');
}
