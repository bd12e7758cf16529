import * as z from 'zod';
import { parseOptions } from '../core/configured.ts';
import { deferred } from '../core/deferred.ts';
import type { Tensor } from '../core/tensor.ts';
import { DataError } from '../errors.ts';
import { ParquetFile, type ParquetValue } from '../formats/parquet.ts';
import type { Columns } from './feature-columns.ts';
import { Pipeline } from './pipeline.ts';
import { type Block, BlockCursor } from './stage.ts';
import { type Column, columnsOf, labelsOf, matrixOf, type Table, type TableTensors } from './table.ts';

/** A row by column. */
export type ParquetRow = Readonly<Record<string, ParquetValue>>;

const rowsSchema = deferred(() => z.strictObject({ columns: z.array(z.string()).optional() }));

class GroupCursor extends BlockCursor<ParquetRow> {
  readonly #file: ParquetFile;
  readonly #names: readonly string[];

  constructor(file: ParquetFile, names: readonly string[]) {
    super(file.rows);
    this.#file = file;
    this.#names = names;
  }

  protected override async load(index: number): Promise<Block<ParquetRow>> {
    const group = this.#file.groups.find(({ end }) => index < end) as Block<never>;
    const columns = await this.#file.read(group, this.#names);
    const get = (row: number): ParquetRow =>
      Object.fromEntries(
        this.#names.map((name, i) => [name, columns[i]?.[row - group.start] as ParquetValue]),
      );
    return { start: group.start, end: group.end, get };
  }

  override close(): void {}
}

/**
 * The rows of a Parquet file, one row group in memory at a time. Missing values are `null`, dates milliseconds since
 * 1970, whole numbers of 64 bits numbers, lists of numbers float32 tensors, structs records.
 * @param options - `columns`: those to read, all by default
 * @throws {@link FormatError} when the file is corrupt; on the way, {@link DataError} where a whole number is too large
 * @throws {@link ConfigError} when there is no such column
 * @source https://parquet.apache.org/docs/file-format
 */
export async function parquetRows(
  path: string,
  options: z.input<typeof rowsSchema> = {},
): Promise<Pipeline<ParquetRow>> {
  const { columns } = parseOptions(rowsSchema, options, 'parquetRows');
  const file = await ParquetFile.open(path);
  const names = file.choose(columns);
  return new Pipeline({ size: file.rows, open: () => new GroupCursor(file, names) });
}

/** How to read a Parquet file as a table. */
export interface ParquetOptions {
  /** Columns to read, in this order; all by default. */
  readonly columns?: readonly string[];
  /** What a missing value is: an error (default), or `NaN` among numbers and `''` among texts. */
  readonly missing?: 'error' | 'nan';
}

type TargetOptions = Omit<ParquetOptions, 'columns'> & { readonly target: string };

/**
 * Reads columns of a Parquet file: numbers, dates and booleans as numbers, texts as texts.
 * @throws {@link DataError} when a value is missing, or neither number nor text; the message has file, row and column
 * @throws {@link ConfigError} when a column in `columns` is not there
 */
export async function readParquet(path: string, options: ParquetOptions = {}): Promise<Table> {
  const file = await ParquetFile.open(path);
  return load(file, file.choose(options.columns), options);
}

/**
 * Features and target of a Parquet file as tensors.
 * @param options - `target`: column to predict; `features`: columns to predict it from, all others by default
 * @returns `x` float32 `[rows, features]`; `y` numbers, or class indices with `classNames`
 * @throws {@link DataError} as {@link readParquet}, and when a feature is not a number or the target is missing
 */
export async function parquetToTensors(
  path: string,
  options: TargetOptions & { readonly features?: readonly string[] },
): Promise<TableTensors> {
  const file = await ParquetFile.open(path);
  const { target } = options;
  const featureNames = options.features ?? file.columns.filter((name) => name !== target);
  const { columns, rowCount } = await load(file, file.choose([...featureNames, target]), options, target);
  const text = columns.slice(0, -1).find((column) => column.type === 'string');
  if (text) {
    throw new DataError(`${path}: feature "${text.name}" is not numbers. Leave the column out of features.`, {
      op: 'parquet',
      argument: text.name,
    });
  }
  return { x: matrixOf(columns.slice(0, -1), rowCount), featureNames, ...labelsOf(columns.at(-1)) };
}

/**
 * Columns of any type and the target of a Parquet file, for a {@link FeatureSpace}; values that are missing are `null`
 * or NaN where `missing` is `nan`.
 * @param options - `target`: column to predict; `features`: the columns
 * @throws {@link DataError} as {@link readParquet}, and when the target is missing
 */
export async function parquetToColumns(
  path: string,
  options: TargetOptions & { readonly features: readonly string[] },
): Promise<{ columns: Columns; y: Tensor; classNames?: readonly string[] }> {
  const file = await ParquetFile.open(path);
  const { target, features } = options;
  const table = await load(file, file.choose([...features, target]), options, target);
  return {
    columns: columnsOf({ ...table, columns: table.columns.slice(0, -1) }),
    ...labelsOf(table.columns.at(-1)),
  };
}

/** Missing values of the `complete` column are errors. */
async function load(
  file: ParquetFile,
  names: readonly string[],
  { missing }: ParquetOptions,
  complete?: string,
): Promise<Table> {
  const columns = names.map((name) => new ColumnBuilder(file, name, missing === 'nan' && name !== complete));
  for (const group of file.groups) {
    const values = await file.read(group, names);
    columns.forEach((column, i) => {
      column.add(values[i] as ParquetValue[], group.start);
    });
  }
  if (file.rows === 0) throw new DataError(`${file.path}: the file has no rows.`, { op: 'parquet' });
  return { columns: columns.map((column) => column.build()), rowCount: file.rows };
}

/** One column, from the values of the row groups. */
class ColumnBuilder {
  readonly #file: ParquetFile;
  readonly #name: string;
  readonly #gaps: boolean;
  readonly #numbers: Float64Array;
  #texts: string[] | undefined;
  #seen = false;

  constructor(file: ParquetFile, name: string, gaps: boolean) {
    this.#file = file;
    this.#name = name;
    this.#gaps = gaps;
    this.#numbers = new Float64Array(file.rows);
  }

  add(values: readonly ParquetValue[], start: number): void {
    for (const [i, value] of values.entries()) {
      const row = start + i;
      if (value === null || Number.isNaN(value)) this.#gap(row);
      else if (typeof value === 'string') this.#text(value, row);
      else if (typeof value === 'number' || typeof value === 'boolean') this.#number(Number(value), row);
      else throw this.#fault(row, 'a list, bytes or a record. Leave the column out, or use parquetRows');
    }
  }

  build(): Column {
    return this.#texts
      ? { name: this.#name, type: 'string', values: this.#texts }
      : { name: this.#name, type: 'number', values: this.#numbers };
  }

  #gap(row: number): void {
    if (!this.#gaps)
      throw this.#fault(row, "no value. Complete or drop the row, or, for features, pass missing: 'nan'");
    this.#numbers[row] = Number.NaN;
    if (this.#texts) this.#texts[row] = '';
  }

  #text(value: string, row: number): void {
    if (!this.#seen) this.#texts ??= new Array<string>(this.#numbers.length).fill('');
    if (!this.#texts) throw this.#fault(row, 'a text among numbers');
    this.#seen = true;
    this.#texts[row] = value;
  }

  #number(value: number, row: number): void {
    if (this.#texts) throw this.#fault(row, 'a number among texts');
    this.#seen = true;
    this.#numbers[row] = value;
  }

  #fault(row: number, what: string): DataError {
    return new DataError(`${this.#file.path}, row ${row}: column "${this.#name}" has ${what}.`, {
      op: 'parquet',
      argument: this.#name,
      received: what,
    });
  }
}
