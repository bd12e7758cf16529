import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, test } from '@jest/globals';
import type { State } from '../../src/core/state.ts';
import { swapBytes, writeNpy } from '../../src/formats/npy.ts';
import { writeNpz } from '../../src/formats/npz-writer.ts';
import { packState, unpackState } from '../../src/formats/state-file.ts';
import { data, FormatError, Tensor, tensor } from '../../src/index.ts';
import { elementsOf, resumesEverywhere } from './pipelines.ts';

const folder = mkdtempSync(join(tmpdir(), 'tfk-rows-'));
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, content: Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

/** More than a block of rows. */
const large = tensor(
  Int16Array.from({ length: 900_000 }, (_, i) => i % 1000),
  [900, 1000],
);
const small = tensor(Int32Array.of(1, 2, 3, 4, 5, 256), [3, 2]);
const smallRows = [
  [1, 2],
  [3, 4],
  [5, 256],
];

/** An IDX file: two zero bytes, element type, rank, sizes, big-endian elements. */
function idx(t: Tensor, code: number, width: number): Uint8Array {
  const head = Buffer.alloc(4 + 4 * t.rank);
  head[2] = code;
  head[3] = t.rank;
  for (const [axis, n] of t.shape.entries()) head.writeUInt32BE(n, 4 + 4 * axis);
  const elements = new Uint8Array(t.data.buffer.slice(0));
  swapBytes(elements, width);
  return Buffer.concat([head, elements]);
}

const sources: readonly [
  string,
  () => Promise<data.Pipeline<Tensor>>,
  () => Promise<data.Pipeline<Tensor>>,
][] = [
  [
    'npy',
    () => data.npyRows(file('s.npy', writeNpy(small))),
    () => data.npyRows(file('l.npy', writeNpy(large))),
  ],
  [
    'npy packed',
    () => data.npyRows(file('s.npy.gz', gzipSync(writeNpy(small)))),
    () => data.npyRows(file('l.npy.gz', gzipSync(writeNpy(large), { level: 1 }))),
  ],
  [
    'npz',
    () =>
      data.npzRows(
        file(
          's.npz',
          writeNpz([
            ['y', large],
            ['x', small],
          ]),
        ),
        'x',
      ),
    () => data.npzRows(join(folder, 's.npz'), 'y'),
  ],
  [
    'npz compressed',
    () =>
      data.npzRows(
        file(
          'c.npz',
          writeNpz(
            [
              ['x', small],
              ['y', large],
            ],
            { compress: true },
          ),
        ),
        'x',
      ),
    () => data.npzRows(join(folder, 'c.npz'), 'y'),
  ],
  [
    'IDX',
    () => data.idxRows(file('s.idx', idx(small, 12, 4))),
    () => data.idxRows(file('l.idx.gz', gzipSync(idx(large, 11, 2), { level: 1 }))),
  ],
];

describe.each(sources)('rows of %s', (_, openSmall, openLarge) => {
  test('stay in the file until they are asked for, and resume anywhere', async () => {
    const rows = await openSmall();
    expect(rows.size).toBe(3);
    expect(await elementsOf(rows)).toEqual(smallRows);
    await resumesEverywhere(() => rows.map((t) => t));
  });

  test('block after block; from a place far in', async () => {
    const rows = await openLarge();
    expect(rows.size).toBe(900);
    const [batch] = await rows.skip(898).batch(9).toArray();
    expect(batch?.equals(large.rows(898, 900))).toBe(true);
    const cursor = rows.open();
    await cursor.restore(523);
    expect((await cursor.next()).value?.equals(large.rows(523, 524).reshape([1000]))).toBe(true);
    await cursor.return();
    expect((await cursor.next()).done).toBe(true);
  });
});

describe('files that are wrong', () => {
  test('cut off, too long, without rows, in another order', async () => {
    const bytes = writeNpy(small);
    const cut = bytes.subarray(0, -1);
    await expect(data.npyRows(file('cut.npy', cut))).rejects.toThrow(
      'takes 152 bytes with its header. Received 151',
    );
    const packed = await data.npyRows(file('cut.npy.gz', gzipSync(cut)));
    await expect(packed.toArray()).rejects.toThrow('the file ends within row 2 of 3');
    const long = await data.npyRows(file('long.npy.gz', gzipSync(Buffer.concat([bytes, cut]))));
    await expect(long.toArray()).rejects.toThrow('goes on after its 3 rows');
    await expect(data.npyRows(file('scalar.npy', writeNpy(tensor(1))))).rejects.toThrow('expected rows of');
    const fortran = Buffer.from(bytes);
    fortran.write('True, ', fortran.indexOf('False,'));
    await expect(data.npyRows(file('f.npy', fortran))).rejects.toThrow('np.ascontiguousarray');
    await expect(data.idxRows(file('no.idx', Buffer.from('no idx')))).rejects.toThrow(FormatError);
    await expect(data.npzRows(join(folder, 's.npz'), 'z')).rejects.toThrow('no member "z.npy"');
  });

  test('a changed member of an archive', async () => {
    const bytes = writeNpz([['x', small]]);
    const at = Buffer.from(bytes).lastIndexOf(Buffer.of(5, 0, 0, 0, 0, 1));
    bytes[at] = 6;
    const rows = await data.npzRows(file('changed.npz', bytes), 'x');
    await expect(rows.toArray()).rejects.toThrow('its checksum is wrong');
  });
});

describe('zip', () => {
  test('lists and records of pipelines, as long as the shortest', async () => {
    const [x, y] = [data.range(3), data.fromArrays(['a', 'b', 'c', 'd'])];
    const pairs = data.zip([x, y]);
    expect([pairs.size, await elementsOf(pairs)]).toEqual([
      3,
      [
        [0, 'a'],
        [1, 'b'],
        [2, 'c'],
      ],
    ]);
    const named = data.zip({ image: await data.npyRows(file('z.npy', writeNpy(small))), label: y });
    expect(await elementsOf(named.take(1))).toEqual([{ image: [1, 2], label: 'a' }]);
    await resumesEverywhere(() => data.zip([x, named.shuffle(2, { seed: 1 })]));
    expect(await data.zip([]).toArray()).toEqual([]);
    const { value } = await data
      .zip([x, data.range(2).filter(() => true)])
      .open()
      .next();
    expect(value).toEqual([0, 0]);
  });
});

describe('memory that is used again', () => {
  /** Several blocks of rows. */
  const rows = tensor(
    Int16Array.from({ length: 1_600_000 }, (_, i) => i % 30_011),
    [1600, 1000],
  );
  const path = file('blocks.npy', writeNpy(rows));

  test('holds a later block once no row of the one before is used', async () => {
    const cursor = (await data.npyRows(path)).open();
    const first: Tensor[] = [];
    for (let i = 0; i < 524; i++) first.push((await cursor.next()).value as Tensor);
    const { buffer } = (first[0] as Tensor).data;
    for (const row of first.slice(1)) cursor.recycle?.(row);
    const second = (await cursor.next()).value as Tensor;
    expect(second.data.buffer).not.toBe(buffer);
    cursor.recycle?.(first[0] as Tensor);
    for (let i = 1; i < 524; i++) await cursor.next();
    const third = (await cursor.next()).value as Tensor;
    expect(third.data.buffer).toBe(buffer);
    expect(third.equals(rows.rows(1048, 1049).reshape([1000]))).toBe(true);
    await cursor.return();
  });

  test('changes neither the elements nor the places in the data', async () => {
    const batches = async (): Promise<data.Pipeline<[Tensor, Tensor]>> =>
      data
        .zip([await data.npyRows(path), data.range(1600)])
        .shuffle(200, { seed: 1 })
        .batch(64)
        .prefetch(2);
    const expected = await (await batches()).toArray();
    const cursor = (await batches()).open();
    const rest = async (from: data.Pipeline<[Tensor, Tensor]>, place: State): Promise<Tensor[]> => {
      const resumed = from.open();
      await resumed.restore(place);
      const found: Tensor[] = [];
      for (let item = await resumed.next(); !item.done; item = await resumed.next()) {
        found.push(...item.value.map(({ dtype, shape, data }) => new Tensor(dtype, shape, data.slice())));
        resumed.recycle?.(item.value);
      }
      return found;
    };
    for (const [i, batch] of expected.entries()) {
      const { value } = await cursor.next();
      expect(value?.every((part, k) => part.equals(batch[k] as Tensor))).toBe(true);
      if (value) cursor.recycle?.(value);
      await new Promise(setImmediate); // later batches are begun
      if (i % 8 !== 3) continue;
      const found = await rest(await batches(), unpackState(packState(cursor.state()), 'place'));
      const others = expected.slice(i + 1).flat();
      expect(found.every((part, k) => part.equals(others[k] as Tensor))).toBe(true);
      expect(found).toHaveLength(others.length);
    }
  });
});
