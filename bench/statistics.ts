/** The middle one, or the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  const [low, high] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]];
  return low === undefined || high === undefined ? Number.NaN : (low + high) / 2;
}

/** Median, least and greatest of a ratio taken round by round; a single value stands for every round. */
export interface Ratio {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

export function ratio(of: readonly number[], to: readonly number[]): Ratio {
  const rounds = of.map((value, i) => value / (to[Math.min(i, to.length - 1)] ?? Number.NaN));
  return { median: median(rounds), min: Math.min(...rounds), max: Math.max(...rounds) };
}
