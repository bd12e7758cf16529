import { unknownName } from '../core/registry.ts';
import { type Tensor, tensor } from '../core/tensor.ts';
import { columnsOf, csvToColumns, csvToTensors, loadDataset, readCsv } from '../data/index.ts';
import { ConfigError, DataError } from '../errors.ts';
import { readNpy, readNpz } from '../formats/npy.ts';
import { defined } from './defined.ts';
import { type Features, makeFeatureSpace } from './feature-space.ts';
import { onlyClasses } from './only-classes.ts';
import type { Config, Source } from './schema.ts';

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

/** The data of a run. */
export interface RunData {
  readonly train: Samples;
  readonly validation: Samples | undefined;
  readonly test: Samples | undefined;
}

/** All data that a config names; class numbers mean the same in each part. */
export async function loadData({ train, validation, test }: Config['data']): Promise<RunData> {
  const first = await loadSource(train);
  const rest = async (source: Source | undefined): Promise<Samples | undefined> =>
    source && withClasses(await loadSource(source, first.features), first.classNames);
  return { train: first, validation: await rest(validation), test: await rest(test) };
}

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
  if ('csv' in source) {
    const { csv, limit: _, featureSpace, ...options } = source;
    const space = features ?? (featureSpace && makeFeatureSpace(featureSpace));
    return space ? loadFeatures(csv, defined(options), space) : csvToTensors(csv, defined(options));
  }
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
  path: string,
  options: Parameters<typeof csvToTensors>[1],
  features: Features,
): Promise<Samples> {
  const { columns, ...target } = await csvToColumns(path, {
    ...options,
    features: [...features.features.keys()],
  });
  if (!features.isAdapted) features.adapt(columns);
  return { x: onlyPart(features.transform(columns)), ...target, features };
}

/** A record of one tensor is that tensor: the model's only input, whatever its name. */
function onlyPart(part: Part): Part {
  const [first, ...others] = tensorsOf(part);
  return first !== undefined && others.length === 0 ? first : part;
}

/**
 * Inputs alone, for predictions: `dataset:mnist:test`, or the path of a `.npy` or `.csv` file.
 * @param csv - the columns of a CSV file that are features (all by default), one that is not, and what prepares them
 */
export async function loadInputs(
  from: string,
  csv: {
    readonly features?: readonly string[] | undefined;
    readonly target?: string | undefined;
    readonly prepare?: Features | undefined;
  } = {},
): Promise<Part> {
  const [scheme, name = '', split = 'test'] = from.split(':');
  if (scheme === 'dataset') return (await loadDataset(name, split)).x;
  if (/\.npy$/i.test(from)) return readNpy(from);
  if (!/\.[ct]sv(\.gz)?$/i.test(from)) {
    throw new ConfigError(`input: expected a .npy or .csv file, or dataset:NAME:SPLIT. Received "${from}".`, {
      argument: 'input',
      received: from,
    });
  }
  if (csv.prepare) {
    const table = await readCsv(from, { columns: [...csv.prepare.features.keys()], missing: 'nan' });
    return onlyPart(csv.prepare.transform(columnsOf(table)));
  }
  const table = await readCsv(from, defined({ columns: csv.features }));
  const columns = table.columns.filter((column) => column.name !== csv.target);
  const text = columns.find((column) => column.type === 'string');
  if (text) {
    throw new DataError(`${from}: column "${text.name}" is not numbers. Name the features, without it.`, {
      argument: text.name,
    });
  }
  const data = new Float32Array(table.rowCount * columns.length);
  columns.forEach(({ values }, j) => {
    for (let i = 0; i < table.rowCount; i++) data[i * columns.length + j] = Number(values[i]);
  });
  return tensor(data, [table.rowCount, columns.length]);
}

/**
 * The samples with class numbers as in `classNames`: a file numbers only the classes that it has.
 * @throws {@link DataError} when a class is not among them
 */
export function withClasses(samples: Samples, classNames: readonly string[] | undefined): Samples {
  const { y, classNames: own } = samples;
  if (!own || !classNames || !isTensor(y)) return samples;
  const numbers = own.map((name) => classNames.indexOf(name));
  const strange = own[numbers.indexOf(-1)];
  if (strange !== undefined) {
    throw new DataError(
      `class "${strange}" does not occur in the training data, which has: ${classNames.join(', ')}.`,
      { expected: classNames.join(', '), received: strange },
    );
  }
  const labels = Int32Array.from({ length: y.size }, (_, i) => numbers[Number(y.data[i])] as number);
  return { ...samples, y: tensor(labels, y.shape), classNames };
}

/** Shapes of one sample of each input, in order. */
export const sampleShapes = (x: Part): (readonly number[])[] => tensorsOf(x).map((t) => t.shape.slice(1));

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

function limited(samples: Samples, limit: number | undefined): Samples {
  if (limit === undefined) return samples;
  const cut = (t: Tensor): Tensor => t.rows(0, Math.min(limit, t.shape[0] ?? 0));
  const part = (p: Part): Part =>
    isTensor(p) ? cut(p) : Object.fromEntries(Object.entries(p).map(([name, t]) => [name, cut(t)]));
  return { ...samples, x: part(samples.x), y: part(samples.y) };
}
