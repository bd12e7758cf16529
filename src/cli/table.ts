import { paint } from './text.ts';

/** How a table is laid out. */
export interface TableOptions {
  /** Columns of the terminal; unlimited where the output is no terminal. */
  readonly width?: number;
}

const gap = 2;
/** What a column keeps when others need the room. */
const leastWidth = 4;

/**
 * Rows below a heading, in columns that fit the terminal: the widest are cut where they do not. Columns of numbers
 * stand to the right.
 */
export function formatTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  { width = process.stdout.columns ?? Number.POSITIVE_INFINITY }: TableOptions = {},
): string {
  const natural = head.map((title, i) => Math.max(title.length, ...rows.map((row) => (row[i] ?? '').length)));
  const widths = shrink(natural, width - gap * (head.length - 1));
  const numeric = head.map((_, i) => rows.every((row) => /^([-+\d.,e%x ]*|nan|inf)$/i.test(row[i] ?? '')));
  const line = (cells: readonly string[]): string =>
    widths
      .map((w, i) => (numeric[i] ? cut(cells[i] ?? '', w).padStart(w) : cut(cells[i] ?? '', w).padEnd(w)))
      .join(' '.repeat(gap))
      .trimEnd();
  return [paint('bold', line(head)), ...rows.map(line)].join('\n');
}

/** Widths whose sum is at most `room`, as long as columns keep what they need least. */
function shrink(widths: readonly number[], room: number): number[] {
  const fitted = [...widths];
  for (;;) {
    const widest = Math.max(...fitted);
    if (fitted.reduce((a, b) => a + b, 0) <= room || widest <= leastWidth) return fitted;
    fitted[fitted.indexOf(widest)] = widest - 1;
  }
}

const cut = (text: string, width: number): string =>
  text.length > width ? `${text.slice(0, width - 1)}…` : text;
