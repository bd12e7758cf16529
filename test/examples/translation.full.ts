import { expect } from '@jest/globals';
import { readPairs } from '../../examples/support/sentences.ts';
import { translateGru } from '../../examples/translation/gru.ts';
import { translateTransformer } from '../../examples/translation/transformer.ts';
import { testWith } from './data-files.ts';

const dictionary = testWith([`${process.env.TFK_TRANSLATIONS}/de-en`, '/usr/share/trans/de-en']);

dictionary.testIt('the dictionary has 14,783 different pairs of sentences', async () => {
  expect(await readPairs(dictionary.file)).toHaveLength(14_783);
});

dictionary.testIt.each([
  ['a GRU with attention', translateGru],
  ['a transformer', translateTransformer],
] as const)('%s learns to translate: a short run', async (_name, translate) => {
  const { accuracy, bleu, translations } = await translate(dictionary.file, { epochs: 1, tested: 20 });
  expect(accuracy.at(-1)).toBeGreaterThan(0.15);
  expect(bleu.greedy).toBeGreaterThanOrEqual(0);
  expect(translations).toHaveLength(10);
  for (const { greedy, beam } of translations)
    expect([typeof greedy, typeof beam]).toEqual(['string', 'string']);
});
