import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { Random } from '../../src/core/random.ts';
import { writeNpy } from '../../src/formats/npy.ts';
import { writeNpz } from '../../src/formats/npz-writer.ts';
import { recordOf } from '../../src/formats/tfrecord.ts';
import { data, tensor } from '../../src/index.ts';
import { type Fuzzed, faultOf, mutateBytes } from '../helpers/mutate.ts';
import { withFiles } from './files.ts';

type Read = (path: string) => Promise<unknown>;
interface Format {
  readonly bytes: Uint8Array;
  readonly readers: readonly Read[];
}

const array = tensor(
  Float32Array.from({ length: 60 }, (_, i) => i / 7),
  [20, 3],
);
const all = async (pipeline: data.Pipeline<unknown> | Promise<data.Pipeline<unknown>>): Promise<unknown> =>
  (await pipeline).toArray();

function wav(): Buffer {
  const head = Buffer.from('RIFF....WAVEfmt ....................data....', 'latin1');
  head.writeUInt32LE(100, 4);
  head.writeUInt32LE(16, 16);
  head.writeUInt16LE(1, 20);
  head.writeUInt16LE(2, 22);
  head.writeUInt32LE(8000, 24);
  head.writeUInt16LE(16, 34);
  head.writeUInt32LE(64, 40);
  return Buffer.concat([head, Buffer.alloc(64, 3)]);
}

function idx(): Buffer {
  const head = Buffer.from([0, 0, 13, 2, 0, 0, 0, 20, 0, 0, 0, 3]);
  return Buffer.concat([head, Buffer.from(array.data.buffer as ArrayBuffer)]);
}

function parquet(): Uint8Array {
  const texts = Array.from({ length: 40 }, (_, i) => `text ${i % 5}`);
  const columnData = [
    { name: 'a', data: Float64Array.from({ length: 40 }, (_, i) => i) },
    { name: 'b', data: texts },
    { name: 'c', data: texts.map((_, i) => (i % 3 === 0 ? null : i)), type: 'INT32' as const },
  ];
  return new Uint8Array(parquetWriteBuffer({ columnData, rowGroupSize: 15 }));
}

const csv = Buffer.from(`a,b,"c"\n${'1,2.5,x\n"3",NA,"y, ""z"""\n'.repeat(10)}`);
const lines = Buffer.from('{"a":[1,2,{"b":null}]}\n"text"\n\n12\n'.repeat(8));
const records = Buffer.concat([5, 0, 40].map((n) => recordOf(Buffer.alloc(n, 9))));
const tableReaders: readonly Read[] = [
  (path) => data.readCsv(path, { missing: 'nan' }),
  (path) => data.csvToTensors(path, { target: 'c', features: ['a'], missing: 'nan' }),
  (path) => all(data.csvRows(path)),
];
const idxReaders: readonly Read[] = [(path) => data.readIdx(path), (path) => all(data.idxRows(path))];

const formats: Readonly<Record<string, Format>> = {
  'a.csv': { bytes: csv, readers: tableReaders },
  'a.csv.gz': { bytes: gzipSync(csv), readers: tableReaders },
  'a.npy': {
    bytes: writeNpy(array),
    readers: [(path) => data.readNpy(path), (path) => all(data.npyRows(path))],
  },
  'a.npz': {
    bytes: writeNpz([['x', array]], { compress: true }),
    readers: [(path) => data.readNpz(path), (path) => all(data.npzRows(path, 'x'))],
  },
  'a.idx': { bytes: idx(), readers: idxReaders },
  'a.idx.gz': { bytes: gzipSync(idx()), readers: idxReaders },
  'a.tfrecord': { bytes: records, readers: [(path) => all(data.tfRecords(path))] },
  'a.parquet': {
    bytes: parquet(),
    readers: [(path) => all(data.parquetRows(path)), (path) => data.readParquet(path, { missing: 'nan' })],
  },
  'a.wav': { bytes: wav(), readers: [(path) => data.readWav(path)] },
  'a.jsonl': {
    bytes: lines,
    readers: [(path) => all(data.jsonLines(path)), (path) => all(data.textLines(path))],
  },
};

/** Reads files of every format that are damaged at random. Each shall be read, or be refused in plain words. */
export async function fuzzFiles(count: number, seed: number, only = ''): Promise<Fuzzed> {
  return withFiles({}, async (folder) => {
    const random = new Random(seed);
    const chosen = Object.entries(formats).filter(([name]) => name.includes(only));
    const result = { valid: 0, refused: 0, faults: [] as string[] };
    for (let i = 0; i < count; i++) {
      const [name, { bytes, readers }] = chosen[i % chosen.length] as (typeof chosen)[number];
      const path = join(folder, name);
      const damaged = mutateBytes(bytes, random);
      await writeFile(path, damaged);
      for (const read of readers) {
        try {
          await read(path);
          result.valid++;
        } catch (error) {
          result.refused++;
          const fault = faultOf(error);
          if (fault)
            result.faults.push(`${name}, number ${i}: ${fault}\n${Buffer.from(damaged).toString('base64')}`);
        }
      }
    }
    return result;
  });
}
