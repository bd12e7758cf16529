import { allDtypes, allocate, bytesOf, type DType, isFloat, type TensorData, viewOf } from '../core/dtype.ts';
import { type Shape, sizeOf } from '../core/shape.ts';
import { Tensor } from '../core/tensor.ts';
import { DtypeError, FormatError } from '../errors.ts';
import { readBytes } from './atomic.ts';
import { readZip } from './zip.ts';

const magic = '\x93NUMPY';

/** NumPy's code of an element type without the byte order: `f4`, `i8`, `b1`. */
const numpyCode = (dtype: DType): string => {
  const kind = dtype === 'bool' ? 'b' : isFloat(dtype) ? 'f' : dtype.startsWith('u') ? 'u' : 'i';
  return `${kind}${bytesOf(dtype)}`;
};
const dtypeOfCode = new Map(allDtypes.map((dtype) => [numpyCode(dtype), dtype]));

export interface Header {
  readonly dtype: DType;
  readonly swapped: boolean;
  readonly fortranOrder: boolean;
  readonly shape: Shape;
  /** Where the elements start. */
  readonly offset: number;
}

/**
 * The array of a NumPy `.npy` file, format versions 1 to 3, either byte order, C or Fortran order.
 * @param source - path, or the bytes of the file
 * @param label - what messages call the file; the path by default
 * @throws {@link FormatError} when the file is corrupt
 * @throws {@link DtypeError} when no tensor holds its elements (objects, strings, records, half floats)
 * @source NEP 1 and `numpy.lib.format`
 */
export async function readNpy(source: string | Uint8Array, label?: string): Promise<Tensor> {
  const file = label ?? (typeof source === 'string' ? source : 'npy data');
  const bytes = await readBytes(source);
  const { dtype, swapped, fortranOrder, shape, offset } = readHeader(bytes, file);
  const length = sizeOf(shape);
  const expected = length * bytesOf(dtype);
  if (bytes.length - offset !== expected) {
    throw new FormatError(
      `${file}: ${dtype}[${shape.join(',')}] takes ${expected} bytes, the file has ${bytes.length - offset}.`,
      { op: 'npy', expected: String(expected), received: String(bytes.length - offset) },
    );
  }
  // A copy, so that elements are aligned and the caller's bytes stay as they are.
  const raw = new Uint8Array(bytes.subarray(offset));
  if (swapped) swapBytes(raw, bytesOf(dtype));
  const data = viewOf(dtype, raw.buffer, 0, length);
  return new Tensor(dtype, shape, fortranOrder ? rowMajor(data, dtype, shape) : data);
}

export function readHeader(bytes: Uint8Array, file: string): Header {
  const fail = (what: string): never => {
    throw new FormatError(`${file}: not a readable .npy file: ${what}.`, { op: 'npy' });
  };
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (buffer.length < 12 || buffer.toString('latin1', 0, 6) !== magic)
    fail('it does not start with \\x93NUMPY');
  const version = bytes[6] as number;
  if (version < 1 || version > 3) fail(`format version ${version} is unknown`);
  const start = version === 1 ? 10 : 12;
  const offset = start + (version === 1 ? buffer.readUInt16LE(8) : buffer.readUInt32LE(8));
  if (offset > buffer.length) fail('the header is cut off');
  const text = buffer.toString(version === 3 ? 'utf8' : 'latin1', start, offset);
  const descr = /'descr':\s*('([^']*)'|\[)/.exec(text) ?? fail('the header has no descr');
  const order = /'fortran_order':\s*(True|False)/.exec(text) ?? fail('the header has no fortran_order');
  const dims = /'shape':\s*\(([\dL,\s]*)\)/.exec(text) ?? fail('the header has no shape');
  const shape = (dims[1]?.match(/\d+/g) ?? []).map(Number);
  if (!Number.isSafeInteger(sizeOf(shape) * 8)) fail(`shape (${dims[1]}) is too large`);
  const { dtype, swapped } = elementType(descr[2] ?? 'record', file);
  return { dtype, swapped, fortranOrder: order[1] === 'True', shape, offset };
}

function elementType(descr: string, file: string): { dtype: DType; swapped: boolean } {
  const dtype = dtypeOfCode.get(descr.slice(1));
  if (dtype && /^[<>|=]/.test(descr)) return { dtype, swapped: descr.startsWith('>') };
  const object = descr.endsWith('O') ? ' Object arrays are Python pickles, which can run code.' : '';
  throw new DtypeError(
    `${file}: no tensor holds elements of NumPy type "${descr}".${object} Convert with .astype("float32") ` +
      `and save again. Readable: ${[...dtypeOfCode.keys()].join(', ')}.`,
    { op: 'npy', received: descr },
  );
}

/** Turns the bytes of each element round. */
export function swapBytes(raw: Uint8Array, width: number): void {
  const buffer = Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength);
  if (width === 2) buffer.swap16();
  else if (width === 4) buffer.swap32();
  else if (width === 8) buffer.swap64();
}

/** Column-major elements in row-major order: the first index moves fastest in the source, the last in the result. */
function rowMajor(data: TensorData, dtype: DType, shape: Shape): TensorData {
  const result = allocate(dtype, data.length);
  const steps = shape.map((_, axis) => sizeOf(shape.slice(0, axis)));
  const index = new Array<number>(shape.length).fill(0);
  let from = 0;
  for (let to = 0; to < data.length; to++) {
    result[to] = data[from] as number | bigint;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += steps[axis] as number;
      index[axis] = (index[axis] as number) + 1;
      if (index[axis] !== shape[axis]) break;
      from -= (steps[axis] as number) * (shape[axis] as number);
      index[axis] = 0;
    }
  }
  return result;
}

/** The bytes of a `.npy` file, format version 1, little-endian, C order. */
export function writeNpy(tensor: Tensor): Uint8Array {
  const order = bytesOf(tensor.dtype) === 1 ? '|' : '<';
  const shape = tensor.shape.length === 1 ? `${tensor.shape[0]},` : tensor.shape.join(', ');
  const dict = `{'descr': '${order}${numpyCode(tensor.dtype)}', 'fortran_order': False, 'shape': (${shape}), }`;
  // NumPy pads with spaces so that the elements start at a multiple of 64 bytes.
  const length = Math.ceil((10 + dict.length + 1) / 64) * 64 - 10;
  const head = Buffer.alloc(10);
  head.write(magic, 'latin1');
  head[6] = 1;
  head.writeUInt16LE(length, 8);
  const { buffer, byteOffset, byteLength } = tensor.data;
  const elements = Buffer.from(buffer, byteOffset, byteLength);
  return Buffer.concat([head, Buffer.from(`${dict.padEnd(length - 1)}\n`, 'latin1'), elements]);
}

/**
 * The arrays of a NumPy `.npz` file by name.
 * @param source - path, or the bytes of the file
 * @throws {@link FormatError} when the file is corrupt
 */
export async function readNpz(source: string | Uint8Array, label?: string): Promise<Map<string, Tensor>> {
  const file = label ?? (typeof source === 'string' ? source : 'npz data');
  const zip = await readZip(source, file);
  try {
    const tensors = new Map<string, Tensor>();
    for (const name of zip.names) {
      tensors.set(name.replace(/\.npy$/, ''), await readNpy(await zip.read(name), `${file}/${name}`));
    }
    return tensors;
  } finally {
    zip.close();
  }
}
