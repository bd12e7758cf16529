import { createReadStream, type ReadStream } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { createGunzip } from 'node:zlib';
import { FormatError, TfkError } from '../errors.ts';
import { ioError, messageOf } from './atomic.ts';

const pieceBytes = 2 ** 18;

/**
 * The bytes of a file, piece by piece; gzip is recognised by its first bytes and unpacked on the way.
 * @throws {@link DataError} when the file cannot be read, {@link FormatError} when it cannot be unpacked
 */
export async function* filePieces(path: string): AsyncGenerator<Uint8Array, undefined> {
  let file: ReadStream | undefined;
  try {
    const unpack = (await startsAsGzip(path)) ? createGunzip() : undefined;
    file = createReadStream(path, { highWaterMark: pieceBytes });
    if (unpack) file.on('error', (error) => unpack.destroy(error));
    for await (const piece of unpack ? file.pipe(unpack) : file) yield piece;
  } catch (error) {
    const known = ioError(error, path, 'read');
    if (known instanceof TfkError) throw known;
    throw new FormatError(`${path}: cannot be unpacked: ${messageOf(error)}.`, { op: 'gzip', cause: error });
  } finally {
    file?.destroy();
  }
}

async function startsAsGzip(path: string): Promise<boolean> {
  const file = await open(path);
  try {
    return await isGzip(file);
  } finally {
    await file.close();
  }
}

/** Whether a file begins as gzip does. */
export async function isGzip(file: FileHandle): Promise<boolean> {
  const { buffer, bytesRead } = await file.read(new Uint8Array(2), 0, 2, 0);
  return bytesRead === 2 && buffer[0] === 0x1f && buffer[1] === 0x8b;
}

/** Bytes of a file in portions of any size. */
export class ByteReader {
  readonly #pieces: AsyncGenerator<Uint8Array, undefined>;
  #rest: Uint8Array = new Uint8Array(0);

  private constructor(path: string) {
    this.#pieces = filePieces(path);
  }

  static async open(path: string): Promise<ByteReader> {
    const reader = new ByteReader(path);
    await reader.#more();
    return reader;
  }

  /** The next `count` bytes; fewer only at the end of the file. */
  async read(count: number): Promise<Uint8Array> {
    if (this.#rest.length >= count) return this.#take(count);
    const parts = [this.#rest];
    let total = this.#rest.length;
    this.#rest = new Uint8Array(0);
    while (total < count && (await this.#more())) {
      parts.push(this.#rest);
      total += this.#rest.length;
    }
    this.#rest = Buffer.concat(parts);
    return this.#take(Math.min(count, total));
  }

  #take(count: number): Uint8Array {
    const taken = this.#rest.subarray(0, count);
    this.#rest = this.#rest.subarray(count);
    return taken;
  }

  async #more(): Promise<boolean> {
    const { done, value } = await this.#pieces.next();
    if (!done) this.#rest = value;
    return done !== true;
  }

  async close(): Promise<void> {
    await this.#pieces.return(undefined);
  }
}
