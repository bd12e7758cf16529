import { type FileHandle, open } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { FormatError } from '../errors.ts';
import { ioError, readInto } from './atomic.ts';
import { filePieces, isGzip } from './byte-reader.ts';
import { readZip } from './zip.ts';

/** Bytes from some place on. */
export interface ByteStream {
  /** Fills an array with the next bytes. @returns how many there were: fewer only at the end */
  fill(target: Uint8Array): Promise<number>;
  close(): Promise<void>;
}

/** Bytes that can be gone through from any place, again and again. */
export interface ByteSource {
  /** How many there are; not known before of what is packed by gzip. */
  readonly size: number | undefined;
  from(position: number): ByteStream;
}

/**
 * The bytes of a file, unpacked where they are gzip.
 * @throws {@link DataError} when the file cannot be read
 */
export async function fileBytes(path: string): Promise<ByteSource> {
  const [size, packed] = await withFile(path, async (file) => [(await file.stat()).size, await isGzip(file)]);
  return packed
    ? { size: undefined, from: (position) => new PieceStream(filePieces(path), position) }
    : { size, from: (position) => new FileStream(path, position) };
}

/**
 * The bytes of a member of a zip file, unpacked piece by piece.
 * @throws {@link FormatError} when the archive is corrupt or has no such member
 */
export async function memberBytes(path: string, name: string): Promise<ByteSource> {
  const zip = await readZip(path);
  try {
    const { size } = zip.member(name);
    return { size, from: (position) => new PieceStream(memberPieces(path, name), position) };
  } finally {
    zip.close();
  }
}

async function* memberPieces(path: string, name: string): AsyncGenerator<Uint8Array, undefined> {
  const zip = await readZip(path);
  try {
    let sum = 0;
    for await (const piece of zip.pieces(name)) {
      sum = crc32(piece, sum);
      yield piece;
    }
    if (sum !== zip.member(name).crc32)
      throw new FormatError(`${path}: member "${name}" is corrupt: its checksum is wrong.`, { op: 'zip' });
  } finally {
    zip.close();
  }
}

/** A file as it stands, open from the first read on. */
class FileStream implements ByteStream {
  readonly #path: string;
  #file: FileHandle | undefined;
  #position: number;

  constructor(path: string, position: number) {
    this.#path = path;
    this.#position = position;
  }

  async fill(target: Uint8Array): Promise<number> {
    try {
      this.#file ??= await open(this.#path);
      const filled = await readInto(this.#file, target, this.#position);
      this.#position += filled;
      return filled;
    } catch (error) {
      throw ioError(error, this.#path, 'read');
    }
  }

  async close(): Promise<void> {
    await this.#file?.close();
    this.#file = undefined;
  }
}

/** What comes piece by piece; to begin further on, pieces are dropped. */
class PieceStream implements ByteStream {
  readonly #pieces: AsyncGenerator<Uint8Array, undefined>;
  #rest: Uint8Array = new Uint8Array(0);
  #toSkip: number;

  constructor(pieces: AsyncGenerator<Uint8Array, undefined>, skip: number) {
    this.#pieces = pieces;
    this.#toSkip = skip;
  }

  async fill(target: Uint8Array): Promise<number> {
    let filled = 0;
    while (filled < target.length && (await this.#more())) {
      const part = this.#rest.subarray(0, target.length - filled);
      target.set(part, filled);
      filled += part.length;
      this.#rest = this.#rest.subarray(part.length);
    }
    return filled;
  }

  async #more(): Promise<boolean> {
    while (this.#rest.length === 0) {
      const { done, value } = await this.#pieces.next();
      if (done) return false;
      this.#rest = value.subarray(this.#toSkip);
      this.#toSkip = Math.max(0, this.#toSkip - value.length);
    }
    return true;
  }

  async close(): Promise<void> {
    await this.#pieces.return(undefined);
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
