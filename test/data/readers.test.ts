import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, jest, test } from '@jest/globals';
import { recordOf } from '../../src/formats/tfrecord.ts';
import { ConfigError, DataError, data, FormatError } from '../../src/index.ts';
import { elementsOf, resumesEverywhere } from './pipelines.ts';

const folder = mkdtempSync(join(tmpdir(), 'tfk-readers-'));
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

/** What was warned of while `use` ran. */
async function warnings(use: () => Promise<unknown>): Promise<string> {
  const warn = jest.spyOn(process, 'emitWarning').mockImplementation(() => {});
  await use();
  const text = warn.mock.calls.map(([message]) => String(message)).join('\n');
  warn.mockRestore();
  return text;
}

describe('textLines', () => {
  test('lines of any ends, packed or not, wherever pieces of the file end', async () => {
    const text = 'one\r\ntwo\n\nfour ä\u{1f600}';
    const lines = ['one', 'two', '', 'four ä\u{1f600}'];
    expect(await data.textLines(file('a.txt', text)).toArray()).toEqual(lines);
    expect(await data.textLines(file('a.packed', gzipSync(text))).toArray()).toEqual(lines);
    const long = `${'ä'.repeat(200_000)}\n${'b'.repeat(300_000)}`;
    expect((await data.textLines(file('long.txt', long)).toArray()).map((l) => l.length)).toEqual([
      200_000, 300_000,
    ]);
    await resumesEverywhere(() => data.textLines(join(folder, 'a.packed')));
  });

  test('a file that is missing, or gzip that is cut off', async () => {
    await expect(data.textLines(join(folder, 'nowhere')).toArray()).rejects.toThrow(DataError);
    const packed = gzipSync('x'.repeat(10_000));
    const cut = file('cut.gz', packed.subarray(0, packed.length - 12));
    await expect(data.textLines(cut).toArray()).rejects.toThrow(FormatError);
  });
});

describe('jsonLines', () => {
  const path = file('a.jsonl', '{"a":1}\n\n[2]\n{broken\n"x"');

  test('a value a line; a corrupt one ends the pass, or is skipped and counted', async () => {
    await expect(data.jsonLines(path).toArray()).rejects.toThrow(`${path}, line 4: not valid JSON`);
    const skipping = data.jsonLines(path, { onCorrupt: 'skip' });
    const text = await warnings(async () => {
      expect(await skipping.toArray()).toEqual([{ a: 1 }, [2], 'x']);
    });
    expect(text).toContain('1 of 4 records were skipped. The first:');
  });
});

describe('csvRows', () => {
  test('numbers, texts, missing cells, quotes over lines', async () => {
    const path = file('a.csv', 'n,"t, u",m\n1,"a ""b""\nc",NA\n-2.5e3,x,7\n');
    expect(await data.csvRows(path).toArray()).toEqual([
      { n: 1, 't, u': 'a "b"\nc', m: null },
      { n: -2500, 't, u': 'x', m: 7 },
    ]);
    await resumesEverywhere(() => data.csvRows(path));
  });

  test('tabs, no header', async () => {
    const path = file('a.tsv', '1\t\n2\tb\n');
    expect(await data.csvRows(path, { header: false, missingValues: [] }).toArray()).toEqual([
      { column0: 1, column1: '' },
      { column0: 2, column1: 'b' },
    ]);
  });

  test('ragged rows', async () => {
    const path = file('ragged.csv', 'a,b\n1,2\n3\n4,5\n');
    await expect(data.csvRows(path).toArray()).rejects.toThrow(
      `${path}, line 3: expected 2 cells. Received 1.`,
    );
    const text = await warnings(async () => {
      expect(await data.csvRows(path, { onCorrupt: 'skip' }).toArray()).toHaveLength(2);
    });
    expect(text).toContain('1 of 3 records');
    expect(() => data.csvRows(path, { onCorrupt: 'ignore' } as object)).toThrow(ConfigError);
  });
});

describe('tfRecords', () => {
  const records = [Buffer.from('one'), Buffer.alloc(0), Buffer.alloc(300_000, 7)];
  const whole = Buffer.concat(records.map(recordOf));

  test('records, packed or not', async () => {
    for (const bytes of [whole, gzipSync(whole)]) {
      const read = await data.tfRecords(file('a.tfrecord', bytes)).toArray();
      expect(read.map((r) => Buffer.from(r).equals(records[read.indexOf(r)] as Buffer))).toEqual([
        true,
        true,
        true,
      ]);
    }
  });

  test('a record as TensorFlow writes it', async () => {
    // tf.io.TFRecordWriter("f").write(b"tfk")
    const bytes = Buffer.from('0300000000000000b099490e74666b225d183d', 'hex');
    expect(Buffer.from(recordOf(Buffer.from('tfk'))).toString('hex')).toBe(bytes.toString('hex'));
  });

  test('changed data is an error or skipped; a changed length or a cut file is always an error', async () => {
    const changed = Uint8Array.from(whole);
    changed[13] = 0;
    const path = file('changed.tfrecord', changed);
    await expect(data.tfRecords(path).toArray()).rejects.toThrow(
      'record 0: the checksum of its data is wrong',
    );
    const skipping = data.tfRecords(path, { onCorrupt: 'skip' });
    expect(await warnings(async () => expect(await skipping.toArray()).toHaveLength(2))).toContain('1 of 3');
    changed[0] = 9;
    const lost = data.tfRecords(file('lost.tfrecord', changed), { onCorrupt: 'skip' });
    await expect(lost.toArray()).rejects.toThrow('the checksum of its length is wrong');
    const cut = data.tfRecords(file('cut.tfrecord', whole.subarray(0, 30)), { onCorrupt: 'skip' });
    await expect(cut.toArray()).rejects.toThrow('record 1: the file ends within its length');
  });
});

describe('readWav', () => {
  /** A WAV file of one format. */
  function wav(code: number, bits: number, channels: number, samples: Uint8Array): Buffer {
    const head = Buffer.alloc(44);
    head.write('RIFF', 0);
    head.writeUInt32LE(36 + samples.length, 4);
    head.write('WAVEfmt ', 8);
    head.writeUInt32LE(16, 16);
    head.writeUInt16LE(code, 20);
    head.writeUInt16LE(channels, 22);
    head.writeUInt32LE(8000, 24);
    head.writeUInt16LE(bits, 34);
    head.write('data', 36);
    head.writeUInt32LE(samples.length, 40);
    return Buffer.concat([head, samples]);
  }
  const bytesOf = (array: ArrayBufferView): Uint8Array =>
    new Uint8Array(array.buffer, array.byteOffset, array.byteLength);

  test.each<[number, number, Uint8Array]>([
    [1, 8, Uint8Array.of(0, 128, 192, 64)],
    [1, 16, bytesOf(Int16Array.of(-32768, 0, 16384, -16384))],
    [1, 24, Uint8Array.of(0, 0, 0x80, 0, 0, 0, 0, 0, 0x40, 0, 0, 0xc0)],
    [1, 32, bytesOf(Int32Array.of(-(2 ** 31), 0, 2 ** 30, -(2 ** 30)))],
    [3, 32, bytesOf(Float32Array.of(-1, 0, 0.5, -0.5))],
    [3, 64, bytesOf(Float64Array.of(-1, 0, 0.5, -0.5))],
  ])('format %d, %d bits', async (code, bits, samples) => {
    const { samples: read, sampleRate } = await data.readWav(wav(code, bits, 2, samples));
    expect([read.array(), sampleRate]).toEqual([
      [
        [-1, 0],
        [0.5, -0.5],
      ],
      8000,
    ]);
  });

  test('what is no WAV file', async () => {
    const good = wav(1, 16, 1, new Uint8Array(8));
    await expect(data.readWav(good.subarray(0, 46))).rejects.toThrow('"data" chunk is cut off');
    await expect(data.readWav(wav(85, 16, 1, new Uint8Array(8)))).rejects.toThrow('format 85 with 16 bits');
    await expect(data.readWav(Buffer.from('no'))).rejects.toThrow(FormatError);
  });
});

describe('textDatasetFromDirectory', () => {
  const root = join(folder, 'texts');
  for (const name of ['bad', 'good', 'good/more']) mkdirSync(join(root, name), { recursive: true });
  for (let i = 0; i < 4; i++) writeFileSync(join(root, 'bad', `${i}.txt`), `bad ${i}`);
  for (let i = 0; i < 3; i++) writeFileSync(join(root, 'good', `${i}.txt`), `good ${i}`);
  writeFileSync(join(root, 'good/more', 'x.TXT'), 'good x');
  writeFileSync(join(root, 'good', 'readme.md'), 'not a sample');

  test('texts and the numbers of their folders', async () => {
    const set = await data.textDatasetFromDirectory(root, { shuffle: false, batchSize: 6, maxLength: 5 });
    expect([set.classNames, set.size]).toEqual([['bad', 'good'], 2]);
    expect(await elementsOf(set)).toEqual([
      [
        ['bad 0', 'bad 1', 'bad 2', 'bad 3', 'good ', 'good '],
        [0, 0, 0, 0, 1, 1],
      ],
      [
        ['good ', 'good '],
        [1, 1],
      ],
    ]);
  });

  test('labels of all kinds; shuffled the same from the same seed', async () => {
    const labels = async (labelMode: 'binary' | 'categorical') => {
      const set = await data.textDatasetFromDirectory(root, { shuffle: false, labelMode, batchSize: 8 });
      return ((await elementsOf(set))[0] as unknown[])[1];
    };
    expect(await labels('binary')).toEqual([[0], [0], [0], [0], [1], [1], [1], [1]]);
    expect(await labels('categorical')).toContainEqual([0, 1]);
    const shuffled = async () =>
      elementsOf(await data.textDatasetFromDirectory(root, { seed: 2, labelMode: null }));
    expect(await shuffled()).toEqual(await shuffled());
  });

  test('training and validation files have nothing in common', async () => {
    const files = async (subset: 'training' | 'validation') =>
      (await data.textDatasetFromDirectory(root, { validationSplit: 0.25, subset, seed: 1 })).files.map(
        (f) => f.path,
      );
    const [train, held] = [await files('training'), await files('validation')];
    expect([train.length, held.length, new Set([...train, ...held]).size]).toEqual([6, 2, 8]);
    await expect(data.textDatasetFromDirectory(root, { validationSplit: 0.5 })).rejects.toThrow(ConfigError);
    await expect(data.textDatasetFromDirectory(join(root, 'good'))).rejects.toThrow(DataError);
    await expect(data.textDatasetFromDirectory(join(root, 'none'))).rejects.toThrow(DataError);
  });
});
