import type { Shape } from '../../core/shape.ts';
import { DataError } from '../../errors.ts';

/** A text, or texts in arrays nested as deep as they have axes. */
export type Texts = string | readonly Texts[];

/** Elements of one shape, row-major. */
export interface Cells<T> {
  readonly shape: Shape;
  readonly values: readonly T[];
}

/** Whether data is texts, judged by its first element. */
export function isTexts(data: unknown): data is Texts {
  let first = data;
  while (Array.isArray(first)) first = first[0];
  return typeof first === 'string';
}

/**
 * Texts with their shape.
 * @param where - what reads them, for messages
 * @throws {@link DataError} when something is not a text, or rows differ in length
 */
export function textCells(data: Texts, where: string): Cells<string> {
  const shape: number[] = [];
  for (let level: Texts | undefined = data; Array.isArray(level); level = level[0]) shape.push(level.length);
  const values: string[] = [];
  const collect = (level: Texts, depth: number): void => {
    if (typeof level === 'string' && depth === shape.length) {
      values.push(level);
    } else if (Array.isArray(level) && level.length === shape[depth]) {
      for (const element of level) collect(element, depth + 1);
    } else {
      const received = Array.isArray(level) ? `${level.length} elements` : `${typeof level} ${String(level)}`;
      throw new DataError(
        `${where}: expected texts of shape [${shape.join(',')}]. Received ${received} at depth ${depth}. ` +
          'Give every row the same length, and write numbers as texts.',
        { expected: `texts [${shape.join(',')}]`, received },
      );
    }
  };
  collect(data, 0);
  return { shape, values };
}

/** Texts in nested arrays of a shape. */
export function nestTexts({ shape, values }: Cells<string>): Texts {
  const build = (axis: number, offset: number, size: number): Texts => {
    if (axis === shape.length) return values[offset] as string;
    const count = shape[axis] as number;
    const step = size / count;
    return Array.from({ length: count }, (_, i) => build(axis + 1, offset + i * step, step));
  };
  return build(0, 0, values.length);
}
