/** How far two numbers may lie apart: `|actual - expected| <= atol + rtol * |expected|`. */
export interface Tolerance {
  readonly rtol: number;
  readonly atol: number;
}

/** What a float32 computation may lose against float64. */
export const float32Tolerance: Tolerance = { rtol: 1e-4, atol: 2e-5 };
export const exact: Tolerance = { rtol: 0, atol: 0 };

type Numbers = ArrayLike<number | bigint>;

/**
 * Refuses arrays of different length or with an element out of tolerance. NaN equals NaN, an infinity itself.
 * The message names the worst element, both values, absolute and relative error.
 * @param label - what is compared
 */
export function expectClose(
  actual: Numbers,
  expected: Numbers,
  { rtol, atol }: Tolerance,
  label: string,
): void {
  if (actual.length !== expected.length) {
    throw new Error(`${label}: expected ${expected.length} elements. Received ${actual.length}.`);
  }
  let worst = -1;
  let worstExcess = 0;
  for (let i = 0; i < expected.length; i++) {
    const [a, e] = [Number(actual[i]), Number(expected[i])];
    if (Object.is(a, e) || a === e) continue;
    const excess = Math.abs(a - e) - (atol + rtol * Math.abs(e));
    if (excess <= 0) continue;
    if (worst < 0 || !(excess <= worstExcess)) [worst, worstExcess] = [i, excess];
  }
  if (worst < 0) return;
  const [a, e] = [Number(actual[worst]), Number(expected[worst])];
  const error = Math.abs(a - e);
  throw new Error(
    `${label}: element ${worst} of ${expected.length} is ${a}, expected ${e} ` +
      `(off by ${error.toExponential(2)}, relative ${(error / Math.abs(e)).toExponential(2)}; ` +
      `allowed ${atol} + ${rtol} * |expected|).`,
  );
}
