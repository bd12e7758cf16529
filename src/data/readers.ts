import * as z from 'zod';
import { parseOptions } from '../core/configured.ts';
import { deferred } from '../core/deferred.ts';
import { DataError, FormatError } from '../errors.ts';
import { messageOf } from '../formats/atomic.ts';
import { filePieces } from '../formats/byte-reader.ts';
import { readRecords } from '../formats/tfrecord.ts';
import { corruptOption, RecordGuard } from './corrupt.ts';
import { RecordSplitter } from './csv-records.ts';
import { Pipeline } from './pipeline.ts';
import { CountingCursor } from './stage.ts';

const readerSchema = deferred(() => z.strictObject({ onCorrupt: corruptOption }));
const rowsSchema = deferred(() =>
  readerSchema.extend({
    delimiter: z.string().length(1).optional(),
    header: z.boolean().default(true),
    missingValues: z.array(z.string()).default(['', 'NA', 'N/A', 'NaN', 'nan', 'null', '?']),
  }),
);

/** Longest line in characters; a longer one means that the file is no text. */
const longestLine = 2 ** 26;

const generated = <T>(generate: () => AsyncGenerator<T>): Pipeline<T> =>
  new Pipeline({ size: undefined, open: () => new CountingCursor(generate()) });

/**
 * The lines of a text file in UTF-8, without their ends; one piece of the file is in memory at a time.
 * gzip is recognised by its first bytes, here and in all readers.
 * @throws {@link DataError} when the file cannot be read, on the way
 */
export const textLines = (path: string): Pipeline<string> => generated(() => linesOf(path));

async function* linesOf(path: string): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const piece of filePieces(path)) {
    const lines = (rest + decoder.decode(piece, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > longestLine)
      throw new DataError(`${path}: a line has more than ${longestLine} characters. Is it a text file?`);
    for (const line of lines) yield line.endsWith('\r') ? line.slice(0, -1) : line;
  }
  if (rest !== '') yield rest;
}

/**
 * The values of a JSON lines file: one JSON value a line, blank lines left out.
 * @param options - `onCorrupt`: `error`, or `skip` with a warning at the end of the pass that counts them
 * @throws {@link FormatError} naming file and line
 */
export function jsonLines(path: string, options: z.input<typeof readerSchema> = {}): Pipeline<unknown> {
  const { onCorrupt } = parseOptions(readerSchema, options, 'jsonLines');
  return generated(async function* () {
    const guard = new RecordGuard(path, onCorrupt);
    let number = 0;
    for await (const line of linesOf(path)) {
      number++;
      if (line.trim() === '') continue;
      const parsed = guard.read(() => ({ value: parseLine(line, path, number) }));
      if (parsed) yield parsed.value;
    }
    guard.end();
  });
}

function parseLine(line: string, path: string, number: number): unknown {
  try {
    return JSON.parse(line);
  } catch (error) {
    throw new FormatError(`${path}, line ${number}: not valid JSON: ${messageOf(error)}.`, {
      op: 'jsonLines',
      received: line.slice(0, 40),
      cause: error,
    });
  }
}

/** A row by column: a number where the cell is one, `null` where it is missing, else its text. */
export type Row = Readonly<Record<string, number | string | null>>;

const number = /^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*$/;

/**
 * The rows of a CSV or TSV file (RFC 4180), one piece of the file in memory at a time.
 * @param options - `delimiter`: a tab for `.tsv` files, else a comma; `header`: whether the first line names the
 * columns (else `column0`, `column1`, ...); `missingValues`: cells that become `null`; `onCorrupt`: what becomes of rows
 * with more or fewer cells
 * @throws {@link DataError} naming file and line
 */
export function csvRows(path: string, options: z.input<typeof rowsSchema> = {}): Pipeline<Row> {
  const { delimiter, header, missingValues, onCorrupt } = parseOptions(rowsSchema, options, 'csvRows');
  const separator = delimiter ?? (/\.tsv(\.gz)?$/i.test(path) ? '\t' : ',');
  const missing = new Set(missingValues);
  const cellOf = (text: string): number | string | null =>
    missing.has(text) ? null : number.test(text) ? Number(text) : text;
  return generated(async function* () {
    const guard = new RecordGuard(path, onCorrupt);
    let names: readonly string[] | undefined;
    for await (const { cells, line } of csvRecords(path, separator)) {
      if (names === undefined) {
        names = header ? cells : cells.map((_, i) => `column${i}`);
        if (header) continue;
      }
      const columns = names;
      const row = guard.read((): Row => {
        if (cells.length === columns.length)
          return Object.fromEntries(columns.map((name, i) => [name, cellOf(cells[i] as string)]));
        throw new DataError(
          `${path}, line ${line}: expected ${columns.length} cells. Received ${cells.length}.`,
          { expected: `${columns.length} cells`, received: `${cells.length} cells` },
        );
      });
      if (row) yield row;
    }
    guard.end();
  });
}

interface CsvRecord {
  readonly cells: readonly string[];
  readonly line: number;
}

async function* csvRecords(path: string, delimiter: string): AsyncGenerator<CsvRecord> {
  let records: CsvRecord[] = [];
  const splitter = new RecordSplitter(path, delimiter, (cells, line) => records.push({ cells, line }));
  const decoder = new TextDecoder();
  for await (const piece of filePieces(path)) {
    splitter.push(decoder.decode(piece, { stream: true }));
    yield* records;
    records = [];
  }
  splitter.end();
  yield* records;
}

/**
 * The records of a TFRecord file, as bytes; both checksums of each are verified.
 * @param options - `onCorrupt`: what becomes of records whose data has changed; after a wrong length nothing can be found
 * @throws {@link FormatError} naming file and record
 */
export function tfRecords(path: string, options: z.input<typeof readerSchema> = {}): Pipeline<Uint8Array> {
  const { onCorrupt } = parseOptions(readerSchema, options, 'tfRecords');
  return generated(async function* () {
    const guard = new RecordGuard(path, onCorrupt);
    for await (const { index, data } of readRecords(path)) {
      const record = guard.read(() => {
        if (data !== undefined) return data;
        throw new FormatError(`${path}: record ${index}: the checksum of its data is wrong.`, {
          op: 'tfrecord',
        });
      });
      if (record) yield record;
    }
    guard.end();
  });
}
