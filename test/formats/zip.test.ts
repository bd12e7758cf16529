import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { ConfigError, DataError, FormatError } from '../../src/errors.ts';
import { readZip } from '../../src/formats/zip.ts';
import { writeZip, zipChunks } from '../../src/formats/zip-writer.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
const members = [
  ['config.json', bytes('{}')],
  ['vars/0', Uint8Array.from({ length: 1000 }, (_, i) => i % 7)],
  ['empty', new Uint8Array()],
  ['ünïcode', bytes('x')],
] as const;

/** A copy in which every occurrence of a byte sequence is replaced by one of equal length. */
function patched(source: Uint8Array, from: string, to: string): Uint8Array {
  return Buffer.from(Buffer.from(source).toString('latin1').replaceAll(from, to), 'latin1');
}
/** Overwrites a field of the first central directory header. */
function withField(source: Uint8Array, offset: number, value: number): Uint8Array {
  const copy = Buffer.from(source);
  copy.writeUInt32LE(value, copy.indexOf('PK\x01\x02', 0, 'latin1') + offset);
  return copy;
}
const readFirst = async (source: Uint8Array, maxBytes?: number) => {
  const zip = await readZip(source, 'bad.zip');
  return zip.read(zip.names[0] ?? '', maxBytes === undefined ? {} : { maxBytes });
};

describe('round trip', () => {
  test.each([{ compress: false }, { compress: true }])('%j', async (options) => {
    const zip = await readZip(writeZip(members, options));
    expect(zip.names).toEqual(members.map(([name]) => name));
    for (const [name, content] of members) expect(await zip.read(name)).toEqual(content);
  });

  test('from a file, member by member', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tfk-'));
    const path = join(folder, 'a.zip');
    await writeFile(path, writeZip(members));
    const zip = await readZip(path);
    expect(await Promise.all(zip.names.map((name) => zip.read(name)))).toEqual(
      members.map(([, data]) => data),
    );
    await expect(zip.read('nope')).rejects.toThrow(/a\.zip: no member "nope".*config\.json/);
    zip.close();
    await rm(folder, { recursive: true });
    await expect(readZip(path)).rejects.toThrow(DataError);
  });

  test('stored members pass through without a copy, and the same members give the same bytes', () => {
    const [, weights] = members[1];
    expect([...zipChunks(members)]).toContain(weights);
    expect(writeZip(members)).toEqual(writeZip(members));
    expect(writeZip(members, { compress: true }).length).toBeLessThan(writeZip(members).length);
  });

  test.each(['../a', '/a', 'a\\b', 'C:/a'])('refuses to write the name %s', (name) => {
    expect(() => writeZip([[name, bytes('x')]])).toThrow(ConfigError);
  });

  test('refuses to write a name twice', () => {
    const twice = [['a', bytes('x')] as const, ['a', bytes('y')] as const];
    expect(() => writeZip(twice)).toThrow(/"a" cannot be written: it is given twice/);
  });
});

describe('hostile files are refused by name', () => {
  const one = writeZip([['aa/bbb', bytes('some content')]]);
  const packed = writeZip([['aa/bbb', new Uint8Array(5000)]], { compress: true });

  test.each(['../bbb', '/a/bbb', 'C:/bbb', 'aa\\bbb'])('member name %s', async (name) => {
    await expect(readZip(patched(one, 'aa/bbb', name), 'bad.zip')).rejects.toThrow(FormatError);
    await expect(readZip(patched(one, 'aa/bbb', name), 'bad.zip')).rejects.toThrow(/^bad\.zip: /);
  });

  test('the same name twice', async () => {
    const twice = patched(writeZip([['a', bytes('x')] as const, ['b', bytes('y')] as const]), 'b', 'a');
    await expect(readZip(twice, 'bad.zip')).rejects.toThrow('bad.zip: member "a" is in the zip file twice.');
  });

  test('truncated, or no zip file at all', async () => {
    for (const cut of [0, 10, one.length - 1]) {
      await expect(readZip(one.subarray(0, cut), 'bad.zip')).rejects.toThrow(/bad\.zip: not a readable zip/);
    }
    const headless = Buffer.concat([one.subarray(20)]);
    await expect(readFirst(headless)).rejects.toThrow(FormatError);
  });

  test('changed content', async () => {
    await expect(readFirst(patched(one, 'some', 'soME'))).rejects.toThrow(
      /"aa\/bbb" is corrupt: its checksum/,
    );
    await expect(readFirst(withField(one, 16, 1))).rejects.toThrow(/checksum/);
    const broken = Buffer.from(packed);
    broken.fill(0xff, 36, 44);
    await expect(readFirst(broken)).rejects.toThrow(FormatError);
  });

  test('declared size beyond the limit', async () => {
    await expect(readFirst(packed, 4999)).rejects.toThrow(/has 5000 bytes; at most 4999 are read/);
    await expect(readFirst(withField(packed, 24, 2 ** 32 - 2))).rejects.toThrow(/at most 4294901760/);
  });

  test('declared size beyond what compression plausibly saves', async () => {
    await expect(readFirst(withField(packed, 24, 2 ** 30))).rejects.toThrow(/unpacks from \d+ to 1073741824/);
  });

  test('real size beyond or below the declared size', async () => {
    await expect(readFirst(withField(packed, 24, 4000))).rejects.toThrow(/too many bytes/);
    await expect(readFirst(withField(packed, 24, 6000))).rejects.toThrow(/not enough bytes/);
  });

  test('encrypted members and unknown compression methods', async () => {
    await expect(readFirst(withField(packed, 8, 0x0008_0001))).rejects.toThrow(/encrypted/);
    await expect(readFirst(withField(packed, 10, 0x0000_0063))).rejects.toThrow(/unsupported compression/);
  });
});
