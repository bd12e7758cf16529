import { type DType, isFloat, type TensorData } from './dtype.ts';
import { formatType, type Shape, stridesOf } from './shape.ts';

/** Tensors with more elements are shortened: the first and last few of each axis are shown. */
const shownElements = 1000;
const edge = 3;
const digits = 5;

/**
 * A tensor for people: `float32[2,2] [[1, 2],` and so on, elements in columns.
 * Floating numbers have five significant digits; tensors of more than 1000 elements are shortened.
 */
export function formatTensor(t: {
  readonly dtype: DType;
  readonly shape: Shape;
  readonly data: TensorData;
}): string {
  const head = `Tensor ${formatType(t)}`;
  if (t.data.length === 0) return `${head} []`;
  const short = t.data.length > shownElements;
  const strides = stridesOf(t.shape);
  const cells: string[] = [];
  visit(t.shape, short, (index) => {
    const at = index.reduce((sum, i, axis) => sum + i * (strides[axis] as number), 0);
    cells.push(formatElement(t.data[at] as number | bigint, t.dtype));
  });
  const width = Math.max(...cells.map((cell) => cell.length));
  const next = cells.map((cell) => (t.shape.length > 1 ? cell.padStart(width) : cell)).values();
  const text = nested(t.shape, 0, short, () => next.next().value as string);
  return t.shape.length > 1 ? `${head}\n${text}` : `${head} ${text}`;
}

function formatElement(v: number | bigint, dtype: DType): string {
  if (dtype === 'bool') return v === 1 ? 'true' : 'false';
  if (!isFloat(dtype) || typeof v === 'bigint' || Number.isInteger(v)) return String(v);
  return String(Number(v.toPrecision(digits)));
}

/** Which entries of an axis are shown; `undefined` stands for those left out. */
function shownOf(size: number, short: boolean): (number | undefined)[] {
  const all = Array.from({ length: size }, (_, i) => i);
  return short && size > 2 * edge ? [...all.slice(0, edge), undefined, ...all.slice(-edge)] : all;
}

function visit(
  shape: Shape,
  short: boolean,
  f: (index: readonly number[]) => void,
  index: readonly number[] = [],
): void {
  const size = shape[index.length];
  if (size === undefined) f(index);
  else for (const i of shownOf(size, short)) if (i !== undefined) visit(shape, short, f, [...index, i]);
}

function nested(shape: Shape, axis: number, short: boolean, cell: () => string): string {
  const size = shape[axis];
  if (size === undefined) return cell();
  const parts = shownOf(size, short).map((i) =>
    i === undefined ? '...' : nested(shape, axis + 1, short, cell),
  );
  const last = axis === shape.length - 1;
  return `[${parts.join(last ? ', ' : `,\n${' '.repeat(axis + 1)}`)}]`;
}
