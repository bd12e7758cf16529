import { readFile } from 'node:fs/promises';

/** A German text and its translation. */
export interface Pair {
  readonly german: string;
  readonly english: string;
}

/** Sentences of a dictionary, and its words and phrases. */
export interface Dictionary {
  readonly sentences: readonly Pair[];
  readonly phrases: readonly Pair[];
}

const isPlain = (text: string): boolean => /[.?!]$/.test(text) && !/[{[(/;]/.test(text);
const isSentence = ({ german, english }: Pair): boolean =>
  isPlain(german) && isPlain(english) && german.split(/\s+/).length >= 3;

/** Alternatives, without remarks such as `{f}`, `[cook.]` and `(with a knife)`. */
const alternatives = (text: string): readonly string[] =>
  text.replace(/\{[^}]*\}|\[[^\]]*\]|\([^)]*\)|<[^>]*>/g, ' ').split(';');

/** `a; b` and `c; d` are a, c and b, d; where one side has fewer, its last stands for the missing. */
function alternativePairs(pair: Pair): Pair[] {
  const [german, english] = [alternatives(pair.german), alternatives(pair.english)];
  return Array.from({ length: Math.max(german.length, english.length) }, (_, i) => ({
    german: german[Math.min(i, german.length - 1)] as string,
    english: english[Math.min(i, english.length - 1)] as string,
  }));
}

const distinct = (pairs: readonly Pair[]): Pair[] => [
  ...new Map(pairs.map((pair) => [`${pair.german}|${pair.english}`, pair])).values(),
];

/**
 * The entries of a dictionary, whose lines are `Wort | ein Satz. :: word | a sentence.`. Sentences end like one on both
 * sides, have three German words, and neither alternatives nor remarks. None comes twice.
 */
export async function readDictionary(file: string): Promise<Dictionary> {
  const entries = (await readFile(file, 'utf8'))
    .split('\n')
    .filter((line) => !line.startsWith('#'))
    .flatMap((line): Pair[] => {
      const [german = [], english = []] = line
        .split(' :: ')
        .map((side) => side.split('|').map((part) => part.trim()));
      if (german.length !== english.length) return [];
      return german.map((part, i) => ({ german: part, english: english[i] as string }));
    });
  return {
    sentences: distinct(entries.filter(isSentence)),
    phrases: entries.filter((pair) => !isSentence(pair)).flatMap(alternativePairs),
  };
}

/** Words and punctuation marks in lower case, with spaces between. */
export const spaced = (text: string): string =>
  text
    .toLowerCase()
    .replaceAll("'", '’')
    .match(/[\p{L}\p{N}’-]+|[^\s\p{L}\p{N}’-]/gu)
    ?.join(' ') ?? '';

/** What spaces separate. */
export const wordsOf = (text: string): string[] => text.split(' ').filter((word) => word !== '');
