import { type Tensor, tensor } from '../core/tensor.ts';
import { ConfigError } from '../errors.ts';
import { writeFileAtomic } from '../formats/atomic.ts';
import { writeNpy } from '../formats/npy.ts';
import { writeJson } from './run-folder.ts';

/** What is written of a prediction: the output, or the class of each sample. */
export interface Prediction {
  readonly values: Tensor;
  /** Names of the classes, where `values` are class numbers and the names are known. */
  readonly names?: readonly string[];
}

/** The class of each sample, int32: the largest of several outputs, or whether a single one is above 0.5. */
export function predictedClasses(output: Tensor): Tensor {
  const classes = output.rank > 1 ? (output.shape.at(-1) as number) : 1;
  const count = output.size / classes;
  const shape = output.rank > 1 ? output.shape.slice(0, -1) : output.shape;
  const numbers = new Int32Array(count);
  for (let i = 0; i < count; i++) {
    const at = (c: number): number => Number(output.data[i * classes + c]);
    let best = 0;
    for (let c = 1; c < classes; c++) if (at(c) > at(best)) best = c;
    numbers[i] = classes === 1 ? Number(at(0) > 0.5) : best;
  }
  return tensor(numbers, shape);
}

/** One entry per sample, names for class numbers where they are known. */
export function rowsOf({ values, names }: Prediction): unknown[] {
  const rows = values.array();
  if (!Array.isArray(rows)) return [rows];
  return rows.map((row) => (names && typeof row === 'number' ? (names[row] ?? row) : row));
}

/** How lines of predictions are written: cells with commas, JSON values, or numbers with spaces. */
export const lineFormats = ['csv', 'jsonl', 'text'] as const;
export type LineFormat = (typeof lineFormats)[number];

/** A line for each sample. */
export const linesOf = (prediction: Prediction, format: LineFormat): string[] =>
  rowsOf(prediction).map((row) => {
    if (format === 'jsonl') return JSON.stringify(row);
    const cells = Array.isArray(row) ? row.flat(Infinity) : [row];
    return format === 'csv' ? cells.map(cell).join(',') : cells.join(' ');
  });

/**
 * Writes predictions as `.npy` (numbers), `.csv` or `.jsonl` (a line per sample), or `.json` (a list).
 * @throws {@link ConfigError} for another ending
 */
export async function savePredictions(path: string, prediction: Prediction): Promise<void> {
  if (/\.npy$/i.test(path)) return writeFileAtomic(path, writeNpy(prediction.values));
  if (/\.json$/i.test(path)) return writeJson(path, rowsOf(prediction));
  const format = lineFormats.find((ending) => path.toLowerCase().endsWith(`.${ending}`));
  if (format !== undefined && format !== 'text') {
    return writeFileAtomic(
      path,
      Buffer.from(
        linesOf(prediction, format)
          .map((line) => `${line}\n`)
          .join(''),
      ),
    );
  }
  throw new ConfigError(
    `output: expected a path that ends in .npy, .csv, .jsonl or .json. Received "${path}".`,
    {
      argument: 'output',
      received: path,
    },
  );
}

/** A CSV cell, quoted where it must be. @source RFC 4180 */
const cell = (value: unknown): string =>
  /[",\r\n]/.test(String(value)) ? `"${String(value).replaceAll('"', '""')}"` : String(value);
