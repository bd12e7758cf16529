import * as z from 'zod';
import { deferred } from '../core/deferred.ts';
import {
  allDtypes,
  bytesOf,
  type DType,
  dtypeOfData,
  isDtype,
  type TensorData,
  viewOf,
} from '../core/dtype.ts';
import { sizeOf } from '../core/shape.ts';
import type { State } from '../core/state.ts';
import { Tensor } from '../core/tensor.ts';
import { FormatError } from '../errors.ts';
import { writeFileAtomic } from './atomic.ts';
import { readZip } from './zip.ts';

const members = { state: 'state.json', arrays: (part: number) => `arrays/${part}.bin` } as const;
/** Arrays are gathered in members of about this size. */
const partBytes = 2 ** 26;
/** Arrays start at multiples of the widest element. */
const alignment = 8;

/** What JSON cannot say is an object with the key `$`. */
const special = deferred(() =>
  z.discriminatedUnion('$', [
    z.strictObject({ $: z.literal('number'), value: z.enum(['NaN', 'Infinity', '-Infinity', '-0']) }),
    z.strictObject({ $: z.literal('bigint'), value: z.string().regex(/^-?\d+$/) }),
    z.strictObject({ $: z.literal('object'), entries: z.array(z.tuple([z.string(), z.unknown()])) }),
    z.strictObject({
      $: z.enum(['tensor', 'array']),
      dtype: z.custom<DType>(isDtype, `expected one of ${allDtypes.join(', ')}`),
      shape: z.array(z.int().nonnegative()),
      part: z.int().nonnegative(),
      offset: z.int().nonnegative(),
    }),
  ]),
);

/**
 * Writes a state to a file, whole or not at all: a zip file of `state.json` and the arrays, each with its checksum.
 * @throws {@link DataError} when the file cannot be written; what was there before stays
 */
export async function writeState(path: string, state: State): Promise<void> {
  const { zipChunks } = await import('./zip-writer.ts');
  const arrays = new ArrayParts();
  const json = Buffer.from(JSON.stringify(encode(state, arrays)));
  await writeFileAtomic(path, zipChunks(membersOf(json, arrays)));
}

function* membersOf(json: Uint8Array, arrays: ArrayParts): Generator<[string, Uint8Array]> {
  yield [members.state, json];
  for (const [i, part] of arrays.parts.entries()) yield [members.arrays(i), part.bytes()];
}

/**
 * Reads what {@link writeState} wrote.
 * @throws {@link FormatError} when the file is corrupt, {@link DataError} when it cannot be read
 */
export async function readState(path: string): Promise<State> {
  const zip = await readZip(path);
  try {
    const text = new TextDecoder().decode(await zip.read(members.state));
    const parts: Uint8Array[] = [];
    while (zip.names.includes(members.arrays(parts.length)))
      parts.push(await zip.read(members.arrays(parts.length)));
    return decode(parseJson(text, path), parts, path);
  } finally {
    zip.close();
  }
}

/** A state as bytes: length of the JSON, JSON, arrays. Read by {@link unpackState}. */
export function packState(state: State): Uint8Array {
  const arrays = new ArrayParts(Number.POSITIVE_INFINITY);
  const json = Buffer.from(JSON.stringify(encode(state, arrays)));
  const head = new Uint32Array([json.length]);
  return Buffer.concat([new Uint8Array(head.buffer), json, ...arrays.parts.map((part) => part.bytes())]);
}

/** @param label - what messages call the bytes. @throws {@link FormatError} when they are corrupt */
export function unpackState(bytes: Uint8Array, label: string): State {
  const length = bytes.length < 4 ? -1 : new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  if (length < 0 || 4 + length > bytes.length) throw corrupt(label, 'its length');
  const text = new TextDecoder().decode(bytes.subarray(4, 4 + length));
  return decode(parseJson(text, label), [bytes.subarray(4 + length)], label);
}

function parseJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new FormatError(`${path}: state.json is not valid JSON.`, { op: 'state', cause: error });
  }
}

/** Arrays that become one member. */
class ArrayPart {
  readonly #arrays: TensorData[] = [];
  size = 0;

  /** @returns where the array starts */
  add(data: TensorData): number {
    const offset = this.size;
    this.#arrays.push(data);
    this.size += Math.ceil(data.byteLength / alignment) * alignment;
    return offset;
  }

  bytes(): Uint8Array {
    const bytes = new Uint8Array(this.size);
    let at = 0;
    for (const { buffer, byteOffset, byteLength } of this.#arrays) {
      bytes.set(new Uint8Array(buffer, byteOffset, byteLength), at);
      at += Math.ceil(byteLength / alignment) * alignment;
    }
    return bytes;
  }
}

class ArrayParts {
  readonly parts: ArrayPart[] = [];
  readonly #partBytes: number;

  constructor(bytes = partBytes) {
    this.#partBytes = bytes;
  }

  add(data: TensorData): { part: number; offset: number } {
    let last = this.parts.at(-1);
    if (last === undefined || last.size >= this.#partBytes) {
      last = new ArrayPart();
      this.parts.push(last);
    }
    return { part: this.parts.length - 1, offset: last.add(data) };
  }
}

function encode(value: State | undefined, arrays: ArrayParts): unknown {
  if (typeof value === 'number') {
    const exact = Number.isFinite(value) && !Object.is(value, -0);
    return exact ? value : { $: 'number', value: Object.is(value, -0) ? '-0' : String(value) };
  }
  if (typeof value === 'bigint') return { $: 'bigint', value: String(value) };
  if (value === null || typeof value !== 'object') return value;
  if (value instanceof Tensor)
    return { $: 'tensor', dtype: value.dtype, shape: value.shape, ...arrays.add(value.data) };
  if (isTypedArray(value))
    return { $: 'array', dtype: dtypeOfData(value), shape: [value.length], ...arrays.add(value) };
  if (isList(value)) return value.map((item) => encode(item, arrays));
  const entries = Object.entries(value).map(([key, item]) => [key, encode(item, arrays)] as const);
  return '$' in value ? { $: 'object', entries } : Object.fromEntries(entries);
}

const isTypedArray = (value: object): value is TensorData => ArrayBuffer.isView(value);
const isList = (value: State): value is readonly State[] => Array.isArray(value);

function decode(value: unknown, parts: readonly Uint8Array[], path: string): State {
  if (Array.isArray(value)) return value.map((item) => decode(item, parts, path));
  if (typeof value !== 'object' || value === null) return value as State;
  if (!('$' in value))
    return Object.fromEntries(Object.entries(value).map(([k, item]) => [k, decode(item, parts, path)]));
  const parsed = special.safeParse(value);
  if (!parsed.success) throw corrupt(path, JSON.stringify(value).slice(0, 80));
  const found = parsed.data;
  if (found.$ === 'number') return Number(found.value);
  if (found.$ === 'bigint') return BigInt(found.value);
  if (found.$ === 'object')
    return Object.fromEntries(found.entries.map(([k, item]) => [k, decode(item, parts, path)]));
  const { dtype, shape, part, offset } = found;
  const bytes = parts[part];
  const length = sizeOf(shape);
  const end = offset + length * bytesOf(dtype);
  if (bytes === undefined || !(end <= bytes.length) || offset % alignment !== 0)
    throw corrupt(path, `${dtype}[${shape.join(',')}]`);
  // a copy of its own: aligned, and nothing else is kept alive
  const data = viewOf(dtype, new Uint8Array(bytes.subarray(offset, end)).buffer, 0, length);
  return found.$ === 'tensor' ? new Tensor(dtype, shape, data) : data;
}

const corrupt = (path: string, what: string): FormatError =>
  new FormatError(`${path}: not a readable checkpoint: ${what} does not make sense.`, { op: 'state' });
