import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { DataError, FormatError, TfkError } from '../errors.ts';
import { ioError, messageOf } from '../formats/atomic.ts';

/** Longest record in characters; beyond it a quote was left open, or the file is no text. */
const longestRecord = 2 ** 24;

/** Receives the cells of a record and the number of its first line, counted from 1. */
export type OnRecord = (cells: readonly string[], line: number) => void;

/**
 * Reads a delimited text file record by record (RFC 4180), holding one piece of the file in memory.
 * Blank lines are skipped; a file ending in `.gz` is unpacked on the way.
 * @throws {@link DataError} when the file cannot be read or a quote is misplaced
 * @throws {@link FormatError} when a `.gz` file is corrupt
 */
export async function eachRecord(path: string, delimiter: string, onRecord: OnRecord): Promise<void> {
  const splitter = new RecordSplitter(path, delimiter, onRecord);
  const file = createReadStream(path, { highWaterMark: 2 ** 18 });
  const source: AsyncIterable<Uint8Array> = path.endsWith('.gz') ? unpacked(file) : file;
  const decoder = new TextDecoder();
  try {
    for await (const piece of source) splitter.push(decoder.decode(piece, { stream: true }));
    splitter.end();
  } catch (error) {
    const known = ioError(error, path, 'read');
    if (known instanceof TfkError) throw known;
    throw new FormatError(`${path}: cannot be unpacked: ${messageOf(error)}.`, { op: 'csv', cause: error });
  } finally {
    file.destroy();
  }
}

function unpacked(file: Readable): Readable {
  const unpack = createGunzip();
  file.on('error', (error) => unpack.destroy(error));
  return file.pipe(unpack);
}

/** Cuts text into records. A record goes on over line ends while its quotes are odd in number. */
export class RecordSplitter {
  readonly #file: string;
  readonly #delimiter: string;
  readonly #onRecord: OnRecord;
  /** Text after the last line end. */
  #rest = '';
  /** Lines of a record whose quote is open. */
  #open: string[] = [];
  #openLength = 0;
  #line = 0;

  constructor(file: string, delimiter: string, onRecord: OnRecord) {
    this.#file = file;
    this.#delimiter = delimiter;
    this.#onRecord = onRecord;
  }

  push(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) this.#take(line);
    if (this.#rest.length > longestRecord) throw this.#tooLong();
  }

  end(): void {
    if (this.#rest !== '') this.#take(this.#rest);
    if (this.#open.length > 0) throw this.#fault('a quote is opened and never closed', this.#start());
  }

  #take(line: string): void {
    this.#line++;
    const quotes = line.includes('"') ? line.split('"').length - 1 : 0;
    if (this.#open.length === 0 && quotes === 0) {
      const record = withoutReturn(line);
      if (record !== '') this.#onRecord(record.split(this.#delimiter), this.#line);
      return;
    }
    const closed = (this.#open.length === 0) === (quotes % 2 === 0);
    this.#open.push(line);
    this.#openLength += line.length;
    if (this.#openLength > longestRecord) throw this.#tooLong();
    if (!closed) return;
    const start = this.#start();
    const record = withoutReturn(this.#open.join('\n'));
    this.#open = [];
    this.#openLength = 0;
    this.#onRecord(this.#quotedCells(record, start), start);
  }

  #quotedCells(record: string, line: number): string[] {
    const cells: string[] = [];
    for (let at = 0; ; at += this.#delimiter.length) {
      if (record[at] === '"') {
        const end = closingQuote(record, at);
        cells.push(record.slice(at + 1, end).replaceAll('""', '"'));
        at = end + 1;
        if (at < record.length && !record.startsWith(this.#delimiter, at)) {
          throw this.#fault(`text follows the closing quote of cell ${cells.length}`, line);
        }
      } else {
        const next = record.indexOf(this.#delimiter, at);
        const end = next === -1 ? record.length : next;
        const cell = record.slice(at, end);
        if (cell.includes('"')) {
          throw this.#fault(`cell ${cells.length + 1} has a quote inside but none around it`, line);
        }
        cells.push(cell);
        at = end;
      }
      if (at >= record.length) return cells;
    }
  }

  /** Line on which the open record began. */
  #start(): number {
    return this.#line - this.#open.length + 1;
  }

  #tooLong(): DataError {
    return this.#fault(
      `a record has more than ${longestRecord} characters; is a quote left open`,
      this.#start(),
    );
  }

  #fault(what: string, line: number): DataError {
    return new DataError(
      `${this.#file}, line ${line}: ${what}. Quote the whole cell, and write a quote inside it twice.`,
      { op: 'csv', received: `line ${line}` },
    );
  }
}

const withoutReturn = (line: string): string => (line.endsWith('\r') ? line.slice(0, -1) : line);

/** Position of the quote that ends the cell opened at `open`; a doubled quote is part of the text. */
function closingQuote(record: string, open: number): number {
  let at = record.indexOf('"', open + 1);
  while (at !== -1 && record[at + 1] === '"') at = record.indexOf('"', at + 2);
  return at === -1 ? record.length : at;
}
