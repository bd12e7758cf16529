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
  const schedule = [key[0] | 0, key[1] | 0, key[0] ^ key[1] ^ parity];
  let x = (counter[0] + (schedule[0] as number)) | 0;
  let y = (counter[1] + (schedule[1] as number)) | 0;
  for (let round = 0; round < count; round++) {
    const by = rotations[round % 8] as number;
    x = (x + y) | 0;
    y = ((y << by) | (y >>> (32 - by))) ^ x;
    if (round % 4 === 3) {
      const inject = (round + 1) / 4;
      x = (x + (schedule[inject % 3] as number)) | 0;
      y = (y + (schedule[(inject + 1) % 3] as number) + inject) | 0;
    }
  }
  return [x >>> 0, y >>> 0];
}

/** A seeded stream of random numbers; streams split from it by number or name are independent. */
export class Random {
  readonly key: Key;
  #counter = 0;
  #spare: number | undefined;

  constructor(key: Key | number) {
    this.key = typeof key === 'number' ? [key >>> 0, Math.floor(key / 2 ** 32) >>> 0] : key;
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
    const [a, b] = threefry(this.key, [this.#counter++, 0]);
    this.#spare = b;
    return a;
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
    const order = Int32Array.from({ length }, (_, i) => i);
    for (let i = length - 1; i > 0; i--) {
      const j = this.integer(i + 1);
      const swap = order[i] as number;
      order[i] = order[j] as number;
      order[j] = swap;
    }
    return order;
  }
}

/** FNV-1a over the characters of a label. */
function hash(label: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < label.length; i++) h = Math.imul(h ^ label.charCodeAt(i), 0x01000193);
  return h >>> 0;
}
