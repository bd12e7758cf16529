import { type FileHandle, open } from 'node:fs/promises';
import { bytesOf, viewOf } from '../core/dtype.ts';
import { sizeOf } from '../core/shape.ts';
import { Tensor } from '../core/tensor.ts';
import { FormatError } from '../errors.ts';
import { ioError } from './atomic.ts';
import { type Header, readHeader } from './npy.ts';

/** The longest header that is read. */
const headerBytes = 2 ** 16;

/** A `.npy` file that stays on the disk: rows of its first axis are read when they are asked for. */
export class NpyRows {
  readonly header: Header;
  readonly #path: string;
  readonly #rowBytes: number;

  private constructor(path: string, header: Header) {
    this.#path = path;
    this.header = header;
    this.#rowBytes = sizeOf(header.shape.slice(1)) * bytesOf(header.dtype);
  }

  /** @throws {@link FormatError} when the file is corrupt, big-endian or in Fortran order: `readNpy` reads these whole */
  static async open(path: string): Promise<NpyRows> {
    return withFile(path, async (file) => {
      const { size } = await file.stat();
      const start = await readAt(file, 0, Math.min(size, headerBytes));
      const header = readHeader(start, path);
      const expected = header.offset + sizeOf(header.shape) * bytesOf(header.dtype);
      if (size !== expected || header.shape.length === 0) {
        throw new FormatError(
          `${path}: expected an array of rows in ${expected} bytes. Received ${size} bytes.`,
          {
            op: 'npy',
          },
        );
      }
      if (header.swapped || header.fortranOrder) {
        throw new FormatError(
          `${path}: rows can be read from little-endian arrays in C order. Save it with np.ascontiguousarray.`,
          { op: 'npy' },
        );
      }
      return new NpyRows(path, header);
    });
  }

  get rows(): number {
    return this.header.shape[0] as number;
  }

  /** Rows `[start, end)`, as many as there are. */
  read(start: number, end: number): Promise<Tensor> {
    const { dtype, shape, offset } = this.header;
    const count = Math.min(end, this.rows) - start;
    return withFile(this.#path, async (file) => {
      const bytes = await readAt(file, offset + start * this.#rowBytes, count * this.#rowBytes);
      const inner = shape.slice(1);
      return new Tensor(dtype, [count, ...inner], viewOf(dtype, bytes.buffer, 0, count * sizeOf(inner)));
    });
  }
}

async function withFile<T>(path: string, use: (file: FileHandle) => Promise<T>): Promise<T> {
  let file: FileHandle | undefined;
  try {
    file = await open(path);
    return await use(file);
  } catch (error) {
    throw ioError(error, path, 'read');
  } finally {
    await file?.close();
  }
}

async function readAt(file: FileHandle, position: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; ) {
    const { bytesRead } = await file.read(bytes, at, length - at, position + at);
    if (bytesRead === 0) throw new FormatError('npy: the file was cut off while it was read.', { op: 'npy' });
    at += bytesRead;
  }
  return bytes;
}
