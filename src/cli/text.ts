import { styleText } from 'node:util';
import { InvalidArgumentError } from 'commander';

/** A command-line value that is a whole number of at least 1. */
export function wholeNumber(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1) return value;
  throw new InvalidArgumentError('expected a whole number of at least 1.');
}

/** A command-line value that is a number above 0. */
export function positiveNumber(text: string): number {
  const value = Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  throw new InvalidArgumentError('expected a number above 0.');
}

/** A command-line value with commas: `a,b`. */
export const commaList = (text: string): string[] => text.split(',').map((item) => item.trim());

/** Gathers the values of an option that may be given several times. */
export const gather = (value: string, before: readonly string[] = []): string[] => [...before, value];

/** `0.0412`, and `4.120e-5` for what is small. */
export const formatFigure = (value: number): string =>
  value !== 0 && Math.abs(value) < 1e-3 ? value.toExponential(3) : value.toFixed(4);

/** `loss 0.0412, accuracy 0.9880`. */
export const formatMetrics = (metrics: Readonly<Record<string, number>>): string =>
  Object.entries(metrics)
    .map(([key, value]) => `${key} ${formatFigure(value)}`)
    .join(', ');

/** Prints a value as one line of JSON. */
export const printJson = (value: unknown): void => console.log(JSON.stringify(value));

/** Text in a style, where the output is a terminal that shows colours. @source no-color.org */
export const paint = (style: Parameters<typeof styleText>[0], text: string): string =>
  process.stdout.isTTY && !process.env.NO_COLOR ? styleText(style, text) : text;

/** The examples below a command's `--help`, each with what it is for. */
export const examples = (...lines: readonly (readonly [command: string, purpose?: string])[]): string => {
  const width = Math.max(...lines.map(([command]) => command.length));
  const shown = lines.map(([command, purpose]) =>
    purpose === undefined ? `  $ ${command}` : `  $ ${command.padEnd(width)}  ${purpose}`,
  );
  return ['\nExamples:', ...shown].join('\n');
};

/** `1.25 MB`, in powers of 1024. */
export function formatBytes(bytes: number): string {
  const power = Math.min(4, Math.floor(Math.log2(Math.max(1, bytes)) / 10));
  return `${(bytes / 1024 ** power).toFixed(power === 0 ? 0 : 2)} ${['B', 'KB', 'MB', 'GB', 'TB'][power]}`;
}

/** `12.5 M`, in powers of 1000. */
export function formatCount(count: number): string {
  const power = Math.min(4, Math.floor(Math.log10(Math.max(1, count)) / 3));
  return `${Number((count / 1000 ** power).toPrecision(3))} ${['', 'k', 'M', 'G', 'T'][power]}`;
}

/** `1 trial`, `2 trials`. */
export const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;
