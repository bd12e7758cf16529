import { mkdtemp, open, rm } from 'node:fs/promises';
import { freemem, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Tensor } from '../../src/core/tensor.ts';
import { readBytes } from '../../src/formats/atomic.ts';
import { fileBytes } from '../../src/formats/byte-source.ts';
import { writeHdf5 } from '../../src/formats/hdf5.ts';

const enough = freemem() > 8 * 2 ** 30;
if (!enough) console.warn('There is less than 8 GiB of free memory: files above 2 GiB are not tested.');
const testIt = enough ? test : test.skip;

/** More than one call of the operating system reads. */
const size = 2 ** 31 + 8192;
let [folder, path] = ['', ''];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tfk-large-'));
  path = join(folder, 'sparse.bin');
  const file = await open(path, 'w'); // its middle takes no room on the disk
  for (const [position, byte] of [0, size - 1].entries())
    await file.write(Uint8Array.of(position + 1), 0, 1, byte);
  await file.close();
});
afterAll(() => rm(folder, { recursive: true }));

const ends = (bytes: Uint8Array): unknown => [bytes.length, bytes[0], bytes.at(-1)];

testIt('files above 2 GiB are read whole', async () => {
  expect(ends(await readBytes(path))).toEqual([size, 1, 2]);
  const stream = (await fileBytes(path)).from(0);
  const bytes = new Uint8Array(size);
  expect(await stream.fill(bytes)).toBe(size);
  await stream.close();
  expect(ends(bytes)).toEqual([size, 1, 2]);
});

testIt('a tensor of 2 GiB does not fit into HDF5, which is said', async () => {
  const tensor = new Tensor('uint8', [2 ** 31], new Uint8Array(2 ** 31));
  await expect(writeHdf5((file) => file.dataset('group/large', tensor))).rejects.toThrow(
    'cannot write "group/large", uint8[2147483648]',
  );
});
