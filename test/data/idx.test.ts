import { gzipSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import { readIdx } from '../../src/data/index.ts';
import { DataError, FormatError } from '../../src/errors.ts';
import { withFiles } from './files.ts';

const idx = (type: number, sizes: readonly number[], elements: readonly number[]): Uint8Array =>
  Uint8Array.from([0, 0, type, sizes.length, ...sizes.flatMap((n) => [0, 0, n >> 8, n & 255]), ...elements]);

describe('readIdx', () => {
  test.each([
    ['uint8', 0x08, [1, 255], [1, 255]],
    ['int8', 0x09, [1, 255], [1, -1]],
    ['int16', 0x0b, [1, 0, 255, 254], [256, -2]],
    ['int32', 0x0c, [0, 0, 1, 0, 255, 255, 255, 255], [256, -1]],
    ['float32', 0x0d, [0x3f, 0x80, 0, 0, 0xc0, 0, 0, 0], [1, -2]],
    ['float64', 0x0e, [0x3f, 0xf0, 0, 0, 0, 0, 0, 0, 0xc0, 0, 0, 0, 0, 0, 0, 0], [1, -2]],
  ])('%s', async (dtype, type, bytes, values) => {
    const read = await readIdx(idx(type, [2, 1], bytes));
    expect(read.dtype).toBe(dtype);
    expect(read.shape).toEqual([2, 1]);
    expect([...read.data]).toEqual(values);
  });

  test('files, and gzip files', async () => {
    const bytes = idx(8, [2, 2], [1, 2, 3, 4]);
    await withFiles({ plain: bytes, packed: gzipSync(bytes) }, async (folder) => {
      expect((await readIdx(`${folder}/plain`)).array()).toEqual([
        [1, 2],
        [3, 4],
      ]);
      expect(await readIdx(`${folder}/packed`)).toEqual(await readIdx(`${folder}/plain`));
      await expect(readIdx(`${folder}/nothing`)).rejects.toThrow(DataError);
    });
  });

  test.each([
    ['empty', new Uint8Array(), /two zero bytes/],
    ['another format', Buffer.from('PNG and more'), /two zero bytes/],
    ['unknown type', idx(7, [1], [0]), /element type 0x7/],
    ['header cut off', idx(8, [2, 2], []).subarray(0, 9), /header is cut off/],
    ['elements cut off', idx(8, [2, 2], [1, 2, 3]), /takes 4 bytes, the file has 3/],
    ['elements left over', idx(8, [1], [1, 2]), /takes 1 bytes, the file has 2/],
    ['corrupt gzip', gzipSync(idx(8, [1], [1])).subarray(0, 15), /unexpected end of file/],
    ['gzip bomb', gzipSync(new Uint8Array(2 ** 21)), /larger than 1048576/],
  ])('%s', async (_, bytes, message) => {
    const read = readIdx(bytes, { label: 'x.gz', maxBytes: 2 ** 20 });
    await expect(read).rejects.toThrow(FormatError);
    await expect(read).rejects.toThrow(message);
    await expect(read).rejects.toThrow(/^x\.gz: not a readable IDX file/);
  });
});
