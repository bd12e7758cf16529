import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import {
  ConfigError,
  callbacks,
  DataError,
  data,
  FormatError,
  type Tensor,
  tensor,
} from '../../src/index.ts';
import { readGolden } from '../helpers/golden.ts';
import { fingerprint, resumableModel, samples } from '../helpers/resumable-run.ts';
import { type Element, elementsOf, resumesEverywhere } from './pipelines.ts';

const { fromArrays, fromGenerator, Pipeline, range } = data;
const folder = mkdtempSync(join(tmpdir(), 'tfk-pipeline-'));
afterAll(() => rmSync(folder, { recursive: true }));

const later = <T>(value: T, milliseconds: number): Promise<T> =>
  new Promise((resolve) => setTimeout(() => resolve(value), milliseconds));

describe('each stage', () => {
  test.each<[string, () => data.Pipeline<unknown>, Element]>([
    ['range', () => range(3), [0, 1, 2]],
    ['map', () => range(3).map((n) => n * n), [0, 1, 4]],
    ['map, async, in order', () => range(4).map((n) => later(n, 8 - 2 * n), { parallel: 3 }), [0, 1, 2, 3]],
    ['filter', () => range(6).filter((n) => n % 2 === 1), [1, 3, 5]],
    ['filter, async', () => range(4).filter((n) => later(n > 1, 1)), [2, 3]],
    ['take and skip', () => range(9).skip(2).take(3), [2, 3, 4]],
    ['take none', () => range(9).take(0), []],
    ['take and skip beyond the end', () => range(2).skip(1).take(9), [1]],
    ['repeat', () => range(2).repeat(3), [0, 1, 0, 1, 0, 1]],
    ['repeat without end', () => range(2).repeat().take(5), [0, 1, 0, 1, 0]],
    ['repeat of nothing ends', () => range(0).repeat(), []],
    ['batch', () => range(5).batch(2), [[0, 1], [2, 3], [4]]],
    [
      'batch, without a rest',
      () => range(5).batch(2, { dropRemainder: true }),
      [
        [0, 1],
        [2, 3],
      ],
    ],
    ['prefetch', () => range(4).prefetch(2), [0, 1, 2, 3]],
    ['prefetch of more than there is', () => range(2).prefetch(9), [0, 1]],
    ['cache', () => range(3).cache(), [0, 1, 2]],
    ['generator', () => fromGenerator(() => ['a', 'b']).batch(2), [['a', 'b']]],
    [
      'async generator',
      () =>
        fromGenerator(async function* () {
          yield 1;
        }),
      [1],
    ],
    [
      'records and lists',
      () =>
        fromArrays({
          a: tensor([
            [1, 2],
            [3, 4],
          ]),
          b: [['x', 'y'], new Int32Array([5, 6])],
        }).batch(2),
      [
        {
          a: [
            [1, 2],
            [3, 4],
          ],
          b: [
            ['x', 'y'],
            [5, 6],
          ],
        },
      ],
    ],
    [
      'padded batches',
      () =>
        range(3)
          .map((n) => new Float32Array(n).fill(n))
          .paddedBatch(2, { value: -1 }),
      [[[-1], [1]], [[2, 2]]],
    ],
    [
      'padded in two axes, to a size',
      () =>
        range(3)
          .skip(1)
          .map((n) => tensor(new Int32Array(2 * n).fill(n), [n, 2]))
          .paddedBatch(2, { shape: [null, 3] }),
      [
        [
          [
            [1, 1, 0],
            [0, 0, 0],
          ],
          [
            [2, 2, 0],
            [2, 2, 0],
          ],
        ],
      ],
    ],
  ])('%s', async (_, make, expected) => {
    const pipeline = make();
    expect(await elementsOf(pipeline)).toEqual(expected);
    if (pipeline.size !== undefined) expect(pipeline.size).toBe((expected as unknown[]).length);
    expect(await elementsOf(pipeline)).toEqual(expected); // a second pass
  });

  test('shuffle: every element once, another order in each pass, the same from the same seed', async () => {
    const make = () => range(50).shuffle(10, { seed: 3 });
    const one = make();
    const [first, second] = [await one.toArray(), await one.toArray()];
    expect([...first].sort((a, b) => a - b)).toEqual(await range(50).toArray());
    expect(second).not.toEqual(first);
    expect(await make().toArray()).toEqual(first);
    for (const [i, n] of first.entries()) expect(n).toBeLessThan(i + 10); // from the buffer, no further
    const still = range(50).shuffle(50, { seed: 3, reshuffle: false });
    expect(await still.toArray()).toEqual(await still.toArray());
  });

  test('map: random numbers follow from seed, pass and element', async () => {
    const make = () => range(3).map((n, { index, random }) => [n - index, random.uniform()], { seed: 1 });
    const one = make();
    const [first, second] = [await one.toArray(), await one.toArray()];
    expect(first.map(([zero]) => zero)).toEqual([0, 0, 0]);
    expect(new Set([...first, ...second].map(([, u]) => u)).size).toBe(6);
    expect(await make().toArray()).toEqual(first);
  });

  test('errors of a function come when it is the turn of their element', async () => {
    const cursor = range(3)
      .map((n) => (n === 1 ? Promise.reject(new Error('one')) : n), { parallel: 3 })
      .open();
    expect(await cursor.next()).toMatchObject({ value: 0 });
    await expect(cursor.next()).rejects.toThrow('one');
  });

  test('memory of a batch that is no longer used serves for a later one', async () => {
    const rows = tensor(
      Float32Array.from({ length: 12 }, (_, i) => i),
      [6, 2],
    );
    const batches = fromArrays([rows, ['a', 'b', 'c', 'd', 'e', 'f']]).batch(2);
    const cursor = batches.open();
    const next = async () => (await cursor.next()).value as [Tensor, string[]];
    const first = await next();
    const second = await next();
    expect(second[0].data).not.toBe(first[0].data);
    cursor.recycle?.(first);
    const third = await next();
    expect(third[0].data).toBe(first[0].data);
    expect([third[0].array(), third[1]]).toEqual([
      [
        [8, 9],
        [10, 11],
      ],
      ['e', 'f'],
    ]);
    expect(batches.cache().open().recycle).toBeUndefined(); // who keeps them may go on using them
  });

  test('prefetch works ahead, but no further than told', async () => {
    const made: number[] = [];
    const pipeline = range(9)
      .map((n) => made.push(n))
      .prefetch(2);
    const cursor = pipeline.open();
    await cursor.next();
    await later(0, 5);
    expect(made).toEqual([0, 1, 2]);
  });
});

describe('like tf.data and Keras', () => {
  const record = readGolden<{
    timeseries: { length: number; targets?: boolean; options: Record<string, number>; batches: unknown }[];
    interleave: { cycleLength: number; blockLength: number; elements: number[] }[];
    buckets: { lengths: number[]; batches: unknown };
  }>('data.json');

  test.each(record.interleave)('interleave $cycleLength x $blockLength', async ({ elements, ...options }) => {
    const strands = range(5).interleave((n) => range(n + 1).map(() => n + 1), options);
    expect(await strands.toArray()).toEqual(elements);
  });

  test('bucketByLength', async () => {
    const lengths = fromArrays(Int32Array.from(record.buckets.lengths));
    const sequences = lengths.map((n) => new Float32Array(n.item()).fill(n.item()));
    const options = { boundaries: [3, 8], batchSizes: [3, 2, 1] };
    const batches = sequences.bucketByLength((s) => s.length, options);
    expect(await elementsOf(batches)).toEqual(record.buckets.batches);
    const padded = sequences.bucketByLength((s) => s.length, { ...options, padToBoundary: true });
    const widths = (await padded.toArray()).map(({ shape: [count, width] }) => (count === 1 ? 0 : width));
    expect(new Set(widths)).toEqual(new Set([2, 7, 0]));
  });

  test.each(record.timeseries)(
    'timeseriesDatasetFromArray $options',
    async ({ length, targets, options, batches }) => {
      const series = Int32Array.from({ length }, (_, i) => i);
      const goals = targets === false ? null : series.map((v) => 10 * v);
      const camel = Object.entries(options).map(([k, v]) => [
        k.replace(/_(.)/g, (_m, c: string) => c.toUpperCase()),
        v,
      ]);
      const windows = data.timeseriesDatasetFromArray(
        series,
        goals,
        Object.fromEntries(camel) as { sequenceLength: number },
      );
      expect(await elementsOf(windows)).toEqual(batches);
    },
  );
});

describe('the place is found again, wherever it is', () => {
  const cached = join(folder, 'elements');
  test.each<[string, () => data.Pipeline<unknown>]>([
    ['arrays', () => fromArrays([tensor([[1], [2], [3]]), new Int32Array([4, 5, 6])])],
    ['generator', () => fromGenerator((pass) => [pass, 1, 2])],
    ['map', () => range(5).map((n, { random }) => n + random.uniform(), { seed: 2 })],
    [
      'parallel map',
      () =>
        range(6).map((n, { random }) => later(n + random.uniform(), 3 - (n % 3)), { parallel: 3, seed: 2 }),
    ],
    [
      'filter, take, skip',
      () =>
        range(20)
          .filter((n) => n % 3 > 0)
          .skip(2)
          .take(6),
    ],
    ['shuffle', () => range(9).shuffle(4, { seed: 5 })],
    [
      'shuffled batches',
      () =>
        fromArrays([
          tensor([
            [1, 2],
            [3, 4],
            [5, 6],
          ]),
        ])
          .repeat(3)
          .shuffle(5, { seed: 1 })
          .batch(2),
    ],
    ['repeated shuffle', () => range(4).shuffle(4, { seed: 5 }).repeat(3)],
    [
      'buckets',
      () =>
        range(12)
          .map((n) => new Float32Array(1 + ((5 * n) % 7)).fill(n))
          .bucketByLength((s) => s.length, { boundaries: [3, 5], batchSizes: [2, 3, 2] }),
    ],
    [
      'interleave',
      () =>
        range(4).interleave((n) => range(n + 2).map((m) => 10 * n + m), { cycleLength: 2, blockLength: 2 }),
    ],
    [
      'cache',
      () =>
        range(5)
          .map((n) => 2 * n)
          .cache()
          .shuffle(3, { seed: 1 }),
    ],
    [
      'cache on disk',
      () =>
        range(5)
          .map((n) => ({ n, t: new Float32Array([n]) }))
          .cache(cached),
    ],
    ['prefetch', () => range(12).batch(2).prefetch(3)],
    [
      'everything',
      () =>
        range(30)
          .shuffle(8, { seed: 1 })
          .map((n) => later(n, 1), { parallel: 2 })
          .filter((n) => n % 5 > 0)
          .batch(4)
          .repeat(2)
          .prefetch(2),
    ],
  ])('%s', async (_, make) => {
    await resumesEverywhere(make);
  });

  test('in a run of fit that died', async () => {
    const batches = () =>
      fromArrays([samples.x, samples.y])
        .shuffle(16, { seed: 4 })
        .map(
          ([x, y], { random }): [Tensor, Tensor] => [
            tensor(Float32Array.from(x.data as Float32Array, (v) => v + 0.1 * random.normal())),
            y,
          ],
          { seed: 9, parallel: 2 },
        )
        .batch(6)
        .prefetch(2);
    const run = async (dieAt: number, backupDir?: string): Promise<string> => {
      const model = resumableModel();
      let left = dieAt;
      const die = callbacks.lambda({
        onTrainBatchEnd() {
          left--;
          if (left === 0) throw new Error('died');
        },
      });
      const backup = backupDir === undefined ? [] : [callbacks.backupAndRestore({ backupDir, saveFreq: 1 })];
      const history = await model.fit(batches(), undefined, {
        epochs: 3,
        validationData: fromArrays([samples.x, samples.y]).batch(20),
        verbose: 0,
        callbacks: [...backup, die],
      });
      return fingerprint(model, history);
    };
    const whole = await run(0);
    const backupDir = join(folder, 'backup');
    for (const steps of [1, 4, 6, 7]) await expect(run(steps, backupDir)).rejects.toThrow('died');
    expect(await run(0, backupDir)).toBe(whole);
  });
});

describe('cache', () => {
  test('makes what is before it once', async () => {
    let made = 0;
    const pipeline = range(3)
      .map((n) => {
        made++;
        return n;
      })
      .cache();
    for (let pass = 0; pass < 3; pass++) expect(await pipeline.toArray()).toEqual([0, 1, 2]);
    expect(made).toBe(3);
  });

  test('on disk: for later runs too; a pass that broke off leaves nothing; a corrupt file is an error', async () => {
    const place = mkdtempSync(join(folder, 'cache-'));
    const path = join(place, 'c');
    let made = 0;
    const make = () =>
      range(3)
        .map((n) => {
          made++;
          return tensor([n]);
        })
        .cache(path);
    expect(await make().take(2).toArray()).toHaveLength(2);
    expect(readdirSync(place)).toEqual([]);
    made = 0;
    await make().toArray();
    expect(await elementsOf(make())).toEqual([[0], [1], [2]]);
    expect([made, readdirSync(place)]).toEqual([3, ['c']]);
    writeFileSync(path, 'nonsense, nonsense');
    await expect(make().toArray()).rejects.toThrow(FormatError);
  });
});

describe('errors', () => {
  test.each<[string, () => unknown, typeof ConfigError | typeof DataError, string]>([
    ['a batch of nothing', () => range(3).batch(-1), ConfigError, 'batch: option "count"'],
    [
      'an unknown option',
      () => range(3).batch(1, { dropRemainders: true } as object),
      ConfigError,
      'Did you mean "dropRemainder"?',
    ],
    [
      'too few batch sizes',
      () => range(3).bucketByLength((n) => n, { boundaries: [2], batchSizes: [1] }),
      ConfigError,
      'expected 2 batchSizes',
    ],
    [
      'arrays of other lengths',
      () => fromArrays([new Float32Array(2), new Float32Array(3)]),
      DataError,
      '2 and 3',
    ],
    [
      'a window that is too long',
      () => data.timeseriesDatasetFromArray(new Float32Array(3), null, { sequenceLength: 4 }),
      ConfigError,
      'at least 4 steps',
    ],
    [
      'a split without a rest',
      () => data.splitDataset(new Float32Array(4), { leftSize: 4 }),
      ConfigError,
      '4 and 0 of 4',
    ],
  ])('%s', (_, make, type, message) => {
    expect(make).toThrow(type);
    expect(make).toThrow(message);
  });

  test('samples that make no batch', async () => {
    const ragged = range(3)
      .map((n) => new Float32Array(n))
      .batch(3);
    await expect(ragged.toArray()).rejects.toThrow(
      'sample is float32[0] in one sample and float32[1] in another',
    );
    const mixed = fromGenerator<number | string>(() => [1, 'a']).batch(2) as data.Pipeline<unknown>;
    await expect(mixed.toArray()).rejects.toThrow('other forms');
    const long = range(3)
      .map((n) => new Float32Array(n))
      .paddedBatch(3, { shape: [1] });
    await expect(long.toArray()).rejects.toThrow('at most 1 along axis 0');
  });
});

describe('splitDataset', () => {
  test('cuts samples in two, in order or shuffled', async () => {
    const [left, right] = data.splitDataset([new Int32Array([0, 1, 2, 3, 4])], { leftSize: 0.6 });
    expect([await elementsOf(left), await elementsOf(right)]).toEqual([
      [[0], [1], [2]],
      [[3], [4]],
    ]);
    const parts = data.splitDataset(
      Int32Array.from({ length: 20 }, (_, i) => i),
      { rightSize: 5, shuffle: true, seed: 1 },
    );
    const [a = [], b = []] = await Promise.all(parts.map((p) => elementsOf(p) as Promise<number[]>));
    expect([a.length, b.length]).toEqual([15, 5]);
    expect([...a, ...b].sort((p, q) => p - q)).toEqual(await range(20).toArray());
    expect(b).not.toEqual([15, 16, 17, 18, 19]);
    expect(parts[0]).toBeInstanceOf(Pipeline);
  });
});
