import { describe, expect, test } from '@jest/globals';
import { ConfigError, DataError, data, tensor } from '../../src/index.ts';
import { elementsOf, resumesEverywhere } from './pipelines.ts';

const module = new URL('./modules/map-functions.js', import.meta.url);

describe('map in worker threads', () => {
  test('tensors, texts and arrays go there and back; memory that is used again comes as it was', async () => {
    const x = tensor(Float32Array.of(1, 2, 3, 4), [2, 2]);
    const pipeline = data.fromArrays([x, ['a', 'b']]).map(module, { workers: 2, name: 'double' });
    expect([pipeline.size, await elementsOf(pipeline)]).toEqual([
      2,
      [
        { x: [[1, 2]], twice: [2, 4], label: 'a' },
        { x: [[3, 4]], twice: [6, 8], label: 'b' },
      ],
    ]);
    expect(x.array()).toEqual([
      [1, 2],
      [3, 4],
    ]);
  });

  test('the order stays', async () => {
    const pipeline = data.range(8).map(module, { workers: 2, name: 'slow', parallel: 8 });
    expect(await pipeline.toArray()).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  });

  test('random numbers are those of the element, whatever the threads', async () => {
    const numbers = async (workers: number) => {
      const pipeline = data.range(5).map(module, { workers, name: 'random', seed: 4 });
      return [await pipeline.toArray(), await pipeline.toArray()];
    };
    const here = await numbers(0);
    expect(await numbers(2)).toEqual(here);
    expect(here[0]).not.toEqual(here[1]);
    const plain = data.range(5).map((x, { index, random }) => [x, index, random.uniform()], { seed: 4 });
    expect(await plain.toArray()).toEqual(here[0]);
  });

  test('resumes anywhere', async () => {
    const source = data.range(4);
    await resumesEverywhere(() => source.map(module, { workers: 1, name: 'random', seed: 1 }));
  });
});

describe('what goes wrong in a worker thread', () => {
  const map = (name: string, workers = 2) => data.range(6).map(module, { workers, name });

  test.each<[string, string]>([
    ['fragile', 'map: element 3: three is too many (function "fragile" of file:'],
    ['exits', 'map: element 3: its worker thread died: exit code 7'],
    ['crashes', 'map: element 3: its worker thread died: out of the blue'],
    ['unsendable', 'could not be cloned. (function "unsendable"'],
    ['missing', 'exports no function "missing". It exports: crashes, double, '],
  ])('%s', async (name, message) => {
    const pipeline = map(name, 1);
    for (let time = 0; time < 2; time++) await expect(pipeline.toArray()).rejects.toThrow(message); // a new thread each
  });

  test('elements before it are given', async () => {
    const cursor = map('exits').open();
    for (const value of [0, 1, 2]) expect(await cursor.next()).toEqual({ done: false, value });
    await expect(Promise.resolve(cursor.next())).rejects.toThrow(DataError);
    await cursor.return();
  });

  test('modules that are not there, functions, wrong options', async () => {
    const nowhere = data.range(1).map(new URL('./nowhere.js', import.meta.url));
    await expect(nowhere.toArray()).rejects.toThrow(/cannot load file:.*nowhere\.js/);
    const here = data.range(1).map(new URL('./nowhere.js', import.meta.url), { workers: 0 });
    await expect(here.toArray()).rejects.toThrow(ConfigError);
    expect(() => data.range(1).map((x) => x, { workers: 2 } as object)).toThrow('Put it into a module');
    expect(() => data.range(1).map(module, { workers: -1 })).toThrow(ConfigError);
    const functions = data.range(1).map(() => ({ f: () => {} }));
    await expect(functions.map(module).toArray()).rejects.toThrow(
      'element 0: cannot be sent to another thread',
    );
  });
});
