import { readFile } from 'node:fs/promises';
import { expect, test } from '@jest/globals';
import { beamSearch } from '../../examples/support/beam-search.ts';
import { bleu } from '../../examples/support/bleu.ts';
import { joined, learnSubwords } from '../../examples/support/subwords.ts';
import { tensor } from '../../src/index.ts';

interface Case {
  readonly translations: readonly string[];
  readonly references: readonly string[];
  readonly bleu: number;
}
const cases = JSON.parse(await readFile('test/golden/bleu.json', 'utf8')) as readonly Case[];

test.each(cases)('BLEU is that of sacrebleu: $bleu', ({ translations, references, bleu: expected }) => {
  expect(bleu(translations, references)).toBeCloseTo(expected, 5);
});

/** Probabilities of words 0 to 3 after each word; 3 ends a text, 0 begins it. Word 1 is tempting, but leads nowhere. */
const after = [
  [0, 0.55, 0.45, 0],
  [0, 0.35, 0.35, 0.3],
  [0, 0.05, 0.05, 0.9],
];

test('a beam finds the more probable text that a greedy search passes by', async () => {
  const search = (width: number) =>
    beamSearch(2, {
      width,
      start: 0,
      end: 3,
      length: 4,
      next: async (texts) => {
        const rows = texts.map((text) =>
          [...(after[text.at(-1) ?? 0] ?? [1, 0, 0, 0])].map((p, word) => [p, word]),
        );
        const best = rows.map((row) => row.sort(([p = 0], [q = 0]) => q - p).slice(0, width));
        const part = (i: 0 | 1) => best.map((row) => row.map((pair) => pair[i] as number));
        return [tensor(part(0).map((row) => row.map((p) => Math.log(p + 1e-9)))), tensor(part(1))];
      },
    });
  expect(await search(1)).toEqual([
    [1, 1, 1],
    [1, 1, 1],
  ]);
  expect(await search(3)).toEqual([[2], [2]]);
});

test('subwords: frequent words stay whole, others are cut, and no text is lost', () => {
  const texts = ['low low low low lower lower', 'newest newest newest widest widest'];
  const split = learnSubwords(texts, 12);
  expect(split('low newest')).toEqual(['▁low', '▁newest']);
  expect(split('lowest').length).toBeGreaterThan(1);
  expect(joined(split('the lowest wide'))).toBe('the lowest wide');
});
