/** Cuts texts into parts of words. The first part of a word begins with `▁`, so that `joined` finds the words again. */
export type Splitter = (text: string) => readonly string[];

interface Word {
  readonly count: number;
  parts: readonly string[];
}

const starts = '▁';
const wordsOf = (text: string): readonly string[] => text.split(' ').filter((word) => word !== '');
const pairsOf = (parts: readonly string[]): readonly string[] =>
  parts.slice(1).map((part, i) => `${parts[i]} ${part}`);

/** The text that was cut into parts. */
export const joined = (parts: readonly string[]): string => parts.join('').replaceAll(starts, ' ').trim();

/**
 * Learns parts of words by byte-pair encoding: beginning with characters, the two neighbours that are most often beside
 * each other become one part, `merges` times. So frequent words stay whole, and no word is unknown.
 * @source Sennrich et al. 2016
 */
export function learnSubwords(texts: readonly string[], merges: number): Splitter {
  const counts = new Map<string, number>();
  for (const word of texts.flatMap(wordsOf)) counts.set(word, (counts.get(word) ?? 0) + 1);
  const words = [...counts].map(([word, count]): Word => ({ count, parts: [...(starts + word)] }));
  const frequency = new Map<string, number>();
  const places = new Map<string, Set<Word>>();
  const tally = (word: Word, sign: 1 | -1): void => {
    for (const pair of pairsOf(word.parts)) {
      frequency.set(pair, (frequency.get(pair) ?? 0) + sign * word.count);
      places.set(pair, (places.get(pair) ?? new Set()).add(word));
    }
  };
  for (const word of words) tally(word, 1);
  const ranks = new Map<string, number>();
  while (ranks.size < merges) {
    let [best, most] = ['', 1];
    for (const [pair, count] of frequency) if (count > most) [best, most] = [pair, count];
    if (best === '') break; // nothing is there twice
    ranks.set(best, ranks.size);
    for (const word of places.get(best) ?? []) {
      tally(word, -1);
      word.parts = merged(word.parts, best);
      tally(word, 1);
    }
  }
  return (text) => wordsOf(text).flatMap((word) => cut(starts + word, ranks));
}

/** The parts with two neighbours as one, wherever they are. */
function merged(parts: readonly string[], pair: string): readonly string[] {
  const result: string[] = [];
  for (const part of parts) {
    if (result.length > 0 && `${result.at(-1)} ${part}` === pair) result.push(`${result.pop()}${part}`);
    else result.push(part);
  }
  return result;
}

/** Merges in the order in which they were learned. */
function cut(word: string, ranks: ReadonlyMap<string, number>): readonly string[] {
  let parts: readonly string[] = [...word];
  for (;;) {
    const rank = (pair: string) => ranks.get(pair) ?? Number.POSITIVE_INFINITY;
    const first = pairsOf(parts).reduce((best, pair) => (rank(pair) < rank(best) ? pair : best), '');
    if (first === '') return parts;
    parts = merged(parts, first);
  }
}
