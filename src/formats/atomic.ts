import {
  type FileHandle,
  mkdir,
  open,
  readdir,
  readFile,
  realpath,
  rename,
  rm,
  stat,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { DataError, TfkError } from '../errors.ts';

/** Bytes that are made or read piece by piece. */
export type ByteChunks = Iterable<Uint8Array> | AsyncIterable<Uint8Array>;

/**
 * Writes a file so that a reader, or a crash, sees the old content or the new, never a part of it:
 * temporary file in the same folder, sync, rename, sync of the folder.
 * @param path - file to make or replace; a symbolic link keeps pointing at its file
 * @param content - all bytes, or chunks of them in order
 * @throws {@link DataError} when the folder is missing or read-only, or the disk is full; no file is left behind
 */
export async function writeFileAtomic(path: string, content: Uint8Array | ByteChunks): Promise<void> {
  const target = await realpath(path).catch(() => path);
  const temporary = join(dirname(target), `.tfk-${crypto.randomUUID()}.tmp`);
  try {
    const mode = (await stat(target).catch(() => undefined))?.mode;
    await writeSynced(temporary, content instanceof Uint8Array ? [content] : content, mode);
    await rename(temporary, target);
    await syncFolder(dirname(target));
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {});
    throw ioError(error, path, 'write');
  }
}

const temporaryName = /^\.tfk-.*\.tmp$/;

/** Removes what a process that was killed while it wrote left in a folder. No other process may write there. */
export async function removeUnfinishedWrites(folder: string): Promise<void> {
  const names = (await readdir(folder)).filter((name) => temporaryName.test(name));
  for (const name of names) await rm(join(folder, name), { force: true });
}

async function writeSynced(path: string, chunks: ByteChunks, mode: number | undefined): Promise<void> {
  const file = await open(path, 'wx', mode);
  try {
    if (mode !== undefined) await file.chmod(mode);
    for await (const chunk of chunks) await file.writeFile(chunk);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Makes the rename itself durable. Windows cannot open folders, and some file systems cannot sync them. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r').catch(() => undefined);
  await folder?.sync().catch(() => {});
  await folder?.close();
}

/**
 * Makes a folder and those above it, where they are not there.
 * @throws {@link DataError} with the reason, which `mkdir` with `recursive` may hide: on a read-only file system it says
 * that nothing is there
 */
export async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path);
  } catch (error) {
    const isThere = await stat(path).then(
      (found) => found.isDirectory(),
      () => false,
    );
    if (isThere) return;
    if (systemCode(error) !== 'ENOENT' || dirname(path) === path) throw ioError(error, path, 'write');
    await makeFolder(dirname(path));
    await mkdir(path, { recursive: true }).catch((late: unknown) => {
      throw ioError(late, path, 'write');
    });
  }
}

/** A single call reads less than 2 GiB. */
const largestRead = 2 ** 30;

/**
 * Fills an array of any size with the bytes of a file from a place on.
 * @returns how many there were: fewer only at the end of the file
 */
export async function readInto(file: FileHandle, target: Uint8Array, position: number): Promise<number> {
  let filled = 0;
  while (filled < target.length) {
    const part = target.subarray(filled, filled + largestRead);
    const { bytesRead } = await file.read(part, 0, part.length, position + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return filled;
}

/**
 * The bytes of a file; bytes pass through.
 * @throws {@link DataError} when the file cannot be read
 */
export async function readBytes(source: string | Uint8Array): Promise<Uint8Array> {
  if (typeof source !== 'string') return source;
  try {
    const { size } = await stat(source);
    return size <= largestRead ? await readFile(source) : await readLarge(source, size);
  } catch (error) {
    throw ioError(error, source, 'read');
  }
}

async function readLarge(path: string, size: number): Promise<Uint8Array> {
  const file = await open(path);
  try {
    const bytes = new Uint8Array(size);
    return bytes.subarray(0, await readInto(file, bytes, 0));
  } finally {
    await file.close();
  }
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'no such file or folder. Check the path.',
  ENOTDIR: 'a part of the path is a file, not a folder.',
  EISDIR: 'this is a folder; a file was expected.',
  ENOTEMPTY: 'this is a folder; a file was expected.',
  EEXIST: 'this is a file; a folder was expected.',
  EACCES: 'permission denied. Check its owner and mode, or use another folder.',
  EPERM: 'permission denied. Check its owner and mode, or use another folder.',
  EROFS: 'the file system is read-only. Use a folder on another one.',
  ENOSPC: 'the disk is full.',
  EFBIG: 'the file would be larger than this process may write, or the file system can hold.',
  EDQUOT: 'the disk quota is used up.',
  EMFILE: 'too many open files.',
};

/** A system error in plain words; other errors pass through. */
export function ioError(error: unknown, path: string, verb: 'read' | 'write'): unknown {
  const code = error instanceof TfkError ? undefined : systemCode(error);
  if (code === undefined) return error;
  const reason =
    verb === 'write' && code === 'ENOENT'
      ? 'no such file or folder. Create the folder first.'
      : (reasons[code] ?? `${messageOf(error)}.`);
  return new DataError(`Cannot ${verb} ${path}: ${reason}`, { op: verb, received: path, cause: error });
}

/** `ENOENT` and the like. Node's own errors may come from another realm, so that `instanceof` does not tell. */
export const systemCode = (error: unknown): string | undefined =>
  typeof error === 'object' && error !== null && 'code' in error && /^E[A-Z0-9]+$/.test(String(error.code))
    ? String(error.code)
    : undefined;

/** The message of whatever was thrown. */
export const messageOf = (error: unknown): string =>
  typeof error === 'object' && error !== null && 'message' in error ? String(error.message) : String(error);
