import type { AsyncBuffer, ColumnData, Compressors, FileMetaData } from 'hyparquet';
import { unknownName } from '../core/registry.ts';
import { Tensor, tensor } from '../core/tensor.ts';
import { DataError, FormatError, TfkError } from '../errors.ts';
import { messageOf } from './atomic.ts';
import { type ByteSource, fileBytes } from './byte-source.ts';

/** A value of a Parquet file: dates are milliseconds since 1970, lists of numbers tensors. */
export type ParquetValue =
  | number
  | string
  | boolean
  | null
  | Uint8Array
  | Tensor
  | readonly ParquetValue[]
  | { readonly [key: string]: ParquetValue };

/** Rows `[start, end)`, which are stored together. */
export interface RowGroup {
  readonly start: number;
  readonly end: number;
}

/** The largest part of a file that is read at once. */
const longestRead = 2 ** 31;

/** A Parquet file, whose row groups are read when they are asked for. */
export class ParquetFile {
  readonly path: string;
  readonly columns: readonly string[];
  readonly groups: readonly RowGroup[];
  readonly #file: AsyncBuffer;
  readonly #metadata: FileMetaData;
  readonly #compressors: Compressors;

  private constructor(path: string, file: AsyncBuffer, metadata: FileMetaData, compressors: Compressors) {
    this.path = path;
    this.#file = file;
    this.#metadata = metadata;
    this.#compressors = compressors;
    this.columns = columnNames(metadata);
    let start = 0;
    this.groups = metadata.row_groups.map(({ num_rows }) => {
      const group = { start, end: start + rowCount(num_rows) };
      start = group.end;
      return group;
    });
  }

  /**
   * Reads what the end of a file says about it.
   * @throws {@link DataError} when the file cannot be read, {@link FormatError} when it is no Parquet file
   */
  static async open(path: string): Promise<ParquetFile> {
    const { parquetMetadataAsync } = await import('hyparquet');
    const { compressors } = await import('hyparquet-compressors');
    const bytes = await fileBytes(path);
    const { size = 0 } = bytes; // packed as a whole, it is no Parquet file
    const slice = (start: number, end = size): Promise<ArrayBuffer> => readPart(path, bytes, start, end);
    const file: AsyncBuffer = { byteLength: size, slice };
    return readable(path, async () => {
      if (size < 12) throw new Error('parquet needs at least 12 bytes');
      return new ParquetFile(path, file, await parquetMetadataAsync(file), compressors);
    });
  }

  get rows(): number {
    return this.groups.at(-1)?.end ?? 0;
  }

  /** All columns, or those asked for. @throws {@link ConfigError} naming a column that is not there */
  choose(names: readonly string[] = this.columns): readonly string[] {
    for (const name of names)
      if (!this.columns.includes(name)) throw unknownName(`column of ${this.path}`, name, this.columns);
    return names;
  }

  /** The columns of a row group, in the order of `names`. @throws {@link FormatError} when they are corrupt */
  async read({ start, end }: RowGroup, names: readonly string[]): Promise<ParquetValue[][]> {
    const { parquetRead } = await import('hyparquet');
    const chunks: ColumnData[] = [];
    await readable(this.path, () =>
      parquetRead({
        file: this.#file,
        metadata: this.#metadata,
        columns: [...names],
        rowStart: start,
        rowEnd: end,
        compressors: this.#compressors,
        utf8: false,
        onChunk: (chunk) => chunks.push(chunk),
      }),
    );
    return names.map((name) => this.#column(name, chunks, start, end));
  }

  #column(name: string, chunks: readonly ColumnData[], start: number, end: number): ParquetValue[] {
    const values: ParquetValue[] = [];
    for (const { columnName, columnData } of chunks) {
      if (columnName !== name) continue;
      for (let i = 0; i < columnData.length; i++) {
        const where = (): string => `${this.path}, row ${start + values.length}: column "${name}"`;
        values.push(plainValue(columnData[i], where));
      }
    }
    if (values.length === end - start) return values;
    throw new FormatError(
      `${this.path}: column "${name}" has ${values.length} values for the rows ${start} to ${end - 1}.`,
      { op: 'parquet', expected: `${end - start} values`, received: `${values.length} values` },
    );
  }
}

/** The names of the columns; of those with parts, the first. */
function columnNames({ schema }: FileMetaData): string[] {
  const names: string[] = [];
  let at = 1;
  const skip = (): void => {
    const { num_children = 0 } = schema[at++] ?? {};
    for (let i = 0; i < num_children && at < schema.length; i++) skip();
  };
  while (at < schema.length) {
    names.push(String(schema[at]?.name));
    skip();
  }
  return names;
}

function rowCount(given: bigint): number {
  const rows = Number(given);
  if (rows >= 0 && rows < 2 ** 32) return rows;
  throw new Error(`parquet row group of ${given} rows`);
}

/** A part of the file as the reader asks for it, which believes what the file says. */
async function readPart(path: string, bytes: ByteSource, start: number, end: number): Promise<ArrayBuffer> {
  const length = end - start;
  const there = start >= 0 && length >= 0 && end <= (bytes.size ?? 0) && length <= longestRead;
  const part = new Uint8Array(there ? length : 0);
  const stream = bytes.from(start);
  const read = there ? await stream.fill(part).finally(() => stream.close()) : 0;
  if (!there || read < length)
    throw new FormatError(`${path}: not a readable Parquet file: it has no bytes ${start} to ${end}.`);
  return part.buffer;
}

/** What goes wrong inside of the reader is a fault of the file. */
async function readable<T>(path: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof TfkError) throw error;
    const known = /^parquet (?!.*undefined)/.test(messageOf(error));
    const reason = known ? messageOf(error) : 'its parts contradict each other';
    throw new FormatError(`${path}: not a readable Parquet file: ${reason}.`, {
      op: 'parquet',
      cause: error,
    });
  }
}

function plainValue(value: unknown, where: () => string): ParquetValue {
  if (value === null || value === undefined) return null;
  if (typeof value === 'number' || typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'bigint') return exactNumber(value, where);
  if (value instanceof Date) return value.getTime();
  if (value instanceof Uint8Array) return value;
  if (Array.isArray(value)) {
    const list = value.map((element) => plainValue(element, where));
    return list.length > 0 && list.every((element) => typeof element === 'number')
      ? tensor(list)
      : joined(list);
  }
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plainValue(inner, where)]));
}

/** Lists of equally long lists of numbers as one tensor. */
function joined(list: readonly ParquetValue[]): ParquetValue {
  const [first] = list;
  if (
    !(first instanceof Tensor) ||
    !list.every((t) => t instanceof Tensor && t.size === first.size && t.rank === first.rank)
  )
    return list;
  const data = new Float32Array(list.length * first.size);
  list.forEach((t, i) => {
    data.set((t as Tensor).data as Float32Array, i * first.size);
  });
  return new Tensor('float32', [list.length, ...first.shape], data);
}

function exactNumber(value: bigint, where: () => string): number {
  const number = Number(value);
  if (Number.isSafeInteger(number)) return number;
  throw new DataError(
    `${where()}: ${value} is no number that JavaScript holds exactly. Leave the column out, or write it as text.`,
    { op: 'parquet', received: String(value) },
  );
}
