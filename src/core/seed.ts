import { Random } from './random.ts';

let seed: number | undefined;
let stream: Random | undefined;
let drawn = 0;

/**
 * Makes everything random that follows (initial weights, shuffles, dropout) a function of `value`.
 * @param value - a whole number from 0 to 2^53 - 1
 */
export function setRandomSeed(value: number): void {
  seed = value;
  stream = new Random(value);
  drawn = 0;
}

/** The seed in force; drawn from the system once where none was set. */
export function globalSeed(): number {
  if (seed === undefined) setRandomSeed(crypto.getRandomValues(new Uint32Array(1))[0] as number);
  return seed as number;
}

/** The seed, and how many streams were drawn from it. */
export interface SeedState {
  readonly seed: number;
  readonly drawn: number;
}

/** What everything random that follows depends on. */
export const seedState = (): SeedState => ({ seed: globalSeed(), drawn });

/** Goes on as after {@link seedState}. */
export function restoreSeed(state: SeedState): void {
  setRandomSeed(state.seed);
  drawn = state.drawn;
}

/** The next independent random stream; `ownSeed` makes it independent of the global seed. */
export function nextRandom(ownSeed?: number): Random {
  if (ownSeed !== undefined) return new Random(ownSeed);
  globalSeed();
  return (stream as Random).split(drawn++);
}
