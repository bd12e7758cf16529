import { unknownName } from '../core/registry.ts';
import type { Tensor } from '../core/tensor.ts';
import { ConfigError, DataError } from '../errors.ts';
import { eachRecord } from './csv-records.ts';
import type { Columns } from './feature-columns.ts';
import { type Column, columnsOf, labelsOf, matrixOf, type Table, type TableTensors } from './table.ts';

/** How to read a delimited text file. */
export interface CsvOptions {
  /** One character; by default a tab for `.tsv` files, else a comma. */
  readonly delimiter?: string;
  /** Whether the first line names the columns; by default it does unless every cell of it is a number. */
  readonly header?: boolean;
  /** Columns to read, in this order; all by default. Columns without a header are `column0`, `column1`, ... */
  readonly columns?: readonly string[];
  /** What a missing value is: an error (default), or `NaN` among numbers and `''` among texts. */
  readonly missing?: 'error' | 'nan';
  /** Cells that count as missing. */
  readonly missingValues?: readonly string[];
}

const defaultMissing = ['', 'NA', 'N/A', 'NaN', 'nan', 'null', '?'];
const number = /^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*$/;

/**
 * Reads a CSV or TSV file (also `.gz`) into typed columns.
 * The file is read twice, once for the types and once for the values, so that only the columns take memory.
 * @param path - file in UTF-8
 * @throws {@link DataError} when a row is ragged, a quote misplaced, a value missing, or the file not readable;
 * the message has the file and the line
 * @throws {@link ConfigError} when a column in `columns` is not there
 * @source RFC 4180
 */
export async function readCsv(path: string, options: CsvOptions = {}): Promise<Table> {
  const layout = await survey(path, options);
  return load(path, options, layout, options.columns ?? layout.names);
}

/**
 * Features and target of a CSV or TSV file as tensors.
 * @param path - file in UTF-8
 * @param options - `target`: column to predict; `features`: columns to predict it from, all others by default
 * @returns `x` float32 `[rows, features]`; `y` numbers, or class indices with `classNames`
 * @throws {@link DataError} as {@link readCsv}, and when a feature is not a number or the target is missing
 * @example
 * const { x, y, classNames } = await csvToTensors('iris.csv', { target: 'species' });
 */
export async function csvToTensors(
  path: string,
  options: Omit<CsvOptions, 'columns'> & { readonly target: string; readonly features?: readonly string[] },
): Promise<TableTensors> {
  const layout = await survey(path, options);
  const { target } = options;
  indexOf(target, layout);
  const featureNames = options.features ?? layout.names.filter((name) => name !== target);
  for (const name of featureNames) {
    const text = layout.firstText[indexOf(name, layout)];
    if (text) throw textError(path, name, text);
  }
  const { columns, rowCount } = await load(path, options, layout, [...featureNames, target], target);
  return { x: matrixOf(columns.slice(0, -1), rowCount), featureNames, ...labelsOf(columns.at(-1)) };
}

/**
 * Columns of any type and the target of a CSV or TSV file, for a {@link FeatureSpace}; cells without a value are
 * `null` or NaN where `missing` is `nan`.
 * @param options - `target`: column to predict; `features`: the columns
 * @throws {@link DataError} as {@link readCsv}, and when the target is missing
 */
export async function csvToColumns(
  path: string,
  options: Omit<CsvOptions, 'columns'> & { readonly target: string; readonly features: readonly string[] },
): Promise<{ columns: Columns; y: Tensor; classNames?: readonly string[] }> {
  const { target, features } = options;
  const layout = await survey(path, options);
  const table = await load(path, options, layout, [...features, target], target);
  return {
    columns: columnsOf({ ...table, columns: table.columns.slice(0, -1) }),
    ...labelsOf(table.columns.at(-1)),
  };
}

interface Place {
  readonly line: number;
  readonly cell: string;
}

/** What the first reading finds. */
interface Layout {
  readonly names: readonly string[];
  readonly hasHeader: boolean;
  readonly rowCount: number;
  /** For each column the first cell that is not a number, if any. */
  readonly firstText: readonly (Place | undefined)[];
}

const delimiterOf = (path: string, { delimiter }: CsvOptions): string => {
  const found = delimiter ?? (/\.tsv(\.gz)?$/i.test(path) ? '\t' : ',');
  if (found.length === 1 && !/["\r\n]/.test(found)) return found;
  throw new ConfigError(`readCsv: delimiter ${JSON.stringify(found)} must be one character, and no quote.`, {
    argument: 'delimiter',
    received: found,
  });
};

const missingTest = ({ missingValues = defaultMissing }: CsvOptions): ((cell: string) => boolean) => {
  const missing = new Set(missingValues);
  return (cell) => missing.has(cell.trim());
};

async function survey(path: string, options: CsvOptions): Promise<Layout> {
  const isMissing = missingTest(options);
  let names: readonly string[] | undefined;
  let hasHeader = false;
  let rowCount = 0;
  const firstText: (Place | undefined)[] = [];
  await eachRecord(path, delimiterOf(path, options), (cells, line) => {
    if (names === undefined) {
      hasHeader = options.header ?? !cells.every((cell) => number.test(cell));
      names = hasHeader ? cells.map((cell) => cell.trim()) : cells.map((_, i) => `column${i}`);
      if (hasHeader) return;
    }
    if (cells.length !== names.length) throw raggedError(path, line, names.length, cells.length);
    rowCount++;
    for (let i = 0; i < cells.length; i++) {
      const cell = cells[i] as string;
      if (firstText[i] === undefined && !number.test(cell) && !isMissing(cell)) firstText[i] = { line, cell };
    }
  });
  if (names === undefined || rowCount === 0)
    throw new DataError(`${path}: the file has no rows.`, { op: 'csv' });
  const twice = names.find((name, i) => names?.indexOf(name) !== i);
  if (twice !== undefined) {
    throw new DataError(`${path}: two columns are called "${twice}". Rename one of them.`, { op: 'csv' });
  }
  return { names, hasHeader, rowCount, firstText };
}

/** The second reading: the values of the wanted columns. Missing values of the `complete` column are errors. */
async function load(
  path: string,
  options: CsvOptions,
  layout: Layout,
  wanted: readonly string[],
  complete?: string,
): Promise<Table> {
  const isMissing = missingTest(options);
  const { rowCount } = layout;
  const sources = wanted.map((name) => indexOf(name, layout));
  const columns = wanted.map((name, i): Column & { values: Float64Array | string[] } =>
    layout.firstText[sources[i] as number] === undefined
      ? { name, type: 'number', values: new Float64Array(rowCount) }
      : { name, type: 'string', values: new Array<string>(rowCount) },
  );
  let row = layout.hasHeader ? -1 : 0;
  await eachRecord(path, delimiterOf(path, options), (cells, line) => {
    for (let i = 0; row >= 0 && i < columns.length; i++) {
      const { name, type, values } = columns[i] as (typeof columns)[number];
      const cell = cells[sources[i] as number] ?? '';
      const missing = isMissing(cell);
      if (missing && (options.missing !== 'nan' || name === complete)) throw missingError(path, line, name);
      if (type === 'number') values[row] = missing ? Number.NaN : Number(cell);
      else values[row] = missing ? '' : cell;
    }
    row++;
  });
  return { columns, rowCount };
}

/** Place of a column, or an error that suggests the nearest name. */
function indexOf(name: string, { names }: Layout): number {
  const index = names.indexOf(name);
  if (index === -1) throw unknownName('column', name, names);
  return index;
}

const raggedError = (path: string, line: number, expected: number, received: number): DataError =>
  new DataError(
    `${path}, line ${line}: expected ${expected} columns, found ${received}. ` +
      'Quote cells that hold the delimiter, or name another delimiter.',
    { op: 'csv', expected: String(expected), received: String(received) },
  );

const missingError = (path: string, line: number, column: string): DataError =>
  new DataError(
    `${path}, line ${line}: column "${column}" has no value. Complete or drop the row, or, for features, ` +
      "pass missing: 'nan'.",
    { op: 'csv', argument: column, received: 'missing value' },
  );

const textError = (path: string, column: string, { line, cell }: Place): DataError =>
  new DataError(
    `${path}, line ${line}: feature "${column}" must be a number. Received ${JSON.stringify(cell)}. Leave the ` +
      'column out of features, or list the text in missingValues if it marks a missing value.',
    { op: 'csv', argument: column, expected: 'a number', received: cell },
  );
