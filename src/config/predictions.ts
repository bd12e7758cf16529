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

/**
 * Writes predictions as `.npy` (numbers), `.csv` (a line per sample) or `.json` (a list).
 * @throws {@link ConfigError} for another ending
 */
export async function savePredictions(path: string, prediction: Prediction): Promise<void> {
  if (/\.npy$/i.test(path)) return writeFileAtomic(path, writeNpy(prediction.values));
  if (/\.json$/i.test(path)) return writeJson(path, rowsOf(prediction));
  if (/\.csv$/i.test(path)) {
    const lines = rowsOf(prediction).map((row) =>
      (Array.isArray(row) ? row.flat(Infinity) : [row]).map(cell),
    );
    return writeFileAtomic(path, Buffer.from(`${lines.map((line) => line.join(',')).join('\n')}\n`));
  }
  throw new ConfigError(`output: expected a path that ends in .npy, .csv or .json. Received "${path}".`, {
    argument: 'output',
    received: path,
  });
}

/** A CSV cell, quoted where it must be. @source RFC 4180 */
const cell = (value: unknown): string =>
  /[",\r\n]/.test(String(value)) ? `"${String(value).replaceAll('"', '""')}"` : String(value);
