import type { TensorData } from '../core/dtype.ts';
import { formatShape } from '../core/shape.ts';
import { Tensor } from '../core/tensor.ts';
import { DataError } from '../errors.ts';
import type { Texts } from '../layers/index.ts';

/** A value of a table; `null`, `undefined` and NaN are missing ones. */
export type Cell = string | number | bigint | boolean | null | undefined;
/** A column of a table, `[rows]` or `[rows, 1]`. */
export type ColumnData = readonly Cell[] | readonly (readonly [Cell])[] | TensorData | Tensor;
/** Columns of equal length by name. */
export type Columns = Readonly<Record<string, ColumnData>>;

/** What a feature's preprocessor reads. */
export type FeatureDtype = 'float32' | 'int32' | 'string';

/** A column as a preprocessor takes it, `[rows, 1]`. */
export interface FeatureColumn {
  readonly data: Texts | Tensor;
  /** For each row whether its value is missing; something else stands in its place. */
  readonly missing: readonly boolean[];
}

const isMissing = (cell: Cell): boolean => cell === null || cell === undefined || Number.isNaN(cell);

/**
 * Values of a column, of the type that a feature reads: numbers become texts where texts are wanted.
 * @param name - the column, for messages
 * @throws {@link DataError} naming column and row where a value does not fit
 */
export function featureColumn(column: ColumnData, dtype: FeatureDtype, name: string): FeatureColumn {
  const cells = cellsOf(column, name);
  const missing = cells.map(isMissing);
  const fault = (row: number): DataError => {
    const received = `${typeof cells[row]} ${JSON.stringify(String(cells[row]))}`;
    const expected = dtype === 'int32' ? 'a whole number' : 'a number';
    return new DataError(`column "${name}", row ${row}: expected ${expected}. Received ${received}.`, {
      argument: name,
      expected,
      received,
    });
  };
  if (dtype === 'string') return { data: cells.map((cell, i) => [missing[i] ? '' : String(cell)]), missing };
  const values = cells.map((cell, row) => {
    const isNumber = typeof cell === 'number' || typeof cell === 'bigint' || typeof cell === 'boolean';
    if (missing[row]) return 0;
    if (!isNumber || (dtype === 'int32' && typeof cell === 'number' && !Number.isInteger(cell)))
      throw fault(row);
    return cell;
  });
  const data =
    dtype === 'int32'
      ? new Tensor('int64', [cells.length, 1], BigInt64Array.from(values, BigInt))
      : new Tensor('float32', [cells.length, 1], Float32Array.from(values, Number));
  return { data, missing };
}

/** Those rows of a column that are not missing. */
export function presentRows({ data, missing }: FeatureColumn): Texts | Tensor {
  if (!(data instanceof Tensor)) return (data as readonly Texts[]).filter((_, row) => !missing[row]);
  const kept = data.data.filter((_: number | bigint, row: number) => !missing[row]);
  return new Tensor(data.dtype, [kept.length, 1], kept);
}

function cellsOf(column: ColumnData, name: string): readonly Cell[] {
  if (column instanceof Tensor) {
    const isColumn = column.rank === 1 || (column.rank === 2 && column.shape[1] === 1);
    if (isColumn) return Array.from(column.data as ArrayLike<number | bigint>);
    throw new DataError(
      `column "${name}": expected a tensor [rows] or [rows,1]. Received ${formatShape(column.shape)}.`,
      { argument: name, received: formatShape(column.shape) },
    );
  }
  return Array.from(column as ArrayLike<Cell | readonly [Cell]>, (cell) =>
    Array.isArray(cell) ? (cell as readonly [Cell])[0] : (cell as Cell),
  );
}
