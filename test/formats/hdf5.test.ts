import { describe, expect, test } from '@jest/globals';
import { allDtypes } from '../../src/core/dtype.ts';
import { tensor } from '../../src/core/tensor.ts';
import { ConfigError, FormatError } from '../../src/errors.ts';
import { readHdf5, writeHdf5 } from '../../src/formats/hdf5.ts';

const kernel = tensor([
  [1, 2, 3],
  [4, 5, 6],
]);
const weights = () =>
  writeHdf5((file) => {
    file.dataset('layers/dense/vars/0', kernel);
    file.dataset('layers/dense/vars/1', tensor([7, 8, 9]));
    file.group('layers/dropout/vars');
    file.attribute('layers/dense', 'name', 'dense é');
    file.attribute('/', 'layer_names', ['dense', 'dröpout']);
    file.attribute('/', 'none', []);
    file.attribute('/', 'epochs', 3);
    file.attribute('/', 'rates', [0.5, 2 ** 40]);
    file.attribute('layers/dense/vars/0', 'long', 'x'.repeat(70_000));
  });

describe('round trip', () => {
  test('groups, data sets and attributes', async () => {
    await readHdf5(await weights(), (file) => {
      expect(file.keys('/')).toEqual(['layers']);
      expect(file.keys('layers')).toEqual(['dense', 'dropout']);
      expect(file.paths()).toContain('layers/dense/vars/1');
      expect(file.kind('layers/dense')).toBe('group');
      expect(file.kind('layers/dense/vars/0')).toBe('dataset');
      expect(file.kind('layers/conv')).toBeUndefined();
      expect(file.type('layers/dense/vars/0')).toEqual({ dtype: 'float32', shape: [2, 3] });
      expect(file.dataset('layers/dense/vars/0')).toEqual(kernel);
      expect(file.attribute('layers/dense', 'name')).toBe('dense é');
      expect(file.attribute('/', 'layer_names')).toEqual(['dense', 'dröpout']);
      expect(file.attribute('/', 'none')).toEqual([]);
      expect(file.attribute('/', 'epochs')).toBe(3);
      expect(file.attribute('/', 'rates')).toEqual([0.5, 2 ** 40]);
      expect(file.attribute('/', 'nope')).toBeUndefined();
      expect(file.attribute('layers/dense/vars/0', 'long')).toHaveLength(70_000);
      expect(file.attributeNames('/').sort()).toEqual(['epochs', 'layer_names', 'none', 'rates']);
    });
  });

  test.each(allDtypes)('%s of every rank', async (dtype) => {
    const originals = [tensor(1, [], dtype), tensor([0, 1, 1], [3], dtype), tensor([], [0, 2], dtype)];
    const bytes = await writeHdf5((file) => {
      for (const [i, original] of originals.entries()) file.dataset(`vars/${i}`, original);
    });
    const read = await readHdf5(bytes, (file) => originals.map((_, i) => file.dataset(`vars/${i}`)));
    for (const [i, original] of originals.entries()) {
      expect(read[i]?.shape).toEqual(original.shape);
      expect(read[i]?.dtype).toBe(dtype === 'bool' ? 'uint8' : dtype);
      expect(read[i]?.data).toEqual(original.data);
    }
  });

  test('an error of the callback passes through, and the next file opens', async () => {
    const bytes = await weights();
    const fault = new TypeError('mine');
    const failing = readHdf5(bytes, () => {
      throw fault;
    });
    await expect(failing).rejects.toBe(fault);
    await expect(
      writeHdf5(() => {
        throw fault;
      }),
    ).rejects.toBe(fault);
    expect(await readHdf5(bytes, (file) => file.keys('/'))).toEqual(['layers']);
  });
});

describe('errors', () => {
  test('a path that is not there lists what is', async () => {
    const read = weights().then((bytes) =>
      readHdf5(bytes, (file) => file.dataset('layers/dense/vars/2'), { label: 'm.weights.h5' }),
    );
    await expect(read).rejects.toThrow(
      'm.weights.h5: no data set "layers/dense/vars/2". "layers/dense/vars" has: 0, 1.',
    );
  });

  test('a data set is not a group', async () => {
    const bytes = await weights();
    await expect(readHdf5(bytes, (file) => file.keys('layers/dense/vars/0'))).rejects.toThrow(/no group/);
    await expect(readHdf5(bytes, (file) => file.dataset('layers'))).rejects.toThrow(/no data set/);
    await expect(readHdf5(bytes, (file) => file.kind('layers/dense/vars/0/x'))).rejects.toThrow(FormatError);
  });

  test('writing over something', async () => {
    const twice = writeHdf5((file) => {
      file.dataset('a', kernel);
      file.dataset('a', kernel);
    });
    await expect(twice).rejects.toThrow(ConfigError);
    const inside = writeHdf5((file) => {
      file.dataset('a', kernel);
      file.dataset('a/b', kernel);
    });
    await expect(inside).rejects.toThrow(ConfigError);
  });

  test('more bytes than asked for', async () => {
    const bytes = await weights();
    const read = readHdf5(bytes, (file) => file.dataset('layers/dense/vars/0'), { maxBytes: 23 });
    await expect(read).rejects.toThrow(/declares 24 bytes; at most 23 are read/);
  });

  test('a hostile size is refused before memory is taken', async () => {
    const bytes = Buffer.from(await writeHdf5((file) => file.dataset('a', tensor([1, 2, 3, 4, 5], [5]))));
    // The dataspace message: version 1, rank 1, flags 1 (maximum sizes present), then the size and its maximum.
    const at = bytes.indexOf(Buffer.from([1, 1, 1, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0]));
    const where = at >= 0 ? at + 8 : bytes.indexOf(Buffer.from([5, 0, 0, 0, 0, 0, 0, 0]));
    bytes.writeBigUInt64LE(1n << 33n, where);
    bytes.writeBigUInt64LE(1n << 33n, where + 8);
    await expect(readHdf5(bytes, (file) => file.dataset('a'))).rejects.toThrow(FormatError);
  });

  test('a heap that the library would walk forever is refused', async () => {
    const bytes = Buffer.from(await writeHdf5((file) => file.attribute('/', 'name', 'dense')));
    const heap = bytes.indexOf('GCOL');
    // The one object, 16 bytes of header and 8 of content, becomes free space of size 0.
    bytes.writeUInt16LE(0, heap + 16);
    bytes.writeBigUInt64LE(0n, heap + 24);
    await expect(readHdf5(bytes, (file) => file.attribute('/', 'name'))).rejects.toThrow(
      /heap .* is damaged/,
    );
  });

  test.each([
    ['empty', () => new Uint8Array()],
    ['another format', () => new Uint8Array(1000)],
    ['truncated', (bytes: Uint8Array) => bytes.subarray(0, bytes.length / 2)],
    ['superblock only', (bytes: Uint8Array) => bytes.subarray(0, 96)],
  ])('%s', async (_, spoil) => {
    const read = readHdf5(spoil(await weights()), (file) => file.paths(), { label: 'm.h5' });
    await expect(read).rejects.toThrow(FormatError);
    await expect(read).rejects.toThrow(/^m\.h5: not a readable HDF5 file: /);
  });
});
