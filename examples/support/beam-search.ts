import type * as tfk from 'tfk';

/** A text as far as it is written, and the logarithm of its probability. */
interface Hypothesis {
  readonly words: readonly number[];
  readonly score: number;
}

/** What a search needs to know. */
export interface Search {
  /** How many texts are pursued at a time; 1 takes the best word each time (greedy). */
  readonly width: number;
  /** The words that begin and end a text. */
  readonly start: number;
  readonly end: number;
  /** Longest text. */
  readonly length: number;
  /**
   * The `width` best next words of texts as far as they are written: logarithms of their probabilities, and the words, both
   * `[texts, width]`. `width` texts in a row belong to the same sample.
   */
  next(texts: readonly (readonly number[])[]): Promise<readonly [scores: tfk.Tensor, words: tfk.Tensor]>;
}

/**
 * The most probable text for each of `count` samples, without its start and end: at each step the `width` best of all
 * continuations are kept. Texts are compared by score over number of words, else short ones would win.
 */
export async function beamSearch(count: number, search: Search): Promise<number[][]> {
  const { width, start, end, length } = search;
  const isDone = ({ words }: Hypothesis): boolean => words.at(-1) === end;
  // the same text `width` times: only the first counts, or its continuations were there as often
  const begin = Array.from({ length: width }, (_, i) => ({ words: [start], score: i === 0 ? 0 : -1e9 }));
  let beams: (readonly Hypothesis[])[] = Array.from({ length: count }, () => begin);
  for (let step = 1; step < length && !beams.flat().every(isDone); step++) {
    const [scores, words] = await search.next(beams.flat().map((text) => text.words));
    beams = beams.map((beam, sample) =>
      beam
        .flatMap((text, i): readonly Hypothesis[] => {
          if (isDone(text)) return [text];
          return Array.from({ length: width }, (_, k) => {
            const at = (sample * width + i) * width + k;
            return {
              words: [...text.words, Number(words.data[at])],
              score: text.score + Number(scores.data[at]),
            };
          });
        })
        .sort((a, b) => perWord(b) - perWord(a))
        .slice(0, width),
    );
  }
  return beams.map(([first]) => (first as Hypothesis).words.filter((word) => word !== start && word !== end));
}

const perWord = ({ words, score }: Hypothesis): number => score / words.length;
