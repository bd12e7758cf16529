// looked up once: in the sandbox that tests run in, reading a global takes a hundred times as long
const { PI, cos, floor, imul, log, sqrt } = Math;

/** Random numbers in [0, 1), the same for the same seed. @source mulberry32 */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let bits = imul(state ^ (state >>> 15), state | 1);
    bits ^= bits + imul(bits ^ (bits >>> 7), bits | 61);
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Numbers of the standard normal distribution. @source Box and Muller, 1958 */
export const normal = (uniform: () => number) => (): number =>
  sqrt(-2 * log(1 - uniform())) * cos(2 * PI * uniform());

/** The elements in a random order. @source Fisher and Yates */
export function shuffled<T>(elements: readonly T[], seed: number): T[] {
  const [result, uniform] = [[...elements], seeded(seed)];
  for (let i = result.length - 1; i > 0; i--) {
    const j = floor((i + 1) * uniform());
    [result[i], result[j]] = [result[j] as T, result[i] as T];
  }
  return result;
}
