import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { beamSearch } from '../../examples/support/beam-search.ts';
import { bleu } from '../../examples/support/bleu.ts';
import { learnGlosses, learnLexicon } from '../../examples/support/lexicon.ts';
import { readDictionary, spaced } from '../../examples/support/sentences.ts';
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

test('a lexicon finds which words go together', () => {
  const pairs = [
    { german: 'rot', english: 'red' },
    { german: 'rotes haus', english: 'red house' },
    { german: 'haus und hof', english: 'house and home' },
    { german: 'und', english: 'and' },
  ];
  const lexicon = learnLexicon(pairs, 20);
  const expected = { rot: 'red', haus: 'house', und: 'and', hof: 'home' };
  for (const [german, english] of Object.entries(expected))
    expect(lexicon.get(german)?.get(english)).toBeGreaterThan(0.9);
});

test('a word is read as its best translation, and a second that is probable, too', () => {
  const counts = { bank: 5, bench: 3, shore: 2 };
  const pairs = Object.entries(counts).flatMap(([english, n]) => Array(n).fill({ german: 'bank', english }));
  const rare = Array.from({ length: 20 }, (_, i) => ({
    german: 'ding',
    english: i < 2 ? 'thing' : `stuff${i}`,
  }));
  const glosses = learnGlosses([...pairs, ...rare]);
  expect([...glosses]).toEqual(
    expect.arrayContaining([
      ['bank', 'bank bench'],
      ['ding', 'thing'],
    ]),
  );
});

test('pieces: frequent words stay whole, others are cut, and no text is lost', () => {
  const cut = learnSubwords(['low low low low lower lower', 'newest newest newest widest widest'], 12);
  expect(cut('low newest')).toEqual(['▁low', '▁newest']);
  expect(cut('lowest').length).toBeGreaterThan(1);
  expect(joined(cut('the lowest wide'))).toBe('the lowest wide');
});

test('the first merges are of the most frequent neighbours', () => {
  expect(learnSubwords(['newest newest newest widest widest'], 2)('newest')).toEqual([
    '▁',
    'n',
    'e',
    'w',
    'est',
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
