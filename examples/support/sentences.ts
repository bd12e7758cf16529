import { readFile } from 'node:fs/promises';

/** A German sentence and its translation. */
export interface Pair {
  readonly german: string;
  readonly english: string;
}

const isPlain = (sentence: string): boolean => /[.?!]$/.test(sentence) && !/[{[(/;]/.test(sentence);

/**
 * The sentences among the entries of a dictionary, whose lines are `Wort | ein Satz. :: word | a sentence.`: what ends like
 * a sentence on both sides, has three German words, and neither alternatives nor remarks. None comes twice.
 */
export async function readPairs(file: string): Promise<Pair[]> {
  const pairs = new Map<string, Pair>();
  for (const line of (await readFile(file, 'utf8')).split('\n').filter((l) => !l.startsWith('#'))) {
    const [left = [], right = []] = line
      .split(' :: ')
      .map((side) => side.split('|').map((part) => part.trim()));
    left.forEach((german, i) => {
      const english = right[i] ?? '';
      if (left.length !== right.length || !isPlain(german) || !isPlain(english)) return;
      if (german.split(/\s+/).length >= 3) pairs.set(`${german}|${english}`, { german, english });
    });
  }
  return [...pairs.values()];
}
