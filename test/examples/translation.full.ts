import { expect } from '@jest/globals';
import { readDictionary } from '../../examples/support/sentences.ts';
import { translateGru } from '../../examples/translation/gru.ts';
import { translateTransformer } from '../../examples/translation/transformer.ts';
import { testWith } from './data-files.ts';

const dictionary = testWith([`${process.env.TFK_TRANSLATIONS}/de-en`, '/usr/share/trans/de-en']);

dictionary.testIt('the dictionary has 14,783 different pairs of sentences', async () => {
  expect((await readDictionary(dictionary.file)).sentences).toHaveLength(14_783);
});

dictionary.testIt.each([
  ['a GRU with attention', translateGru, 0.3],
  ['a transformer', translateTransformer, 0.2],
] as const)('%s learns to translate: a short run', async (_name, translate, expected) => {
  const options = { epochs: 1, count: 6_000, tested: 10 };
  const { accuracy, translations } = await translate(dictionary.file, options);
  expect(accuracy.at(-1)).toBeGreaterThan(expected);
  expect(translations).toHaveLength(10);
  for (const { greedy, beam } of translations)
    for (const text of [greedy, beam]) expect(text).toMatch(/^[^▁]+$/); // words, not pieces
});
