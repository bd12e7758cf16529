import { unknownName } from '../core/registry.ts';
import { type Tensor, tensor } from '../core/tensor.ts';
import {
  type Column,
  columnsOf,
  jsonLines,
  loadDataset,
  type Pipeline,
  readCsv,
  readParquet,
  type Table,
} from '../data/index.ts';
import { matrixOf } from '../data/table.ts';
import { ConfigError, DataError } from '../errors.ts';
import { readNpy } from '../formats/npy.ts';
import { defined } from './defined.ts';
import type { Features } from './feature-space.ts';
import { type ImagesSource, isPicture, openPictures } from './images.ts';
import { isFolder } from './run-folder.ts';
import { onlyPart, type Part } from './sources.ts';

/** Which columns of a table are inputs: those named (all by default), without one, prepared in this way. Pictures have none. */
export interface InputColumns {
  readonly features?: readonly string[] | undefined;
  readonly target?: string | undefined;
  readonly prepare?: Features | undefined;
  /** How pictures become tensors: as in training. */
  readonly pictures?: ImagesSource | undefined;
}

/**
 * Inputs alone, for predictions: `dataset:mnist:test`, or the path of a `.npy`, `.csv`, `.parquet` or `.jsonl` file.
 * Lines of JSON are samples: objects with the columns of a table, or arrays of numbers. Pictures of a folder come in
 * batches of `batchSize`.
 * @throws {@link ConfigError} for another ending, {@link DataError} when the file does not have what is needed
 */
export async function loadInputs(
  from: string,
  columns: InputColumns = {},
  batchSize = 32,
): Promise<Part | Pipeline<[Tensor]>> {
  const [scheme, name = '', split = 'test'] = from.split(':');
  if (scheme === 'dataset') return (await loadDataset(name, split)).x;
  if (/\.npy$/i.test(from)) return readNpy(from);
  if (/\.(jsonl|ndjson)(\.gz)?$/i.test(from)) return loadJsonLines(from, columns);
  if (columns.pictures && (isPicture(from) || (await isFolder(from))))
    return openPictures(from, columns.pictures, batchSize);
  if (!/\.([ct]sv(\.gz)?|parquet)$/i.test(from)) {
    throw new ConfigError(
      `input: expected a .npy, .csv, .parquet or .jsonl file, dataset:NAME:SPLIT, or a picture or folder of them for a model of pictures. Received "${from}".`,
      { argument: 'input', received: from },
    );
  }
  const { prepare, features } = columns;
  const read = /\.parquet$/i.test(from) ? readParquet : readCsv;
  const options = prepare
    ? { columns: [...prepare.features.keys()], missing: 'nan' as const }
    : defined({ columns: features });
  return inputsOf(await read(from, options), columns, from);
}

async function loadJsonLines(from: string, columns: InputColumns): Promise<Part> {
  const rows: readonly unknown[] = await jsonLines(from).toArray();
  if (rows.length === 0) throw new DataError(`${from}: there are no samples.`, { argument: 'input' });
  if (rows.every(Array.isArray)) return tensor(rows as number[][]);
  return inputsOf(tableOf(rows, from), columns, from);
}

/** Objects as a table: a column of numbers where every value that is there is one, else of texts. */
function tableOf(rows: readonly unknown[], from: string): Table {
  const names = new Set<string>();
  for (const [i, row] of rows.entries()) {
    if (typeof row !== 'object' || row === null || Array.isArray(row))
      throw new DataError(
        `${from}:${i + 1}: expected an object, as before. Received ${JSON.stringify(row)}.`,
      );
    for (const name of Object.keys(row)) names.add(name);
  }
  const columns = [...names].map((name): Column => {
    const cells = rows.map((row) => (row as Readonly<Record<string, unknown>>)[name] ?? null);
    return cells.every((cell) => cell === null || typeof cell === 'number')
      ? {
          name,
          type: 'number',
          values: Float64Array.from(cells, (cell) => (cell === null ? Number.NaN : Number(cell))),
        }
      : { name, type: 'string', values: cells.map((cell) => (cell === null ? '' : String(cell))) };
  });
  return { columns, rowCount: rows.length };
}

/** The columns of a table that are inputs. */
function inputsOf(table: Table, { features, target, prepare }: InputColumns, from: string): Part {
  if (prepare) return onlyPart(prepare.transform(columnsOf(table)));
  const find = (name: string): Column => {
    const found = table.columns.find((column) => column.name === name);
    if (found) return found;
    throw unknownName(
      `column of ${from}`,
      name,
      table.columns.map((column) => column.name),
    );
  };
  const columns = features?.map(find) ?? table.columns.filter((column) => column.name !== target);
  const text = columns.find((column) => column.type === 'string');
  if (text === undefined) return matrixOf(columns, table.rowCount);
  throw new DataError(`${from}: column "${text.name}" is not numbers. Name the features, without it.`, {
    argument: text.name,
  });
}
