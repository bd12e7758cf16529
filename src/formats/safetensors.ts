import { open } from 'node:fs/promises';
import * as z from 'zod';
import { bytesOf, type DType, viewOf } from '../core/dtype.ts';
import { sizeOf } from '../core/shape.ts';
import { Tensor } from '../core/tensor.ts';
import { DtypeError, FormatError } from '../errors.ts';
import { ioError, readInto } from './atomic.ts';
import { bfloat16, float16 } from './half.ts';

const dtypeOfCode: ReadonlyMap<string, DType> = new Map<string, DType>([
  ['F64', 'float64'],
  ['F32', 'float32'],
  ['I64', 'int64'],
  ['I32', 'int32'],
  ['I16', 'int16'],
  ['I8', 'int8'],
  ['U64', 'uint64'],
  ['U32', 'uint32'],
  ['U16', 'uint16'],
  ['U8', 'uint8'],
  ['BOOL', 'bool'],
]);
const codeOfDtype = new Map([...dtypeOfCode].map(([code, dtype]) => [dtype, code]));
/** Half floats, which are read as float32. */
const halfFloats: ReadonlyMap<string, (bits: number) => number> = new Map([
  ['F16', float16],
  ['BF16', bfloat16],
]);

/** Largest header that is read, as in the reference implementation. */
const headerBytes = 100_000_000;

const entrySchema = z.strictObject({
  dtype: z.string(),
  shape: z.array(z.int().min(0)),
  data_offsets: z.tuple([z.int().min(0), z.int().min(0)]),
});
type Entry = z.output<typeof entrySchema>;

/**
 * The tensors of a `.safetensors` file by name; half floats become float32.
 * @throws {@link FormatError} when the file is corrupt: sizes, overlaps and gaps are checked before memory is taken
 * @throws {@link DtypeError} when no tensor holds its elements
 * @source https://github.com/huggingface/safetensors: 8 bytes of header length, a JSON header, the elements
 */
export async function readSafetensors(path: string): Promise<Map<string, Tensor>> {
  const file = await open(path, 'r').catch((error: unknown) => {
    throw ioError(error, path, 'read');
  });
  const read = async (position: number, length: number): Promise<Uint8Array> => {
    const bytes = new Uint8Array(length);
    if ((await readInto(file, bytes, position)) === length) return bytes;
    throw broken(path, 'the file is cut off');
  };
  try {
    const { size } = await file.stat();
    const length = size < 8 ? 0 : Number(new DataView((await read(0, 8)).buffer).getBigUint64(0, true));
    if (length < 2 || length > Math.min(headerBytes, size - 8)) {
      throw broken(path, `a header of ${length} bytes in a file of ${size}`);
    }
    const start = 8 + length;
    const entries = parseHeader(await read(8, length), size - start, path);
    const tensors = new Map<string, Tensor>();
    for (const [name, entry] of entries) {
      const [from, to] = entry.data_offsets;
      tensors.set(name, tensorOf(entry, await read(start + from, to - from)));
    }
    return tensors;
  } catch (error) {
    throw ioError(error, path, 'read');
  } finally {
    await file.close();
  }
}

function parseHeader(bytes: Uint8Array, available: number, path: string): [string, Entry][] {
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    throw broken(path, `the header is no JSON: ${String(error)}`);
  }
  if (typeof header !== 'object' || header === null || Array.isArray(header))
    throw broken(path, 'the header is no object');
  const entries = Object.entries(header)
    .filter(([name]) => name !== '__metadata__')
    .map(([name, value]): [string, Entry] => [name, parseEntry(name, value, path)]);
  let end = 0;
  for (const [
    name,
    {
      data_offsets: [from, to],
    },
  ] of entries.toSorted(([, a], [, b]) => a.data_offsets[0] - b.data_offsets[0])) {
    if (from !== end) throw broken(path, `tensor "${name}" starts at byte ${from}, not at ${end}`);
    end = to;
  }
  if (end !== available) throw broken(path, `the tensors take ${end} bytes of ${available}`);
  return entries;
}

function parseEntry(name: string, value: unknown, path: string): Entry {
  const parsed = entrySchema.safeParse(value);
  if (!parsed.success)
    throw broken(path, `tensor "${name}" is not described by dtype, shape and data_offsets`);
  const { dtype, shape, data_offsets } = parsed.data;
  const known = dtypeOfCode.get(dtype);
  if (known === undefined && !halfFloats.has(dtype)) {
    const readable = [...dtypeOfCode.keys(), ...halfFloats.keys()].join(', ');
    throw new DtypeError(
      `${path}: tensor "${name}": no tensor holds elements of type ${dtype}. Readable: ${readable}.`,
      {
        received: dtype,
        expected: readable,
      },
    );
  }
  const bytes = sizeOf(shape) * (known ? bytesOf(known) : 2);
  const received = data_offsets[1] - data_offsets[0];
  if (bytes !== received)
    throw broken(path, `tensor "${name}", ${dtype}[${shape}], has ${received} bytes, not ${bytes}`);
  return parsed.data;
}

function tensorOf({ dtype: code, shape }: Entry, bytes: Uint8Array): Tensor {
  const half = halfFloats.get(code);
  const size = sizeOf(shape);
  if (half)
    return new Tensor('float32', shape, Float32Array.from(new Uint16Array(bytes.buffer, 0, size), half));
  const dtype = dtypeOfCode.get(code) as DType;
  return new Tensor(dtype, shape, viewOf(dtype, bytes.buffer, 0, size));
}

/** The content of a `.safetensors` file; the widest elements come first, so that all are aligned. */
export function safetensorsChunks(tensors: Iterable<readonly [name: string, tensor: Tensor]>): Uint8Array[] {
  const sorted = [...tensors].sort(
    ([a, x], [b, y]) => bytesOf(y.dtype) - bytesOf(x.dtype) || (a < b ? -1 : 1),
  );
  const header: Record<string, unknown> = { __metadata__: { format: 'tfk' } };
  let offset = 0;
  for (const [name, { dtype, shape, data }] of sorted) {
    header[name] = {
      dtype: codeOfDtype.get(dtype),
      shape,
      data_offsets: [offset, offset + data.byteLength],
    };
    offset += data.byteLength;
  }
  const json = Buffer.from(JSON.stringify(header));
  const padded = Buffer.alloc(Math.ceil(json.length / 8) * 8, ' ');
  json.copy(padded);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(padded.length));
  const elements = sorted.map(
    ([, { data }]) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
  );
  return [length, padded, ...elements];
}

const broken = (path: string, what: string): FormatError =>
  new FormatError(`${path}: not a readable .safetensors file: ${what}.`, {
    op: 'safetensors',
    received: what,
  });
