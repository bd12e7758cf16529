import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { bytesOf, type DType, viewOf } from '../core/dtype.ts';
import { sizeOf } from '../core/shape.ts';
import { Tensor } from '../core/tensor.ts';
import { FormatError } from '../errors.ts';
import { messageOf, readBytes } from '../formats/atomic.ts';
import { type Header, swapBytes } from '../formats/npy.ts';

/** Element types by the third byte of the file. */
const dtypes: Readonly<Record<number, DType>> = {
  8: 'uint8',
  9: 'int8',
  11: 'int16',
  12: 'int32',
  13: 'float32',
  14: 'float64',
};

/** What the beginning of an IDX file says. @throws {@link FormatError} */
export function idxHeader(bytes: Uint8Array, file: string): Header {
  const fail = (what: string): never => {
    throw new FormatError(`${file}: not a readable IDX file: ${what}.`, { op: 'idx' });
  };
  const header = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 4 || header.getUint16(0) !== 0) fail('it does not start with two zero bytes');
  const code = header.getUint8(2);
  const dtype = dtypes[code] ?? fail(`element type 0x${code.toString(16)} is unknown`);
  const rank = header.getUint8(3);
  const offset = 4 + 4 * rank;
  if (bytes.length < offset) fail('the header is cut off');
  const shape = Array.from({ length: rank }, (_, axis) => header.getUint32(4 + 4 * axis));
  if (!Number.isSafeInteger(sizeOf(shape) * 8)) fail(`shape [${shape.join(',')}] is too large`);
  return { dtype, shape, offset, swapped: true, fortranOrder: false };
}

/**
 * The array of an IDX file, the format of the MNIST family; gzip is recognised by its first bytes.
 * @param source - path, or the bytes of the file
 * @param options - `label`: what messages call the file; `maxBytes`: bound of the unpacked size, 1 GiB by default
 * @throws {@link FormatError} when the file is corrupt or unpacks beyond the bound
 * @source http://yann.lecun.com/exdb/mnist, "The IDX file format"
 */
export async function readIdx(
  source: string | Uint8Array,
  { label, maxBytes = 2 ** 30 }: { readonly label?: string; readonly maxBytes?: number } = {},
): Promise<Tensor> {
  const file = label ?? (typeof source === 'string' ? source : 'IDX data');
  const fail = (what: string, cause?: unknown): never => {
    throw new FormatError(`${file}: not a readable IDX file: ${what}.`, { op: 'idx', cause });
  };
  const packed = await readBytes(source);
  const zipped = packed[0] === 0x1f && packed[1] === 0x8b;
  const bytes = zipped
    ? await promisify(gunzip)(packed, { maxOutputLength: maxBytes }).catch((e) => fail(messageOf(e), e))
    : packed;
  const { dtype, shape, offset } = idxHeader(bytes, file);
  const expected = sizeOf(shape) * bytesOf(dtype);
  if (bytes.length - offset !== expected) {
    fail(`${dtype}[${shape.join(',')}] takes ${expected} bytes, the file has ${bytes.length - offset}`);
  }
  const elements = new Uint8Array(bytes.subarray(offset));
  swapBytes(elements, bytesOf(dtype)); // big-endian, and this machine is not
  return new Tensor(dtype, shape, viewOf(dtype, elements.buffer, 0, sizeOf(shape)));
}
