import { Random } from '../core/random.ts';
import { unknownName } from '../core/registry.ts';
import { type Tensor, tensor } from '../core/tensor.ts';
import {
  csvToColumns,
  csvToTensors,
  loadDataset,
  parquetToColumns,
  parquetToTensors,
} from '../data/index.ts';
import { DataError } from '../errors.ts';
import { readNpy, readNpz } from '../formats/npy.ts';
import { defined } from './defined.ts';
import { type Features, makeFeatureSpace } from './feature-space.ts';
import { loadImages, openImages } from './images.ts';
import { onlyClasses } from './only-classes.ts';
import { PictureFiles } from './picture-files.ts';
import type { Config, Source } from './schema.ts';
import { takeRows } from './take-rows.ts';

/** Tensors of one input or output, or by name for several. */
export type Part = Tensor | Readonly<Record<string, Tensor>>;

/** Inputs and targets, and what the classes are called where that is known. */
export interface Samples {
  readonly x: Part;
  readonly y: Part;
  readonly classNames?: readonly string[];
  /** What prepared the inputs, for other data. */
  readonly features?: Features;
}

/** The data of a run: in memory, or pictures that are read on the way. */
export interface RunData<S extends Samples | PictureFiles = Samples | PictureFiles> {
  readonly train: S;
  readonly validation: S | undefined;
  readonly test: S | undefined;
}

/** All data that a config names; class numbers mean the same in each part. */
export const openData = (data: Config['data']): Promise<RunData> => allData(data, openSource);

/** {@link openData}, all of it in memory. */
export const loadData = (data: Config['data']): Promise<RunData<Samples>> => allData(data, loadSource);

async function allData<S extends Samples | PictureFiles>(
  { train, shuffle, validation, test }: Config['data'],
  open: (source: Source, features?: Features) => Promise<S>,
): Promise<RunData<S>> {
  const samples = await open(train);
  const first = shuffle ? mixed(samples) : samples;
  const features = first instanceof PictureFiles ? undefined : first.features;
  const rest = async (source: Source | undefined): Promise<S | undefined> =>
    source && withClasses(await open(source, features), first.classNames);
  return { train: first, validation: await rest(validation), test: await rest(test) };
}

/** The order of `shuffle`, which depends on nothing but the number of samples. */
export const mixedOrder = (count: number): Int32Array => new Random(0).permutation(count);

function mixed<S extends Samples | PictureFiles>(samples: S): S;
function mixed(samples: Samples | PictureFiles): Samples | PictureFiles {
  const order = mixedOrder(countOf(samples));
  if (samples instanceof PictureFiles) return samples.take(order);
  const reorder = (t: Tensor): Tensor => takeRows(t, order);
  return { ...samples, x: mapTensors(samples.x, reorder), y: mapTensors(samples.y, reorder) };
}

/** The samples of one source, or the pictures to read on the way. */
export const openSource = async (source: Source, features?: Features): Promise<Samples | PictureFiles> =>
  'images' in source ? openImages(source) : loadSource(source, features);

/**
 * The samples of one source.
 * @param features - what has learned from other data how to prepare columns
 * @throws {@link DataError}, {@link FormatError} or {@link ConfigError} naming the file and what is wrong
 */
export async function loadSource(source: Source, features?: Features): Promise<Samples> {
  return limited(await load(source, features), source.limit);
}

async function load(source: Source, features?: Features): Promise<Samples> {
  if ('dataset' in source) {
    const samples = await loadDataset(source.dataset, source.split);
    return source.classes ? onlyClasses(samples, source.classes) : samples;
  }
  if ('csv' in source || 'parquet' in source) {
    const space = features ?? (source.featureSpace && makeFeatureSpace(source.featureSpace));
    if (space) return loadFeatures(source, space);
    if ('parquet' in source) return parquetToTensors(source.parquet, defined(source));
    return csvToTensors(source.csv, defined(source));
  }
  if ('images' in source) return loadImages(source);
  if ('npz' in source) {
    const arrays = await readNpz(source.npz);
    const pick = (key: string): Tensor => {
      const found = arrays.get(key);
      if (found) return found;
      throw unknownName(`array of ${source.npz}`, key, [...arrays.keys()]);
    };
    return { x: mapPart(source.x, pick), y: mapPart(source.y, pick) };
  }
  return { x: await readPart(source.npy.x), y: await readPart(source.npy.y) };
}

/** Columns prepared by a feature space, which learns from them if it has not learned yet. */
async function loadFeatures(
  source: Extract<Source, { csv: string } | { parquet: string }>,
  features: Features,
): Promise<Samples> {
  const options = { ...defined(source), features: [...features.features.keys()] };
  const { columns, ...target } =
    'parquet' in source
      ? await parquetToColumns(source.parquet, options)
      : await csvToColumns(source.csv, options);
  if (!features.isAdapted) features.adapt(columns);
  return { x: onlyPart(features.transform(columns)), ...target, features };
}

/** A record of one tensor is that tensor: the model's only input, whatever its name. */
export function onlyPart(part: Part): Part {
  const [first, ...others] = tensorsOf(part);
  return first !== undefined && others.length === 0 ? first : part;
}

/**
 * The samples with class numbers as in `classNames`: a file numbers only the classes that it has.
 * @throws {@link DataError} when a class is not among them
 */
export function withClasses<S extends Samples | PictureFiles>(
  samples: S,
  classNames: readonly string[] | undefined,
): S;
export function withClasses(
  samples: Samples | PictureFiles,
  classNames: readonly string[] | undefined,
): Samples | PictureFiles {
  const { classNames: own } = samples;
  if (!own || !classNames) return samples;
  const numbers = own.map((name) => classNames.indexOf(name));
  const strange = own[numbers.indexOf(-1)];
  if (strange !== undefined) {
    throw new DataError(
      `class "${strange}" does not occur in the training data, which has: ${classNames.join(', ')}.`,
      { expected: classNames.join(', '), received: strange },
    );
  }
  if (samples instanceof PictureFiles) return samples.renumbered(classNames, numbers);
  const { y } = samples;
  if (!isTensor(y)) return samples;
  const labels = Int32Array.from({ length: y.size }, (_, i) => numbers[Number(y.data[i])] as number);
  return { ...samples, y: tensor(labels, y.shape), classNames };
}

/** Shapes of one sample of each input, in order. */
export const sampleShapes = (x: Part): (readonly number[])[] => tensorsOf(x).map((t) => t.shape.slice(1));

/** {@link sampleShapes} of samples of either kind. */
export const shapesOf = (samples: Samples | PictureFiles): (readonly number[])[] =>
  samples instanceof PictureFiles ? [samples.shape] : sampleShapes(samples.x);

/** Samples of either kind. */
export const countOf = (samples: Samples | PictureFiles): number =>
  samples instanceof PictureFiles ? samples.count : sampleCount(samples.x);

/** Samples in a part. */
export const sampleCount = (x: Part): number => tensorsOf(x)[0]?.shape[0] ?? 0;

const isTensor = (part: Part): part is Tensor => 'dtype' in part && 'shape' in part && 'data' in part;

const tensorsOf = (part: Part): Tensor[] => (isTensor(part) ? [part] : Object.values(part));

const mapPart = <T>(given: string | Readonly<Record<string, string>>, f: (name: string) => T) =>
  typeof given === 'string'
    ? f(given)
    : Object.fromEntries(Object.entries(given).map(([name, from]) => [name, f(from)]));

async function readPart(given: string | Readonly<Record<string, string>>): Promise<Part> {
  if (typeof given === 'string') return readNpy(given);
  const entries = Object.entries(given).map(async ([name, path]) => [name, await readNpy(path)] as const);
  return Object.fromEntries(await Promise.all(entries));
}

/** The first samples; all where there is no limit. */
export const limited = (samples: Samples, limit: number | undefined): Samples =>
  limit === undefined ? samples : sliced(samples, 0, limit);

/** The samples from one on, up to another. */
export function sliced(samples: Samples, from: number, to: number): Samples {
  const cut = (t: Tensor): Tensor => t.rows(from, Math.min(to, t.shape[0] ?? 0));
  return { ...samples, x: mapTensors(samples.x, cut), y: mapTensors(samples.y, cut) };
}

const mapTensors = (part: Part, f: (t: Tensor) => Tensor): Part =>
  isTensor(part) ? f(part) : Object.fromEntries(Object.entries(part).map(([name, t]) => [name, f(t)]));
