import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import * as tfk from '../../src/index.ts';
import { expectClose, type Tolerance } from '../helpers/close.ts';
import { type GoldenTensor, readGolden } from '../helpers/golden.ts';

const { featureSpace, loadFeatureSpace } = tfk.data;
const tolerance: Tolerance = { rtol: 2e-5, atol: 5e-6 };

interface Golden {
  readonly featureSpace: {
    readonly columns: tfk.data.Columns;
    readonly output: GoldenTensor;
    readonly newColumns: tfk.data.Columns;
    readonly newOutput: GoldenTensor;
  };
  readonly featureDict: {
    readonly columns: tfk.data.Columns;
    readonly outputs: Readonly<Record<string, GoldenTensor>>;
  };
}
const golden = readGolden<Golden>('preprocessing.json');

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tfk-features-'));
});
afterAll(() => rm(folder, { recursive: true }));

function expectTensor(actual: tfk.Tensor | undefined, expected: GoldenTensor, label: string): void {
  expect(actual?.shape).toEqual(expected.shape);
  expectClose(actual?.data ?? [], expected.data, tolerance, label);
}

const everyKind = {
  features: {
    age: 'floatNormalized',
    height: 'float',
    income: { type: 'floatRescaled', scale: 0.1, offset: -1 },
    score: { type: 'floatDiscretized', numBins: 3 },
    city: 'stringCategorical',
    rooms: 'integerCategorical',
    color: { type: 'stringHashed', numBins: 4 },
    code: { type: 'integerHashed', numBins: 3 },
    land: { type: 'stringCategorical', maxTokens: 3, numOovIndices: 2 },
  },
  crosses: [['city', 'rooms'], { features: ['land', 'color'], crossingDim: 3 }],
  crossingDim: 6,
} as const satisfies object;

describe('every kind of feature', () => {
  const { columns, output, newColumns, newOutput } = golden.featureSpace;
  const make = () =>
    featureSpace({
      ...everyKind,
      crosses: [['city', 'rooms'], { features: ['land', 'color'], crossingDim: 3 }],
    });

  test('is what Keras makes of it', () => {
    const space = make().adapt(columns);
    expectTensor(space.transform(columns), output, 'columns');
    expectTensor(space.transform(newColumns), newOutput, 'new columns');
  });

  test('learns from batches what it learns from all at once', () => {
    const half = (from: number): tfk.data.Columns =>
      Object.fromEntries(
        Object.entries(columns).map(([key, c]) => [key, (c as never[]).slice(from, from + 2)]),
      );
    const space = make().adapt(new Set([half(0), half(2)]));
    expectTensor(space.transform(newColumns), newOutput, 'new columns');
  });

  test('comes out of a file of Keras, and of a file of ours', async () => {
    const theirs = await loadFeatureSpace(join(process.cwd(), 'test/golden/keras/feature-space.keras'));
    expectTensor(theirs.transform(newColumns) as tfk.Tensor, newOutput, 'theirs');
    const path = join(folder, 'space.keras');
    await theirs.save(path);
    const ours = await loadFeatureSpace(path);
    expectTensor(ours.transform(newColumns) as tfk.Tensor, newOutput, 'ours');
    expect(ours.getConfig().crosses).toEqual(theirs.getConfig().crosses);
  });
});

test('a dict of features, encoded one by one', () => {
  const { columns, outputs } = golden.featureDict;
  const space = featureSpace({
    features: {
      city: { type: 'stringCategorical', outputMode: 'int' },
      rooms: { type: 'integerCategorical', outputMode: 'int' },
      score: { type: 'floatDiscretized', numBins: 3, outputMode: 'int' },
      age: 'floatNormalized',
    },
    crosses: [{ features: ['city', 'rooms'], crossingDim: 8, outputMode: 'int' }],
    outputMode: 'dict',
  }).adapt(columns);
  const results = space.transform(columns);
  expect(Object.keys(results).sort()).toEqual(Object.keys(outputs).sort());
  for (const [name, expected] of Object.entries(outputs)) expectTensor(results[name], expected, name);
});

test('missing values are zeros, and nothing is learned from them', () => {
  const space = featureSpace({
    features: {
      age: 'floatNormalized',
      city: 'stringCategorical',
      rooms: 'integerCategorical',
      bin: { type: 'floatDiscretized', binBoundaries: [0] },
    },
    crosses: [{ features: ['city', 'rooms'], crossingDim: 4 }],
  });
  space.adapt({ age: [1, Number.NaN, 3], city: ['a', null, 'b'], rooms: [1, undefined, 2], bin: [1, 2, 3] });
  const x = space.transform({
    age: [2, Number.NaN],
    city: ['b', null],
    rooms: [null, 2],
    bin: [Number.NaN, -1],
  });
  // age | bin of 2 | city: unknown, b, a | rooms: unknown, 2, 1 | the cross of 4
  expect(x.array()).toEqual([
    [0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0],
    [0, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0],
  ]);
});

test('a preprocessing layer of your choice', async () => {
  const space = featureSpace({
    features: {
      text: {
        type: 'feature',
        dtype: 'string',
        preprocessor: { type: 'textVectorization', outputMode: 'multiHot' },
        outputMode: 'float',
      },
      size: {
        type: 'feature',
        dtype: 'float32',
        preprocessor: tfk.layers.rescaling({ scale: 2 }),
        outputMode: 'float',
      },
    },
  }).adapt({ text: ['red red fox', 'red dog'], size: [1, 2] });
  const columns = { text: ['fox?', 'A red dog'], size: new Float64Array([1, 4]) };
  const expected = [
    [2, 0, 0, 1, 0],
    [8, 1, 1, 0, 1],
  ];
  expect(space.transform(columns).array()).toEqual(expected);
  const path = join(folder, 'text.keras');
  await space.save(path);
  expect(((await loadFeatureSpace(path)).transform(columns) as tfk.Tensor).array()).toEqual(expected);
});

describe('errors name what is wrong', () => {
  const space = featureSpace({ features: { age: 'float', rooms: 'integerCategorical' } });
  test.each<[string, () => unknown, RegExp]>([
    ['not adapted', () => space.transform({ age: [1], rooms: [1] }), /call adapt\(columns\)/],
    ['no column', () => space.adapt({ age: [1] }), /expected a column "rooms"\. Received age/],
    [
      'no number',
      () => space.adapt({ age: ['x'], rooms: ['three'] }),
      /column "rooms", row 0: expected a whole/,
    ],
    ['a fraction', () => space.adapt({ age: [1], rooms: [1.5] }), /row 0: expected a whole number/],
    [
      'lengths',
      () => space.adapt({ age: [1], rooms: [1, 2] }).transform({ age: [1], rooms: [1, 2] }),
      /one length/,
    ],
    ['a kind', () => featureSpace({ features: { a: 'floats' as never } }), /features\.a/],
    ['no features', () => featureSpace({ features: {} }), /at least one feature/],
    [
      'a cross',
      () => featureSpace({ features: { a: 'float' }, crosses: [['a', 'b']] }),
      /categories.*Received "a"/,
    ],
    [
      'codes side by side',
      () =>
        featureSpace({ features: { a: { type: 'stringHashed', outputMode: 'int' } } }).transform({
          a: ['x'],
        }),
      /outputMode: "dict"/,
    ],
    [
      'a missing code',
      () =>
        featureSpace({
          features: { a: { type: 'stringHashed', outputMode: 'int' } },
          outputMode: 'dict',
        }).transform({
          a: ['x', null],
        }),
      /no value in row 1/,
    ],
  ])('%s', (_, act, message) => {
    expect(act).toThrow(message);
  });

  test('a file of something else', async () => {
    const file = loadFeatureSpace(join(process.cwd(), 'test/golden/keras/nested-model.keras'));
    await expect(file).rejects.toThrow(tfk.FormatError);
    await expect(file).rejects.toThrow(/expected a feature space/);
  });
});

test('vocabulary files', async () => {
  const path = join(folder, 'words.txt');
  const lookup = tfk.layers.stringLookup({ vocabulary: ['b', 'a'] });
  await tfk.data.writeVocabulary(path, lookup.getVocabulary());
  const again = tfk.layers.stringLookup({ vocabulary: await tfk.data.readVocabulary(path) });
  expect(again.getVocabulary()).toEqual(['[UNK]', 'b', 'a']);
  await writeFile(path, 'x\r\ny\r\n');
  expect(await tfk.data.readVocabulary(path)).toEqual(['x', 'y']);
  await expect(tfk.data.writeVocabulary(path, ['a\nb'])).rejects.toThrow(/one line/);
  await expect(tfk.data.readVocabulary(join(folder, 'none.txt'))).rejects.toThrow(tfk.DataError);
});

describe('sequences and classes', () => {
  test('padSequences()', () => {
    const rows = [[1], [2, 3], [4, 5, 6]];
    const pad = (options?: tfk.data.PadOptions) => tfk.data.padSequences(rows, options).array();
    expect(pad()).toEqual([
      [0, 0, 1],
      [0, 2, 3],
      [4, 5, 6],
    ]);
    expect(pad({ value: -1 })).toEqual([
      [-1, -1, 1],
      [-1, 2, 3],
      [4, 5, 6],
    ]);
    expect(pad({ padding: 'post' })).toEqual([
      [1, 0, 0],
      [2, 3, 0],
      [4, 5, 6],
    ]);
    expect(pad({ maxLength: 2 })).toEqual([
      [0, 1],
      [2, 3],
      [5, 6],
    ]);
    expect(pad({ maxLength: 2, truncating: 'post' })).toEqual([
      [0, 1],
      [2, 3],
      [4, 5],
    ]);
    expect(tfk.data.padSequences(rows, { dtype: 'float32' }).dtype).toBe('float32');
  });

  test('toCategorical()', () => {
    expect(tfk.data.toCategorical([[2], [0]]).array()).toEqual([
      [0, 0, 1],
      [1, 0, 0],
    ]);
    expect(tfk.data.toCategorical([1], 2).array()).toEqual([[0, 1]]);
    expect(() => tfk.data.toCategorical([2], 2)).toThrow(/classes 0 to 1/);
  });

  test('normalize()', () => {
    expectClose(
      tfk.data.normalize([
        [3, 4],
        [0, 0],
      ]).data,
      [0.6, 0.8, 0, 0],
      tolerance,
      'rows',
    );
    expectClose(
      tfk.data.normalize(
        [
          [3, 4],
          [1, 0],
        ],
        0,
        1,
      ).data,
      [0.75, 1, 0.25, 0],
      tolerance,
      'columns',
    );
    expectClose(
      tfk.data.normalize([1, -4], -1, Number.POSITIVE_INFINITY).data,
      [0.25, -1],
      tolerance,
      'largest',
    );
    expect(() => tfk.data.normalize([1], 2)).toThrow(/axis/);
  });
});
