import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { parseOptions } from '../core/configured.ts';
import { deferred } from '../core/deferred.ts';
import { Random } from '../core/random.ts';
import { nextRandom } from '../core/seed.ts';
import { type Tensor, tensor } from '../core/tensor.ts';
import { ConfigError, DataError } from '../errors.ts';
import { ioError } from '../formats/atomic.ts';
import type { Batched } from './batch.ts';
import { goodStage, type OnCorrupt, outcome } from './corrupt.ts';
import { Pipeline } from './pipeline.ts';
import { IndexedCursor, type Stage } from './stage.ts';

/** Options of data sets made of a folder with a folder for each class. */
export const directorySchema = deferred(() =>
  z.strictObject({
    /** Class numbers by the names of the folders; or given, for all files below the folder in the order of their paths. */
    labels: z.union([z.literal('inferred'), z.array(z.int().min(0))]).default('inferred'),
    /** How labels come: class numbers, one-hot, 0 and 1 as floats, or not at all. */
    labelMode: z.enum(['int', 'categorical', 'binary']).nullable().default('int'),
    /** Names of the folders, in the order of their numbers; alphabetical by default. */
    classNames: z.array(z.string()).min(2).optional(),
    batchSize: z.int().min(1).default(32),
    /** The order is another one in every pass. */
    shuffle: z.boolean().default(true),
    seed: z.int().nonnegative().optional(),
    /** Share of the files that is kept for validation, drawn with `seed`. */
    validationSplit: z.number().gt(0).lt(1).optional(),
    /** Which part this is, with `validationSplit`. */
    subset: z.enum(['training', 'validation']).optional(),
  }),
);

/** A file and the number of its class. */
export interface LabelledFile {
  readonly path: string;
  readonly label: number;
}

/** A pipeline of batches, and what the classes are called. */
export class DirectoryPipeline<T> extends Pipeline<T> {
  readonly classNames: readonly string[];
  /** Files of this subset, in the order of their names. */
  readonly files: readonly LabelledFile[];

  constructor(source: Pipeline<T>, { classNames, files }: FileList) {
    super(stageOf(source));
    this.classNames = classNames;
    this.files = files;
  }
}

/** A pipeline as the source of another one. */
const stageOf = <T>(pipeline: Pipeline<T>): Stage<T> => ({
  size: pipeline.size,
  open: (pass) => {
    pipeline.passes = pass;
    return pipeline.open();
  },
});

/** Files with their classes, and what these are called. */
export interface FileList {
  readonly classNames: readonly string[];
  readonly files: readonly LabelledFile[];
}

/**
 * The files of a subset, by class.
 * @throws {@link ConfigError} when the options contradict each other, {@link DataError} when there are no files
 */
export async function listDirectory(
  folder: string,
  endings: readonly string[],
  settings: z.output<typeof directorySchema>,
): Promise<FileList> {
  const { classNames, labels, labelMode } = settings;
  const byFolder = labels === 'inferred' && labelMode !== null;
  const list = byFolder
    ? await foldersOf(folder, endings, classNames)
    : withLabels(folder, await filesIn(folder, endings), labels === 'inferred' ? undefined : labels);
  if (list.files.length === 0)
    throw new DataError(`${folder}: no files that end in ${endings.join(', ')}.`, { received: folder });
  return checked(folder, list, settings);
}

/** The files of a subset, as the options want them. @throws {@link ConfigError}, {@link DataError} */
export function checked(
  where: string,
  { classNames, files }: FileList,
  { labelMode, seed, validationSplit, subset }: z.output<typeof directorySchema>,
): FileList {
  if ((validationSplit === undefined) !== (subset === undefined) || (subset && seed === undefined)) {
    throw new ConfigError(
      `${where}: validationSplit, subset and seed belong together: training and validation files are told apart ` +
        'by the same seed.',
      { argument: 'validationSplit' },
    );
  }
  const enough = labelMode === 'binary' ? classNames.length === 2 : classNames.length >= 2;
  if (labelMode !== null && !enough) {
    throw new DataError(
      `${where}: expected ${labelMode === 'binary' ? 'two classes' : 'two classes or more'}, such as a folder for ` +
        `each. Received ${classNames.length}: ${classNames.join(', ')}.`,
      { expected: 'a folder for each class', received: classNames.join(', ') },
    );
  }
  return { classNames, files: part(files, validationSplit, subset, seed) };
}

/** Files by the folders that they are in. */
async function foldersOf(
  folder: string,
  endings: readonly string[],
  names: readonly string[] | undefined,
): Promise<FileList> {
  const classNames = names ?? (await foldersIn(folder));
  const files: LabelledFile[] = [];
  for (const [label, name] of classNames.entries())
    for (const path of await filesIn(join(folder, name), endings)) files.push({ path, label });
  return { classNames, files };
}

/** All files, with the labels that were given for them. */
function withLabels(
  folder: string,
  paths: readonly string[],
  labels: readonly number[] | undefined,
): FileList {
  if (labels !== undefined && labels.length !== paths.length) {
    throw new DataError(
      `${folder}: expected a label for each of the ${paths.length} files. Received ${labels.length}.`,
      { argument: 'labels', expected: `${paths.length}`, received: `${labels.length}` },
    );
  }
  const classes = labels === undefined ? 0 : labels.reduce((a, b) => Math.max(a, b), 0) + 1;
  return {
    classNames: Array.from({ length: classes }, (_, label) => String(label)),
    files: paths.map((path, i) => ({ path, label: labels?.[i] ?? 0 })),
  };
}

/** Training and validation files are cut from one random order. */
function part(
  files: readonly LabelledFile[],
  split: number | undefined,
  subset: 'training' | 'validation' | undefined,
  seed = 0,
): readonly LabelledFile[] {
  if (split === undefined) return files;
  const order = new Random(seed).permutation(files.length);
  const held = Math.floor(split * files.length);
  const chosen =
    subset === 'validation' ? order.subarray(files.length - held) : order.subarray(0, files.length - held);
  return [...chosen].sort((a, b) => a - b).map((i) => files[i] as LabelledFile);
}

async function foldersIn(folder: string): Promise<string[]> {
  const entries = await list(folder);
  return entries
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .sort();
}

/** Paths of the files below a folder, sorted. */
async function filesIn(folder: string, endings: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const entry of await list(folder)) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) found.push(...(await filesIn(path, endings)));
    else if (endings.some((ending) => entry.name.toLowerCase().endsWith(ending))) found.push(path);
  }
  return found.sort();
}

const list = (folder: string) =>
  readdir(folder, { withFileTypes: true }).catch((error: unknown) => {
    throw ioError(error, folder, 'read');
  });

/** A label as `labelMode` says. */
function labelTensor(label: number, classes: number, mode: 'int' | 'categorical' | 'binary'): Tensor {
  if (mode === 'int') return tensor(Int32Array.of(label), []);
  if (mode === 'binary') return tensor(Float32Array.of(label), [1]);
  return tensor(Float32Array.from({ length: classes }, (_, c) => (c === label ? 1 : 0)));
}

/** Files that are read at once: more than libuv has threads, so that these are never idle. */
const parallel = 8;

/**
 * What is read of files, in batches with their labels; in another order for every pass where they are shuffled. The next
 * batches are read while one is used.
 * @param where - named in the warning that counts what was skipped
 * @param read - one file
 */
export function labelledBatches<S>(
  where: string,
  list: FileList,
  { shuffle, seed = shuffle ? nextRandom().bits() : 0, labelMode, batchSize, onCorrupt }: LabelledSettings,
  read: (path: string) => Promise<S>,
): DirectoryPipeline<[Batched<S>, Tensor] | [Batched<S>]> {
  const { files, classNames } = list;
  const ordered = new Pipeline({
    size: files.length,
    open: (pass) => {
      const order = shuffle ? new Random(seed).split(pass).permutation(files.length) : undefined;
      return new IndexedCursor(files.length, (i) => files[order?.[i] ?? i] as LabelledFile);
    },
  });
  const sampleOf = async ({ path, label }: LabelledFile): Promise<[S, Tensor] | [S]> => {
    const sample = await read(path);
    return labelMode === null ? [sample] : [sample, labelTensor(label, classNames.length, labelMode)];
  };
  const outcomes = ordered.map((file) => outcome(sampleOf(file)), { parallel, seed: 0 });
  const samples = new Pipeline(goodStage(stageOf(outcomes), where, onCorrupt));
  const batches = samples.batch(batchSize).prefetch(2);
  return new DirectoryPipeline(batches as Pipeline<[Batched<S>, Tensor] | [Batched<S>]>, list);
}

/** What matters of the options once the files are known. */
type LabelledSettings = Pick<z.output<typeof directorySchema>, 'shuffle' | 'labelMode' | 'batchSize'> & {
  readonly seed?: number | undefined;
  readonly onCorrupt: OnCorrupt;
};

const textSchema = deferred(() =>
  directorySchema.extend({
    /** Longer texts are cut to so many characters. */
    maxLength: z.int().min(1).optional(),
  }),
);

/**
 * Texts of a folder with a folder for each class, in batches `[texts, labels]` (`[texts]` with `labelMode: null`).
 * @param folder - `folder/class_a/1.txt`, `folder/class_b/2.txt`, ...
 * @throws {@link DataError} when there are no such files
 * @source keras/src/utils/text_dataset_utils.py
 */
export async function textDatasetFromDirectory(
  folder: string,
  options: z.input<typeof textSchema> = {},
): Promise<DirectoryPipeline<[string[], Tensor] | [string[]]>> {
  const { maxLength, ...settings } = parseOptions(textSchema, options, 'textDatasetFromDirectory');
  const list = await listDirectory(folder, ['.txt'], settings);
  return labelledBatches(folder, list, { ...settings, onCorrupt: 'error' }, async (path) =>
    (await readText(path)).slice(0, maxLength),
  );
}

const readText = (path: string): Promise<string> =>
  readFile(path, 'utf8').catch((error: unknown) => {
    throw ioError(error, path, 'read');
  });
