import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { afterAll, describe, expect, test } from '@jest/globals';
import { type ColumnSource, parquetWriteBuffer } from 'hyparquet-writer';
import { ConfigError, DataError, data, FormatError } from '../../src/index.ts';
import { elementsOf, resumesEverywhere } from './pipelines.ts';

const folder = mkdtempSync(join(tmpdir(), 'tfk-parquet-'));
afterAll(() => rmSync(folder, { recursive: true }));

type WriteOptions = Partial<Parameters<typeof parquetWriteBuffer>[0]>;

function file(name: string, columnData: ColumnSource[], options: WriteOptions = {}): string {
  const path = join(folder, name);
  writeFileSync(path, new Uint8Array(parquetWriteBuffer({ columnData, rowGroupSize: 2, ...options })));
  return path;
}

const columns: ColumnSource[] = [
  { name: 'length', data: [5.1, 6.2, null, 4.9, 5.5], type: 'DOUBLE' },
  { name: 'count', data: [1n, 2n, 3n, 4n, 2n ** 52n], type: 'INT64' },
  { name: 'kind', data: ['setosa', 'versicolor', 'setosa', 'ä', 'setosa'], type: 'STRING' },
  { name: 'wild', data: [true, false, true, null, true], type: 'BOOLEAN' },
  { name: 'at', data: [0, 1, 2, 3, 4].map((s) => new Date(s * 1000)), type: 'TIMESTAMP' },
];

describe('parquetRows', () => {
  test('numbers, texts, dates, gaps; row group after row group, resumed anywhere', async () => {
    const rows = await data.parquetRows(file('a.parquet', columns));
    expect(rows.size).toBe(5);
    const found = await rows.toArray();
    expect(found[0]).toEqual({ length: 5.1, count: 1, kind: 'setosa', wild: true, at: 0 });
    expect(found[2]).toEqual({ length: null, count: 3, kind: 'setosa', wild: true, at: 2000 });
    expect(found[3]?.wild).toBeNull();
    expect(found[4]?.count).toBe(2 ** 52);
    await resumesEverywhere(() => rows.map((row) => row));
  });

  test('columns that are asked for, in any order', async () => {
    const rows = await data.parquetRows(file('b.parquet', columns), { columns: ['kind', 'count'] });
    expect(Object.entries((await rows.take(1).toArray())[0] as object)).toEqual([
      ['kind', 'setosa'],
      ['count', 1],
    ]);
    await expect(data.parquetRows(join(folder, 'b.parquet'), { columns: ['kinds'] })).rejects.toThrow(
      /Unknown column of .*b\.parquet "kinds"\. Did you mean "kind"\?/,
    );
  });

  test.each<[string, WriteOptions]>([
    ['none', { codec: 'UNCOMPRESSED' }],
    ['snappy', { codec: 'SNAPPY' }],
    ['gzip', { codec: 'GZIP', compressors: { GZIP: (bytes) => gzipSync(bytes) } }],
    ['brotli', { codec: 'BROTLI', compressors: { BROTLI: (bytes) => brotliCompressSync(bytes) } }],
  ])('compression: %s', async (name, options) => {
    const texts = Array.from({ length: 3000 }, (_, i) => `text ${i % 7}`);
    const path = file(`${name}.parquet`, [{ name: 't', data: texts }], { rowGroupSize: 1000, ...options });
    const rows = await data.parquetRows(path);
    expect((await rows.toArray()).map((row) => row.t)).toEqual(texts);
  });

  test('lists become tensors; bytes and structs stay', async () => {
    const lists = [
      [1, 2],
      [3, 4],
    ];
    const path = file(
      'nested.parquet',
      [
        { name: 'list', data: lists },
        { name: 'bytes', data: [Uint8Array.of(1), Uint8Array.of(200, 2)] },
      ],
      {
        schema: [
          { name: 'root', num_children: 2 },
          { name: 'list', num_children: 1, converted_type: 'LIST', repetition_type: 'OPTIONAL' },
          { name: 'list', num_children: 1, repetition_type: 'REPEATED' },
          { name: 'element', type: 'FLOAT', repetition_type: 'REQUIRED' },
          { name: 'bytes', type: 'BYTE_ARRAY', repetition_type: 'REQUIRED' },
        ],
      },
    );
    const rows = await data.parquetRows(path);
    expect(await elementsOf(rows)).toEqual([
      { list: [1, 2], bytes: [1] },
      { list: [3, 4], bytes: [200, 2] },
    ]);
    const [batch] = await rows
      .map((row) => row.list as never)
      .batch(2)
      .toArray();
    expect(String(batch)).toBe('Tensor float32[2,2] [1, 2, 3, 4]');
  });

  test('numbers that JavaScript cannot hold', async () => {
    const path = file('big.parquet', [{ name: 'id', data: [1n, 2n ** 60n], type: 'INT64' }]);
    await expect((await data.parquetRows(path)).toArray()).rejects.toThrow(
      `${path}, row 1: column "id": 1152921504606846976 is no number`,
    );
  });

  test('files that are wrong', async () => {
    const bytes = new Uint8Array(parquetWriteBuffer({ columnData: columns }));
    const bad = join(folder, 'bad.parquet');
    for (const part of [
      bytes.subarray(0, -3),
      bytes.subarray(60),
      new Uint8Array(3),
      Buffer.from('no file of this kind'),
    ]) {
      writeFileSync(bad, part);
      await expect(data.parquetRows(bad).then((rows) => rows.toArray())).rejects.toThrow(FormatError);
    }
    await expect(data.parquetRows(join(folder, 'nowhere'))).rejects.toThrow(DataError);
  });
});

describe('tables', () => {
  test('typed columns, features and target', async () => {
    const path = file('t.parquet', columns);
    const table = await data.readParquet(path, { columns: ['kind', 'count', 'wild'], missing: 'nan' });
    expect(table.columns.map(({ type }) => type)).toEqual(['string', 'number', 'number']);
    expect(table.columns[2]?.values).toEqual(Float64Array.of(1, 0, 1, Number.NaN, 1));
    const { x, y, classNames, featureNames } = await data.parquetToTensors(path, {
      target: 'kind',
      features: ['count', 'length'],
      missing: 'nan',
    });
    expect([x.shape, y.array(), classNames, featureNames]).toEqual([
      [5, 2],
      [0, 1, 0, 2, 0],
      ['setosa', 'versicolor', 'ä'],
      ['count', 'length'],
    ]);
    const prepared = await data.parquetToColumns(path, { target: 'count', features: ['kind'] });
    expect([Object.keys(prepared.columns), prepared.y.dtype]).toEqual([['kind'], 'float32']);
  });

  test('missing values, texts as features, lists', async () => {
    const path = file('m.parquet', columns);
    await expect(data.parquetToTensors(path, { target: 'count', features: ['length'] })).rejects.toThrow(
      `${path}, row 2: column "length" has no value`,
    );
    await expect(
      data.parquetToTensors(path, { target: 'length', features: ['count'], missing: 'nan' }),
    ).rejects.toThrow(DataError);
    await expect(data.parquetToTensors(path, { target: 'count', features: ['kind'] })).rejects.toThrow(
      'feature "kind" is not numbers',
    );
    await expect(data.parquetToTensors(path, { target: 'kin' })).rejects.toThrow(ConfigError);
    const bytes = file('u.parquet', [{ name: 'b', data: [Uint8Array.of(1)], type: 'BYTE_ARRAY' }]);
    await expect(data.readParquet(bytes)).rejects.toThrow('row 0: column "b" has a list, bytes or a record');
    await expect(
      data.readParquet(file('e.parquet', [{ name: 'a', data: new Float64Array(0), type: 'DOUBLE' }])),
    ).rejects.toThrow('no rows');
  });
});
