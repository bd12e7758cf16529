import { describe, expect, test } from '@jest/globals';
import { allDtypes } from '../../src/core/dtype.ts';
import { tensor } from '../../src/core/tensor.ts';
import { DtypeError, FormatError } from '../../src/errors.ts';
import { readNpy, readNpz, writeNpy } from '../../src/formats/npy.ts';
import { writeNpz } from '../../src/formats/npz-writer.ts';
import { writeZip } from '../../src/formats/zip-writer.ts';

/** A `.npy` file of a header and elements. */
function npy(dict: string, elements: readonly number[], version = 1): Uint8Array {
  const size = Buffer.alloc(version === 1 ? 2 : 4);
  size.writeUIntLE(dict.length, 0, size.length);
  const head = Buffer.concat([Buffer.from('\x93NUMPY', 'latin1'), Buffer.from([version, 0]), size]);
  return Buffer.concat([head, Buffer.from(dict), Buffer.from(elements)]);
}
const dict = (descr: string, shape: string, fortran = 'False') =>
  `{'descr': ${descr}, 'fortran_order': ${fortran}, 'shape': ${shape}, }\n`;

describe('.npy', () => {
  test.each(allDtypes)('%s survives writing and reading', async (dtype) => {
    for (const shape of [[], [6], [2, 3], [0, 3]]) {
      const size = shape.reduce((product, n) => product * n, 1);
      const values = Array.from({ length: size }, (_, i) => (dtype === 'bool' ? i % 2 : i));
      const original = tensor(tensor(values).data, shape, dtype);
      const read = await readNpy(writeNpy(original));
      expect(read.dtype).toBe(dtype);
      expect(read.shape).toEqual(shape);
      expect(read.data).toEqual(original.data);
    }
  });

  test('elements start at a multiple of 64, as NumPy writes them', () => {
    const bytes = writeNpy(tensor([1, 2]));
    expect(bytes.length % 64).toBe(8);
    expect(Buffer.from(bytes).toString('latin1', 10, 70)).toContain("'descr': '<f4', 'fortran_order': False");
  });

  test.each([1, 2, 3])('format version %d', async (version) => {
    const read = await readNpy(npy(dict("'<i2'", '(2,)'), [1, 0, 255, 255], version));
    expect(read.toString()).toBe('Tensor int16[2] [1, -1]');
  });

  test('big-endian', async () => {
    const read = await readNpy(npy(dict("'>i4'", '(2L,)'), [0, 0, 1, 2, 255, 255, 255, 254]));
    expect([...read.data]).toEqual([258, -2]);
  });

  test('Fortran order', async () => {
    // np.arange(12).reshape(2, 3, 2) stored column by column
    const stored = [0, 6, 2, 8, 4, 10, 1, 7, 3, 9, 5, 11];
    const read = await readNpy(npy(dict("'|u1'", '(2, 3, 2)', 'True'), stored));
    expect([...read.data]).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    expect(read.shape).toEqual([2, 3, 2]);
  });

  test.each([
    ["'|O'", /pickles, which can run code/],
    ["'<U5'", /"<U5"/],
    ["'<f2'", /astype\("float32"\)/],
    ["[('a', '<f4')]", /"record"/],
  ])('no tensor holds %s', async (descr, message) => {
    const bytes = npy(dict(descr, '(1,)'), [0, 0, 0, 0]);
    await expect(readNpy(bytes, 'x.npy')).rejects.toThrow(DtypeError);
    await expect(readNpy(bytes, 'x.npy')).rejects.toThrow(message);
  });

  test.each([
    ['empty', new Uint8Array()],
    ['another format', Buffer.from('PK\x03\x04 and some more bytes')],
    ['unknown version', npy(dict("'<f4'", '(0,)'), [], 9)],
    ['header cut off', writeNpy(tensor([1])).subarray(0, 40)],
    ['elements cut off', writeNpy(tensor([1])).subarray(0, -1)],
    ['no shape', npy("{'descr': '<f4', 'fortran_order': False}", [])],
    ['negative size', npy(dict("'<f4'", '(-1,)'), [0, 0, 0, 0])],
    ['huge shape', npy(dict("'<f4'", '(99999999, 99999999)'), [0, 0, 0, 0])],
  ])('%s is a FormatError', async (_, bytes) => {
    await expect(readNpy(bytes, 'x.npy')).rejects.toThrow(FormatError);
    await expect(readNpy(bytes, 'x.npy')).rejects.toThrow(/^x\.npy: /);
  });
});

describe('.npz', () => {
  test.each([false, true])('round trip, compress %s', async (compress) => {
    const named = [
      ['x', tensor([[1, 2]])],
      ['y', tensor([3n])],
    ] as const;
    const read = await readNpz(writeNpz(named, { compress }));
    expect([...read].map(([name, t]) => `${name}: ${t}`)).toEqual(named.map(([name, t]) => `${name}: ${t}`));
  });

  test('a bad member is named', async () => {
    const bytes = writeZip([['w.npy', Buffer.from('nonsense')]]);
    await expect(readNpz(bytes, 'm.npz')).rejects.toThrow(/^m\.npz\/w\.npy: not a readable \.npy file/);
  });
});
