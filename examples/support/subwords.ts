import { wordsOf } from './sentences.ts';

/** Begins the first piece of each word. */
const mark = '▁';

interface Word {
  readonly count: number;
  pieces: readonly string[];
}

const pairsOf = (pieces: readonly string[]): readonly string[] =>
  pieces.slice(1).map((piece, i) => `${pieces[i]} ${piece}`);

/** The text that was cut into pieces. */
export const joined = (pieces: readonly string[]): string => pieces.join('').replaceAll(mark, ' ').trim();

/**
 * Learns pieces of words by byte-pair encoding: beginning with characters, the two neighbours that are most often beside
 * each other become one piece, `merges` times. So frequent words stay whole, and no word is unknown.
 * @returns what cuts a text; {@link joined} undoes it
 * @source Sennrich et al. 2016
 */
export function learnSubwords(texts: readonly string[], merges: number): (text: string) => string[] {
  const counts = new Map<string, number>();
  for (const word of texts.flatMap(wordsOf)) counts.set(word, (counts.get(word) ?? 0) + 1);
  const words = new Map(
    [...counts].map(([word, count]): [string, Word] => [word, { count, pieces: [...(mark + word)] }]),
  );
  const frequency = new Map<string, number>();
  const places = new Map<string, Set<Word>>();
  const tally = (word: Word, sign: 1 | -1): void => {
    for (const pair of pairsOf(word.pieces)) {
      frequency.set(pair, (frequency.get(pair) ?? 0) + sign * word.count);
      places.set(pair, (places.get(pair) ?? new Set()).add(word));
    }
  };
  for (const word of words.values()) tally(word, 1);
  const learned: string[] = [];
  while (learned.length < merges) {
    let [best, most] = ['', 1];
    for (const [pair, count] of frequency) if (count > most) [best, most] = [pair, count];
    if (best === '') break; // nothing is there twice
    learned.push(best);
    for (const word of places.get(best) ?? []) {
      tally(word, -1);
      word.pieces = merged(word.pieces, best);
      tally(word, 1);
    }
  }
  const ranks = new Map(learned.map((pair, rank) => [pair, rank]));
  return (text) => wordsOf(text).flatMap((word) => words.get(word)?.pieces ?? cut(mark + word, ranks));
}

/** The pieces with two neighbours as one, wherever they are. */
function merged(pieces: readonly string[], pair: string): readonly string[] {
  const result: string[] = [];
  for (const piece of pieces) {
    if (`${result.at(-1)} ${piece}` === pair) result.push(`${result.pop()}${piece}`);
    else result.push(piece);
  }
  return result;
}

/** Merges in the order in which they were learned. */
function cut(word: string, ranks: ReadonlyMap<string, number>): readonly string[] {
  let pieces: readonly string[] = [...word];
  for (;;) {
    const rank = (pair: string) => ranks.get(pair) ?? Number.POSITIVE_INFINITY;
    const first = pairsOf(pieces).reduce((best, pair) => (rank(pair) < rank(best) ? pair : best), '');
    if (first === '') return pieces;
    pieces = merged(pieces, first);
  }
}
