import { describe, expect, test } from '@jest/globals';
import * as tfk from '../../../src/index.ts';

const { layers } = tfk;

test('layers inside a model: training sees what adapt() learned', async () => {
  const x = [[1], [2], [3], [4]];
  const scale = layers.normalization().adapt(x);
  const model = tfk.sequential([
    tfk.input({ shape: [1] }),
    scale,
    layers.dense({ units: 1, useBias: false }),
  ]);
  model.compile({ optimizer: tfk.optimizers.sgd({ learningRate: 0.1 }), loss: 'meanSquaredError' });
  const y = scale.transform(x);
  await model.fit(x, y, { epochs: 60, verbose: 0 });
  expect(model.getWeights().at(-1)?.item()).toBeCloseTo(1, 3);
});

describe('adapt()', () => {
  test('takes batches, at once or asynchronously', async () => {
    const whole = layers.normalization().adapt([[1], [2], [6]]);
    const batches = layers.normalization().adapt(new Set([[[1], [2]], [[6]]]));
    async function* later() {
      yield [[1]];
      yield [[2], [6]];
    }
    const asynchronous = await layers.normalization().adapt(later());
    for (const layer of [batches, asynchronous]) {
      expect(layer.transform([[4]]).item()).toBeCloseTo(whole.transform([[4]]).item(), 6);
    }
  });

  test('forgets what was learned before', () => {
    const lookup = layers.stringLookup().adapt(['a', 'b', 'b']);
    expect(lookup.adapt(['c']).getVocabulary()).toEqual(['[UNK]', 'c']);
  });

  test('is refused where the options say it all', () => {
    expect(() => layers.stringLookup({ vocabulary: ['a'] }).adapt(['b'])).toThrow(/nothing to learn/);
    expect(() => layers.normalization({ mean: 0, variance: 1 }).adapt([1])).toThrow(/nothing to learn/);
    expect(() => layers.discretization({ binBoundaries: [0] }).adapt([1])).toThrow(/nothing to learn/);
  });
});

test('NaN is in the last bin, infinities in the outer ones', () => {
  const bins = layers.discretization({ binBoundaries: [0, 1, 2] });
  const numbers = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1.5];
  expect(bins.transform(numbers).array()).toEqual([3, 3, 0, 2]);
});

test('integers are exact to 64 bits', () => {
  const ids = new BigInt64Array([2n ** 62n, 2n ** 62n + 1n]);
  const lookup = layers.integerLookup().adapt(ids);
  expect(lookup.transform(ids).array()).toEqual([2, 1]);
});

test('functions of your own', () => {
  const vectorize = layers.textVectorization({
    standardize: (text) => text.replaceAll('-', ' '),
    split: (text) => text.split(' ').reverse(),
    vocabulary: ['a', 'b'],
  });
  expect(vectorize.transform(['a-b']).array()).toEqual([[3, 2]]);
  expect(vectorize.tokenize('a-b')).toEqual(['b', 'a']);
});

describe('errors say what is wrong and what to do', () => {
  const words = ['a', 'b'];
  test.each<[string, () => unknown, RegExp]>([
    [
      'texts in a model',
      () => layers.stringLookup().apply(tfk.input({ shape: [1] })),
      /Call transform\(data\)/,
    ],
    ['no vocabulary', () => layers.textVectorization().transform(['a']), /call adapt\(data\) first/],
    ['no bins', () => layers.discretization({ numBins: 2 }).transform([1]), /no bins yet/],
    [
      'tokens twice',
      () => layers.stringLookup({ vocabulary: ['a', 'a'] }),
      /distinct tokens. Received "a" twice/,
    ],
    [
      'too many',
      () => layers.stringLookup({ vocabulary: words, maxTokens: 2 }),
      /at most 2 places. Received 3/,
    ],
    [
      'a mask inside',
      () => layers.stringLookup({ vocabulary: words, maskToken: 'b' }),
      /"b" among the others/,
    ],
    [
      'weights',
      () => layers.stringLookup({ vocabulary: words, outputMode: 'tfIdf' }),
      /2 weights in mode "tfIdf"/,
    ],
    [
      'invert',
      () => layers.stringLookup({ invert: true, outputMode: 'count' }),
      /outputMode "int" with invert/,
    ],
    ['padding', () => layers.stringLookup({ padToMaxTokens: true }), /maxTokens with padToMaxTokens/],
    ['salt', () => layers.integerLookup({ salt: 1 }), /oovMethod "farmhash" with a salt/],
    ['a path', () => layers.stringLookup({ vocabulary: 'words.txt' as never }), /data\.readVocabulary/],
    [
      'numbers',
      () => layers.stringLookup({ vocabulary: words }).transform([1]),
      /expected texts. Received numbers/,
    ],
    [
      'unknown',
      () => layers.stringLookup({ vocabulary: words, numOovIndices: 0 }).transform(['z']),
      /"z" is not in/,
    ],
    [
      'a fraction',
      () => layers.integerLookup({ vocabulary: [1] }).transform([1.5]),
      /expected whole numbers/,
    ],
    ['ragged texts', () => layers.hashing({ numBins: 2 }).transform([['a', 'b'], ['c']]), /same length/],
    ['half a scale', () => layers.normalization({ mean: 1 }), /both mean and variance/],
    ['sizes', () => layers.normalization().adapt(new Set([[[1, 2]], [[1, 2, 3]]])), /expected sizes \[2\]/],
    ['no bins at all', () => layers.discretization({}), /binBoundaries, or numBins/],
    ['counts', () => layers.categoryEncoding({ numTokens: 2 }).transform([1], [2]), /outputMode "count"/],
    ['one feature', () => layers.hashedCrossing({ numBins: 2 }).transform([['a']]), /two or more features/],
    [
      'two axes',
      () => layers.textVectorization({ vocabulary: words }).transform([['a', 'b']]),
      /\[batch\] or/,
    ],
    [
      'a length',
      () => layers.textVectorization({ outputMode: 'count', outputSequenceLength: 2 }),
      /outputMode "int"/,
    ],
    [
      'unknown places in a model',
      () => layers.integerLookup({ vocabulary: [1], numOovIndices: 0 }).apply(tfk.input({ shape: [1] })),
      /numOovIndices must be 1/,
    ],
  ])('%s', (_, act, message) => {
    expect(act).toThrow(tfk.TfkError);
    expect(act).toThrow(message);
  });
});
