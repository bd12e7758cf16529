import { access, mkdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { FormatError } from '../errors.ts';
import { ioError, messageOf, writeFileAtomic } from '../formats/atomic.ts';

/** The files of a run, by what they hold. `metrics` is written last: a folder that has it holds a finished run. */
export const runFiles = {
  model: 'model.keras',
  config: 'config.json',
  history: 'history.json',
  metrics: 'metrics.json',
  log: 'log.csv',
  classes: 'classes.json',
} as const;

/** What a folder holds: no run, one that stopped with a saved model, one that broke off without, or a whole one. */
export type RunState = 'none' | 'stopped' | 'broken' | 'finished';

export async function runState(folder: string): Promise<RunState> {
  const has = async (file: keyof typeof runFiles): Promise<boolean> => exists(join(folder, runFiles[file]));
  if (await has('metrics')) return 'finished';
  if (!(await has('config'))) return 'none';
  return (await has('model')) && (await has('history')) ? 'stopped' : 'broken';
}

/** Makes an output folder; the files of an earlier run in it are removed unless `keep`. */
export async function openRunFolder(folder: string, keep: boolean): Promise<void> {
  await mkdir(folder, { recursive: true }).catch((error: unknown) => {
    throw ioError(error, folder, 'write');
  });
  if (keep) return;
  // metrics first: without them a folder is not taken for a finished run
  for (const file of [runFiles.metrics, ...Object.values(runFiles)])
    await rm(join(folder, file), { force: true });
}

/** Writes a value as JSON, whole or not at all. */
export const writeJson = (path: string, value: unknown): Promise<void> =>
  writeFileAtomic(path, Buffer.from(`${JSON.stringify(value, null, 2)}\n`));

/** @throws {@link DataError} when the file cannot be read, {@link FormatError} when it is not JSON */
export async function readJson(path: string): Promise<unknown> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw ioError(error, path, 'read');
  });
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new FormatError(`${path}: not valid JSON: ${messageOf(error)}.`, { op: 'json', cause: error });
  }
}

/** Whether a path is a folder. */
export const isFolder = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );

/** Whether there is a file or folder at a path. */
export const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );
