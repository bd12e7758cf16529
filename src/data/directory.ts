import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { parseOptions } from '../core/configured.ts';
import { Random } from '../core/random.ts';
import { nextRandom } from '../core/seed.ts';
import { type Tensor, tensor } from '../core/tensor.ts';
import { ConfigError, DataError } from '../errors.ts';
import { ioError } from '../formats/atomic.ts';
import { Pipeline } from './pipeline.ts';
import { IndexedCursor } from './stage.ts';

/** Options of data sets made of a folder with a folder for each class. */
export const directorySchema = z.strictObject({
  /** How labels come: class numbers, one-hot, 0 and 1 as floats, or not at all. */
  labelMode: z.enum(['int', 'categorical', 'binary', 'none']).default('int'),
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
});

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

  constructor(source: Pipeline<T>, classNames: readonly string[], files: readonly LabelledFile[]) {
    super({ size: source.size, open: () => source.open() });
    this.classNames = classNames;
    this.files = files;
  }
}

/**
 * The files of a subset, by class.
 * @throws {@link ConfigError} when the options contradict each other, {@link DataError} when there are no files
 */
export async function listDirectory(
  folder: string,
  endings: readonly string[],
  { classNames, labelMode, seed, validationSplit, subset }: z.output<typeof directorySchema>,
): Promise<{ classNames: readonly string[]; files: LabelledFile[] }> {
  if ((validationSplit === undefined) !== (subset === undefined) || (subset && seed === undefined)) {
    throw new ConfigError(
      `${folder}: validationSplit, subset and seed belong together: training and validation files are told apart ` +
        'by the same seed.',
      { argument: 'validationSplit' },
    );
  }
  const names = classNames ?? (await foldersIn(folder));
  if (names.length < 2 || (labelMode === 'binary' && names.length !== 2)) {
    throw new DataError(
      `${folder}: expected ${labelMode === 'binary' ? 'two folders' : 'a folder for each class'}. Received ` +
        `${names.length}: ${names.join(', ')}.`,
      { expected: 'a folder for each class', received: names.join(', ') },
    );
  }
  const all: LabelledFile[] = [];
  for (const [label, name] of names.entries())
    for (const path of await filesIn(join(folder, name), endings)) all.push({ path, label });
  if (all.length === 0)
    throw new DataError(`${folder}: no files that end in ${endings.join(', ')}.`, { received: folder });
  return { classNames: names, files: part(all, validationSplit, subset, seed) };
}

/** Training and validation files are cut from one random order. */
function part(
  files: LabelledFile[],
  split: number | undefined,
  subset: 'training' | 'validation' | undefined,
  seed = 0,
): LabelledFile[] {
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

/** Paths and labels, in another order for every pass where they are shuffled. */
export function filePipeline(
  files: readonly LabelledFile[],
  { shuffle, seed = nextRandom().bits() }: z.output<typeof directorySchema>,
): Pipeline<LabelledFile> {
  const source = new Pipeline({
    size: files.length,
    open: () => new IndexedCursor(files.length, (i) => files[i] as LabelledFile),
  });
  return shuffle ? source.shuffle(files.length, { seed }) : source;
}

/** A label as `labelMode` says. */
export function labelTensor(label: number, classes: number, mode: 'int' | 'categorical' | 'binary'): Tensor {
  if (mode === 'int') return tensor(Int32Array.of(label), []);
  if (mode === 'binary') return tensor(Float32Array.of(label), [1]);
  return tensor(Float32Array.from({ length: classes }, (_, c) => (c === label ? 1 : 0)));
}

const textSchema = directorySchema.extend({
  /** Longer texts are cut to so many characters. */
  maxLength: z.int().min(1).optional(),
});

/**
 * Texts of a folder with a folder for each class, in batches `[texts, labels]` (`[texts]` with `labelMode: 'none'`).
 * @param folder - `folder/class_a/1.txt`, `folder/class_b/2.txt`, ...
 * @throws {@link DataError} when there are no such files
 * @source keras/src/utils/text_dataset_utils.py
 */
export async function textDatasetFromDirectory(
  folder: string,
  options: z.input<typeof textSchema> = {},
): Promise<DirectoryPipeline<[string[], Tensor] | [string[]]>> {
  const parsed = parseOptions(textSchema, options, 'textDatasetFromDirectory');
  const { maxLength, ...settings } = parsed;
  const { labelMode } = settings;
  const { classNames, files } = await listDirectory(folder, ['.txt'], settings);
  const texts = filePipeline(files, settings).map(
    async ({ path, label }) => ({ text: (await readText(path)).slice(0, maxLength), label }),
    { parallel: 8, seed: 0 },
  );
  const batches: Pipeline<[string[], Tensor] | [string[]]> =
    labelMode === 'none'
      ? texts.map(({ text }): [string] => [text], { seed: 0 }).batch(settings.batchSize)
      : texts
          .map(
            ({ text, label }): [string, Tensor] => [text, labelTensor(label, classNames.length, labelMode)],
            {
              seed: 0,
            },
          )
          .batch(settings.batchSize);
  return new DirectoryPipeline(batches, classNames, files);
}

const readText = (path: string): Promise<string> =>
  readFile(path, 'utf8').catch((error: unknown) => {
    throw ioError(error, path, 'read');
  });
