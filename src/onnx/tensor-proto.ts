import { allDtypes, bytesOf, onnxDtype } from '../core/dtype.ts';
import { FormatError } from '../errors.ts';
import {
  bytes,
  int,
  type Message,
  mapped,
  message,
  nested,
  optional,
  repeated,
  required,
  string,
  undecoded,
} from './message.ts';
import { Reader, type Writer, wireTypes } from './wire.ts';

/** A key and a value, of metadata or of the place of external data. */
export interface StringStringEntryProto {
  readonly key: string;
  readonly value: string;
}

/** A constant tensor. However a file stores the elements, here they are raw little-endian bytes. */
export interface TensorProto {
  readonly name: string;
  readonly dims: readonly number[];
  /** ONNX's number, which need not be of a supported dtype; see `dtypeFromOnnx`. */
  readonly elementType: number;
  /**
   * The elements, row-major, at the start of a buffer of their own, so aligned for a typed array.
   * Elements below 8 bits are packed, lowest bits first. Empty with `strings` or `external`.
   */
  readonly data: Uint8Array;
  /** The elements of a tensor of strings, usually UTF-8. */
  readonly strings?: readonly Uint8Array[];
  /** Where the elements are stored outside the file: `location`, `offset`, `length`, `checksum`. */
  readonly external?: Readonly<Record<string, string>>;
  readonly docString?: string;
}

const stringType = 8;
/** Bits of an element by ONNX's number: our dtypes, and those that are only passed on. */
const elementBits = new Map<number, number>([
  ...allDtypes.map((dtype): [number, number] => [onnxDtype(dtype), 8 * bytesOf(dtype)]),
  [10, 16], // float16
  [14, 64], // complex64
  [15, 128], // complex128
  [16, 16], // bfloat16
  [17, 8], // float8e4m3fn
  [18, 8], // float8e4m3fnuz
  [19, 8], // float8e5m2
  [20, 8], // float8e5m2fnuz
  [21, 4], // uint4
  [22, 4], // int4
  [23, 4], // float4e2m1
  [24, 8], // float8e8m0
  [25, 2], // uint2
  [26, 2], // int2
]);

const smallTypes = [2, 3, 4, 5, 6, 9, 10, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26];
type TypedField = 'floats' | 'ints' | 'longs' | 'doubles' | 'unsignedLongs';
interface TypedFieldInfo {
  readonly key: TypedField;
  /** The element types that the field may hold. */
  readonly holds: readonly number[];
  /** Bits of an element whose type is unknown, when the field has varints. */
  readonly varintBits?: number;
}
const typedFields: readonly TypedFieldInfo[] = [
  { key: 'floats', holds: [1, 14] },
  { key: 'ints', holds: smallTypes, varintBits: 32 },
  { key: 'longs', holds: [7], varintBits: 64 },
  { key: 'doubles', holds: [11, 15] },
  { key: 'unsignedLongs', holds: [12, 13], varintBits: 64 },
];
/** Shared, since a hostile file may have millions of empty tensors. */
const noBytes = new Uint8Array(0);
/** `data_location`: the elements are in another file. */
const externalLocation = 1;

export const stringEntryMessage: Message<StringStringEntryProto> = message<StringStringEntryProto>({
  key: required(1, string, ''),
  value: required(2, string, ''),
});

interface TensorFields {
  readonly dims: readonly number[];
  readonly elementType: number;
  readonly segment: Uint8Array | undefined;
  readonly floats: Writer | undefined;
  readonly ints: Writer | undefined;
  readonly strings: readonly Uint8Array[];
  readonly longs: Writer | undefined;
  readonly name: string;
  readonly raw: Uint8Array | undefined;
  readonly doubles: Writer | undefined;
  readonly unsignedLongs: Writer | undefined;
  readonly docString: string | undefined;
  readonly external: readonly StringStringEntryProto[];
  readonly location: number;
}

const tensorFields = message<TensorFields>({
  dims: repeated(1, int),
  elementType: required(2, int, 0),
  segment: optional(3, bytes),
  floats: undecoded(4, wireTypes.fixed32),
  ints: undecoded(5, wireTypes.varint),
  strings: repeated(6, bytes),
  longs: undecoded(7, wireTypes.varint),
  name: required(8, string, ''),
  raw: optional(9, bytes),
  doubles: undecoded(10, wireTypes.fixed64),
  unsignedLongs: undecoded(11, wireTypes.varint),
  docString: optional(12, string),
  external: repeated(13, nested(stringEntryMessage)),
  location: required(14, int, 0),
});

export const tensorMessage: Message<TensorProto> = mapped(tensorFields, fromFields, toFields);

function fromFields(fields: TensorFields): TensorProto {
  const { name, dims, elementType, docString } = fields;
  const where = `ONNX tensor "${name}"`;
  const count = elementCount(where, dims);
  if (fields.segment !== undefined) {
    throw unfit(where, 'a whole tensor', 'a segment of one');
  }
  const described = { name, dims, elementType, ...(docString !== undefined && { docString }) };
  if (fields.location === externalLocation) {
    const external = Object.fromEntries(fields.external.map(({ key, value }) => [key, value]));
    return { ...described, data: noBytes, external };
  }
  if (elementType === stringType) {
    checkStrings(where, count, fields.strings);
    return { ...described, data: noBytes, strings: fields.strings.map((text) => text.slice()) };
  }
  return { ...described, data: readElements(where, count, fields) };
}

/** The elements as little-endian bytes, from the one field that has them; sizes are checked before a copy. */
function readElements(where: string, count: number, fields: TensorFields): Uint8Array {
  const { elementType, raw = noBytes } = fields;
  const used = typedFields.filter(({ key }) => (fields[key]?.length ?? 0) > 0);
  const [typed] = used;
  if (used.length + Math.min(1, raw.length) > 1 || fields.strings.length > 0) {
    throw unfit(where, 'elements in one field that fits their type', 'several fields, or strings');
  }
  const encoded = typed && fields[typed.key];
  if (typed === undefined || encoded === undefined) {
    checkBytes(where, count, elementType, raw.length);
    return raw.length === 0 ? noBytes : raw.slice();
  }
  const bits = elementBits.get(elementType);
  if (bits !== undefined && !typed.holds.includes(elementType)) {
    throw unfit(where, `a field that holds elements of type ${elementType}`, typed.key);
  }
  if (typed.varintBits === undefined) {
    checkBytes(where, count, elementType, encoded.length);
    return encoded.finish();
  }
  const packed = encoded.finish();
  const width = Math.max(8, bits ?? typed.varintBits) / 8;
  checkBytes(where, count, elementType, countVarints(packed) * width);
  return unpackVarints(packed, width);
}

function toFields(tensor: TensorProto): Partial<TensorFields> {
  const { name, dims, elementType, data, strings, external, docString } = tensor;
  const where = `ONNX tensor "${name}"`;
  const count = elementCount(where, dims);
  const fields = { name, dims, elementType, docString };
  if (external !== undefined) {
    const entries = Object.entries(external).map(([key, value]) => ({ key, value }));
    return { ...fields, external: entries, location: externalLocation };
  }
  if (elementType === stringType) {
    checkStrings(where, count, strings ?? []);
    return { ...fields, strings: strings ?? [] };
  }
  checkBytes(where, count, elementType, data.length);
  return { ...fields, raw: data };
}

/** The product of `dims`, each checked to be a size. */
function elementCount(where: string, dims: readonly number[]): number {
  const count = dims.includes(0) ? 0 : dims.reduce((product, dim) => product * dim, 1);
  if (dims.some((dim) => dim < 0) || !Number.isSafeInteger(count)) {
    throw unfit(where, 'dims from 0 with a product below 2^53', `${dims.length}: ${dims.slice(0, 8)}`);
  }
  return count;
}

/** Checks the bytes of `count` elements; those of an unknown type have any size. */
function checkBytes(where: string, count: number, elementType: number, received: number): void {
  const expected = Math.ceil((count * (elementBits.get(elementType) ?? Number.NaN)) / 8);
  if (received !== expected && !Number.isNaN(expected)) {
    throw unfit(where, `${expected} bytes for ${count} elements of type ${elementType}`, `${received} bytes`);
  }
}

function checkStrings(where: string, count: number, strings: readonly Uint8Array[]): void {
  if (strings.length !== count) {
    throw unfit(where, `${count} strings`, String(strings.length));
  }
}

function unfit(where: string, expected: string, received: string): FormatError {
  return new FormatError(
    `${where}: expected ${expected}. Received ${received}. The tensor is corrupt or not supported.`,
    {
      expected,
      received,
    },
  );
}

/**
 * Turns packed varints into little-endian elements, keeping the low bits of each.
 * @param packed - varints, end to end
 * @param width - bytes of an element: 1, 2, 4 or 8
 * @throws {@link FormatError} when the last varint is cut off
 */
export function unpackVarints(packed: Uint8Array, width: number): Uint8Array {
  const reader = new Reader(packed);
  const out = new Uint8Array(countVarints(packed) * width);
  const view = new DataView(out.buffer);
  for (let at = 0; reader.more; at += width) {
    const low = reader.varint();
    if (width === 1) {
      view.setUint8(at, low);
    } else if (width === 2) {
      view.setUint16(at, low, true);
    } else {
      view.setUint32(at, low, true);
      if (width === 8) {
        view.setUint32(at + 4, reader.high, true);
      }
    }
  }
  return out;
}

/** The number of varints in a packed run: each ends with the one byte below 128. */
export function countVarints(packed: Uint8Array): number {
  let count = 0;
  for (const byte of packed) {
    count += byte < 0x80 ? 1 : 0;
  }
  return count;
}
