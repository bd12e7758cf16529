import { access, open, readFile, rm, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import * as z from 'zod';
import { ConfigError, FormatError } from '../errors.ts';
import {
  ioError,
  makeFolder,
  messageOf,
  removeUnfinishedWrites,
  systemCode,
  writeFileAtomic,
} from '../formats/atomic.ts';

/** The files of a run, by what they hold. `metrics` is written last: a folder that has it holds a finished run. */
export const runFiles = {
  model: 'model.keras',
  config: 'config.json',
  history: 'history.json',
  metrics: 'metrics.json',
  log: 'log.csv',
  classes: 'classes.json',
  features: 'features.keras',
  record: 'record.json',
  profile: 'profile.json',
} as const;

/** Folder of the checkpoints, in the folder of a run that is not finished. */
export const checkpointFolder = 'checkpoint';
const lockFile = 'run.lock';

/** What a folder holds: no run, one that ended before its time, or a whole one. */
export type RunState = 'none' | 'unfinished' | 'finished';

export async function runState(folder: string): Promise<RunState> {
  if (await exists(join(folder, runFiles.metrics))) return 'finished';
  return (await exists(join(folder, runFiles.config))) ? 'unfinished' : 'none';
}

/** A folder that one run has for itself. */
export interface RunFolder {
  /** Lets others have the folder. */
  release(): Promise<void>;
}

/**
 * Makes an output folder and takes it for this process; the files of an earlier run in it are removed unless `keep`.
 * @throws {@link ConfigError} when another process trains there, {@link DataError} when it cannot be written
 */
export async function openRunFolder(folder: string, keep: boolean): Promise<RunFolder> {
  await makeFolder(folder);
  await lock(folder);
  await removeUnfinishedWrites(folder);
  if (!keep) {
    // without metrics a folder is not taken for a finished run, without config not for one that can go on
    for (const file of [runFiles.metrics, runFiles.config, checkpointFolder, ...Object.values(runFiles)])
      await rm(join(folder, file), { force: true, recursive: true });
  }
  return { release: () => rm(join(folder, lockFile), { force: true }) };
}

/** The checkpoints go when all files of a run are there. */
export const closeRun = (folder: string): Promise<void> =>
  rm(join(folder, checkpointFolder), { force: true, recursive: true });

const lockSchema = z.object({ pid: z.int(), host: z.string() });

/** Takes a folder for this process; the lock of a process that died counts for nothing. */
async function lock(folder: string): Promise<void> {
  const path = join(folder, lockFile);
  for (;;) {
    try {
      const file = await open(path, 'wx');
      await file.writeFile(JSON.stringify({ pid: process.pid, host: hostname() }));
      return await file.close();
    } catch (error) {
      if (systemCode(error) !== 'EEXIST') throw ioError(error, path, 'write');
    }
    const holder = lockSchema.safeParse(await readJson(path).catch(() => undefined));
    if (holder.success && holder.data.pid !== process.pid && isAlive(holder.data)) {
      throw new ConfigError(
        `${folder}: process ${holder.data.pid} on ${holder.data.host} trains into this folder. Use another ` +
          `--output, or remove ${path} if that process is gone.`,
        { argument: 'output', received: folder },
      );
    }
    await rm(path, { force: true });
  }
}

/** Whether a process still runs; one on another machine may. */
function isAlive({ pid, host }: z.output<typeof lockSchema>): boolean {
  if (host !== hostname()) return true;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return systemCode(error) === 'EPERM';
  }
}

/** Writes a value as JSON, whole or not at all. */
export const writeJson = (path: string, value: unknown): Promise<void> =>
  writeFileAtomic(path, Buffer.from(`${JSON.stringify(value, null, 2)}\n`));

/** Writes a text, whole or not at all. */
export const writeText = (path: string, text: string): Promise<void> =>
  writeFileAtomic(path, Buffer.from(text));

const historySchema = z.record(z.string(), z.array(z.number().nullable()));

/** Loss and metrics per epoch, as a run wrote them. @throws {@link FormatError} or {@link DataError} */
export async function readHistory(path: string): Promise<z.output<typeof historySchema>> {
  const history = historySchema.safeParse(await readJson(path));
  if (history.success) return history.data;
  throw new FormatError(`${path}: expected lists of numbers by name.`, { op: 'history' });
}

/** @throws {@link DataError} when the file cannot be read, {@link FormatError} when it is not JSON */
export async function readJson(path: string): Promise<unknown> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw ioError(error, path, 'read');
  });
  if (isTooDeep(text)) {
    throw new FormatError(`${path}: nested more than ${deepest} levels deep. Is this the right file?`, {
      op: 'json',
    });
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new FormatError(`${path}: not valid JSON: ${messageOf(error)}.`, { op: 'json', cause: error });
  }
}

/** Levels of lists and objects that are read: what goes through them calls itself at each. */
const deepest = 200;

function isTooDeep(text: string): boolean {
  let depth = 0;
  let quoted = false;
  for (let i = 0; i < text.length && depth <= deepest; i++) {
    const c = text[i];
    if (quoted && c === '\\') i++;
    else if (c === '"') quoted = !quoted;
    else if (!quoted && (c === '[' || c === '{')) depth++;
    else if (!quoted && (c === ']' || c === '}')) depth--;
  }
  return depth > deepest;
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
