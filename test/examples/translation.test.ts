import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { beamSearch } from '../../examples/support/beam-search.ts';
import { bleu } from '../../examples/support/bleu.ts';
import { addTranslations, learnLexicon } from '../../examples/support/lexicon.ts';
import { readDictionary, spaced } from '../../examples/support/sentences.ts';
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

test('a lexicon finds which words go together: 1 and 5, 2 and 6, 3 and 7', () => {
  const pairs = [
    [[1], [5]],
    [
      [1, 2],
      [6, 5],
    ],
    [
      [2, 3],
      [6, 7],
    ],
  ] as const;
  const lexicon = learnLexicon(pairs, 20);
  for (const word of [1, 2, 3]) expect(lexicon.get(word)?.get(word + 4)).toBeGreaterThan(0.9);
  const vectors = addTranslations(
    tensor([
      [0, 0],
      [1, 1],
    ]),
    tensor([
      [0, 0],
      [0, 0],
      [2, 4],
    ]),
    new Map([[1, new Map([[2, 0.5]])]]),
  );
  expect(vectors.array()).toEqual([
    [0, 0],
    [2, 3],
  ]);
});

test('a dictionary has sentences, and words with alternatives and remarks', async () => {
  const file = join(await mkdtemp(join(tmpdir(), 'tfk-')), 'de-en');
  await writeFile(
    file,
    '# a comment\nHaus {n}; Heim {n} [geh.] | Das Haus ist alt. :: house; home | The house is old.\nHund | Hunde :: dog\n',
  );
  const { sentences, phrases } = await readDictionary(file);
  expect(sentences).toEqual([{ german: 'Das Haus ist alt.', english: 'The house is old.' }]);
  expect(phrases.map(({ german, english }) => [spaced(german), spaced(english)])).toEqual([
    ['haus', 'house'],
    ['heim', 'home'],
  ]);
  expect(spaced("Don't “go”, 2-fold!")).toBe('don’t “ go ” , 2-fold !');
});
