import { atOnce, type Pieces } from './event-loop.ts';

/** A key of the counter-based generator: two 32-bit words. */
export type Key = readonly [number, number];

/** Left rotations of the rounds. */
export const rotations = [13, 15, 26, 6, 17, 29, 16, 24] as const;
/** Folded into the third key word. */
export const parity = 0x1bd11bda;
/** Rounds after which Threefry-2x32 passes every test of BigCrush (Salmon et al. 2011, table 2). */
export const rounds = 13;

/**
 * Threefry-2x32: two random words of a key and a two-word counter; no state, the same on every machine.
 * @source Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011
 */
export function threefry(key: Key, counter: Key, count = rounds): [number, number] {
  const first = block(key[0], key[1], counter[0], counter[1], count);
  return [first, secondWord];
}

/** Second word of the last block; kept here so that drawing numbers allocates nothing. */
let secondWord = 0;

/** First word of a block; the other is left in `secondWord`. */
function block(key0: number, key1: number, counter0: number, counter1: number, count: number): number {
  let x = (counter0 + key0) | 0;
  let y = (counter1 + key1) | 0;
  // the words that the next injection adds, then the third
  let next = key1 | 0;
  let after = key0 ^ key1 ^ parity;
  let last = key0 | 0;
  for (let round = 0; round < count; round++) {
    const by = rotations[round & 7] as number;
    x = (x + y) | 0;
    y = ((y << by) | (y >>> (32 - by))) ^ x;
    if ((round & 3) === 3) {
      x = (x + next) | 0;
      y = (y + after + ((round + 1) >> 2)) | 0;
      const spent = next;
      next = after;
      after = last;
      last = spent;
    }
  }
  secondWord = y >>> 0;
  return x >>> 0;
}

/** Where a stream of random numbers is. */
export interface RandomState {
  readonly key: Key;
  /** Blocks drawn. */
  readonly counter: number;
  /** The second word of the last block, where it is still to come. */
  readonly spare: number | null;
}

/** A seeded stream of random numbers; streams split from it by number or name are independent. */
export class Random {
  readonly key: Key;
  #counter = 0;
  #spare: number | undefined;

  constructor(key: Key | number) {
    this.key = typeof key === 'number' ? [key >>> 0, Math.floor(key / 2 ** 32) >>> 0] : key;
  }

  /** A stream that goes on from where another was. */
  static at({ key, counter, spare }: RandomState): Random {
    const random = new Random(key);
    random.#counter = counter;
    random.#spare = spare ?? undefined;
    return random;
  }

  /** Where the stream is now. */
  get state(): RandomState {
    return { key: this.key, counter: this.#counter, spare: this.#spare ?? null };
  }

  /** A stream of its own for `label`. */
  split(label: number | string): Random {
    return new Random(threefry(this.key, [typeof label === 'number' ? label : hash(label), 0x5eed]));
  }

  /** 32 random bits as an unsigned integer. */
  bits(): number {
    if (this.#spare !== undefined) {
      const value = this.#spare;
      this.#spare = undefined;
      return value;
    }
    const first = block(this.key[0], this.key[1], this.#counter++, 0, rounds);
    this.#spare = secondWord;
    return first;
  }

  /** Uniform in [0, 1) with 24 bits, as many as a float32 holds. */
  uniform(): number {
    return (this.bits() >>> 8) * 2 ** -24;
  }

  /** Integer in [0, limit). */
  integer(limit: number): number {
    return Math.floor((this.bits() * 2 ** 21 + (this.bits() >>> 11)) * 2 ** -53 * limit);
  }

  /** Standard normal (Box-Muller). */
  normal(): number {
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()));
    return radius * Math.cos(2 * Math.PI * this.uniform());
  }

  /** Standard normal restricted to [-2, 2], by rejection. */
  truncatedNormal(): number {
    for (;;) {
      const value = this.normal();
      if (Math.abs(value) <= 2) return value;
    }
  }

  /** `0 .. length-1` in random order (Fisher-Yates). */
  permutation(length: number): Int32Array {
    return atOnce(this.permuting(length));
  }

  /** {@link permutation} in pieces. */
  *permuting(length: number): Pieces<Int32Array> {
    const order = new Int32Array(length);
    for (let i = 1; i < length; i++) order[i] = i;
    for (let i = length - 1; i > 0; i--) {
      if (i % permutedAtATime === 0) yield;
      const j = this.integer(i + 1);
      const swap = order[i] as number;
      order[i] = order[j] as number;
      order[j] = swap;
    }
    return order;
  }
}

/** Numbers that are put in their places within a millisecond. */
const permutedAtATime = 4096;

/** FNV-1a over the characters of a label. */
function hash(label: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < label.length; i++) h = Math.imul(h ^ label.charCodeAt(i), 0x01000193);
  return h >>> 0;
}
