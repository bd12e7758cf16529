import { Tensor } from '../core/tensor.ts';
import type { Columns } from './feature-columns.ts';

/** A column: numbers where every cell that is there is one, else texts. */
export type Column =
  | { readonly name: string; readonly type: 'number'; readonly values: Float64Array }
  | { readonly name: string; readonly type: 'string'; readonly values: readonly string[] };

/** Columns of equal length. */
export interface Table {
  readonly columns: readonly Column[];
  readonly rowCount: number;
}

/** Features and target of a table as tensors. */
export interface TableTensors {
  /** float32 `[rows, features]`. */
  readonly x: Tensor;
  /** float32 `[rows]`, or int32 class indices `[rows]` when the target is text. */
  readonly y: Tensor;
  readonly featureNames: readonly string[];
  /** The texts of the target, sorted; only when it is text. */
  readonly classNames?: readonly string[];
}

/** The columns of a table by name; texts that are missing are `null`. */
export const columnsOf = ({ columns }: Table): Columns =>
  Object.fromEntries(
    columns.map((column) => [
      column.name,
      column.type === 'number' ? column.values : column.values.map((text) => (text === '' ? null : text)),
    ]),
  );

/** Columns of numbers side by side, float32 `[rows, columns]`. */
export function matrixOf(columns: readonly Column[], rowCount: number): Tensor {
  const data = new Float32Array(rowCount * columns.length);
  columns.forEach(({ values }, j) => {
    for (let i = 0; i < rowCount; i++) data[i * columns.length + j] = Number(values[i]);
  });
  return new Tensor('float32', [rowCount, columns.length], data);
}

/** Numbers as they are; texts as indices into their sorted list. */
export function labelsOf(column: Column | undefined): Pick<TableTensors, 'y' | 'classNames'> {
  if (column?.type !== 'string') {
    const values = new Float32Array(column?.values ?? []);
    return { y: new Tensor('float32', [values.length], values) };
  }
  const classNames = [...new Set(column.values)].sort();
  const indices = new Map(classNames.map((name, index) => [name, index]));
  const values = Int32Array.from(column.values, (name) => indices.get(name) ?? -1);
  return { y: new Tensor('int32', [values.length], values), classNames };
}
