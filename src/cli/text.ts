import { InvalidArgumentError } from 'commander';

/** A command-line value that is a whole number of at least 1. */
export function wholeNumber(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1) return value;
  throw new InvalidArgumentError('expected a whole number of at least 1.');
}

/** A command-line value with commas: `a,b`. */
export const commaList = (text: string): string[] => text.split(',').map((item) => item.trim());

/** Gathers the values of an option that may be given several times. */
export const gather = (value: string, before: readonly string[] = []): string[] => [...before, value];

/** `loss 0.0412, accuracy 0.9880`. */
export const formatMetrics = (metrics: Readonly<Record<string, number>>): string =>
  Object.entries(metrics)
    .map(
      ([key, value]) =>
        `${key} ${value !== 0 && Math.abs(value) < 1e-3 ? value.toExponential(3) : value.toFixed(4)}`,
    )
    .join(', ');

/** Prints a value as one line of JSON. */
export const printJson = (value: unknown): void => console.log(JSON.stringify(value));
