import { crc32 } from 'node:zlib';
import type { Entry, ZipFile } from 'yauzl';
import { FormatError, TfkError } from '../errors.ts';
import { ioError, messageOf } from './atomic.ts';

const limits = {
  members: 100_000,
  /** Largest member that is read unless the caller says otherwise: what an archive of 4 GiB holds. */
  memberBytes: 2 ** 32 - 2 ** 16,
  /** Members up to this size may be compressed at any ratio; larger ones only `ratio`-fold. */
  freeBytes: 2 ** 26,
  ratio: 250,
} as const;

/** An open zip file. Members are read on demand. */
export interface ZipReader {
  /** Names of the members in the order of the directory, without folders. */
  readonly names: readonly string[];
  /**
   * The bytes of a member, with its checksum verified.
   * @throws {@link FormatError} when there is no such member, it is corrupt or larger than `maxBytes`
   */
  read(name: string, options?: { readonly maxBytes?: number }): Promise<Uint8Array>;
  /** Unpacked size and checksum of a member. @throws {@link FormatError} when there is no such member */
  member(name: string): { readonly size: number; readonly crc32: number };
  /** The bytes of a member piece by piece; the checksum is left to the caller. */
  pieces(name: string): AsyncGenerator<Uint8Array, undefined>;
  close(): void;
}

/**
 * Opens a zip file; its directory is checked before anything is unpacked.
 * @param source - path, or the bytes of the file
 * @param label - what messages call the file; the path by default
 * @throws {@link FormatError} when it is no zip file, or a name is unsafe or given twice
 * @throws {@link DataError} when the file cannot be read
 */
export async function readZip(source: string | Uint8Array, label?: string): Promise<ZipReader> {
  const file = label ?? (typeof source === 'string' ? source : 'zip data');
  const zip = await open(source).catch((error: unknown) => {
    throw zipError(error, file);
  });
  try {
    const entries = await directory(zip, file);
    const find = (name: string): Entry => {
      const entry = entries.get(name);
      if (entry) return entry;
      const known = [...entries.keys()].slice(0, 20).join(', ');
      throw new FormatError(`${file}: no member "${name}" in the zip file. It has: ${known}.`);
    };
    return {
      names: [...entries.keys()],
      read: async (name, { maxBytes = limits.memberBytes } = {}) =>
        readMember(zip, find(name), maxBytes, file),
      member: (name) => ({ size: find(name).uncompressedSize, crc32: find(name).crc32 }),
      pieces: (name) => memberPieces(zip, find(name), `${file}: member "${name}"`),
      close: () => zip.close(),
    };
  } catch (error) {
    zip.close();
    throw zipError(error, file);
  }
}

async function open(source: string | Uint8Array): Promise<ZipFile> {
  const { fromBufferPromise, openPromise } = await import('yauzl'); // with the first file
  const options = { autoClose: false, strictFileNames: true };
  if (typeof source === 'string') return openPromise(source, options);
  return fromBufferPromise(Buffer.from(source.buffer, source.byteOffset, source.byteLength), options);
}

/** The members by name. yauzl refuses absolute names, `..` and backslashes on the way. */
async function directory(zip: ZipFile, file: string): Promise<Map<string, Entry>> {
  if (zip.entryCount > limits.members) {
    throw new FormatError(`${file}: ${zip.entryCount} members; at most ${limits.members} are read.`);
  }
  const entries = new Map<string, Entry>();
  for await (const entry of zip.eachEntry()) {
    if (entries.has(entry.fileName)) {
      throw new FormatError(`${file}: member "${entry.fileName}" is in the zip file twice.`);
    }
    if (!entry.fileName.endsWith('/')) entries.set(entry.fileName, entry);
  }
  return entries;
}

async function readMember(zip: ZipFile, entry: Entry, maxBytes: number, file: string): Promise<Uint8Array> {
  const where = `${file}: member "${entry.fileName}"`;
  const size = entry.uncompressedSize;
  if (size > maxBytes) {
    throw new FormatError(`${where} has ${size} bytes; at most ${maxBytes} are read.`, {
      argument: 'maxBytes',
      expected: `at most ${maxBytes}`,
      received: String(size),
    });
  }
  if (size > limits.freeBytes && size > limits.ratio * entry.compressedSize) {
    throw new FormatError(
      `${where} unpacks from ${entry.compressedSize} to ${size} bytes, more than ${limits.ratio}-fold. ` +
        'Store it uncompressed if this is meant.',
    );
  }
  try {
    const bytes = new Uint8Array(size);
    let filled = 0;
    for await (const chunk of memberPieces(zip, entry, where)) {
      bytes.set(chunk, filled);
      filled += chunk.length;
    }
    if (crc32(bytes) !== entry.crc32) throw new FormatError(`${where} is corrupt: its checksum is wrong.`);
    return bytes;
  } catch (error) {
    throw zipError(error, where);
  }
}

/** yauzl ends the stream with an error as soon as it grows beyond the declared size. */
async function* memberPieces(
  zip: ZipFile,
  entry: Entry,
  where: string,
): AsyncGenerator<Uint8Array, undefined> {
  try {
    yield* (await zip.openReadStreamPromise(entry)) as AsyncIterable<Uint8Array>;
  } catch (error) {
    throw zipError(error, where);
  }
}

function zipError(error: unknown, where: string): unknown {
  const known = ioError(error, where, 'read');
  if (known instanceof TfkError) return known;
  const reason = messageOf(error);
  return new FormatError(`${where}: not a readable zip file: ${reason}.`, { op: 'zip', cause: error });
}
