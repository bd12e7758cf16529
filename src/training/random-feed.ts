import { Arena } from '../backend/wasm/arena.ts';
import { type RandomFills, SimdFills } from '../backend/wasm/random.ts';
import { worthwhileBytes } from '../backend/wasm/second-thread.ts';
import { type Key, Random, threefry } from '../core/random.ts';
import { sizeOf } from '../core/shape.ts';
import type { RandomInput } from '../layers/trace.ts';

/** The random inputs of a step: memory that is filled with new numbers before each run. */
export class RandomFeed {
  /** One array per random input. */
  readonly arrays: readonly Float32Array[];
  readonly #inputs: readonly RandomInput[];
  readonly #pointers: readonly number[];
  readonly #fills: RandomFills | undefined;
  readonly #repeats: number;

  /**
   * @param repeats - steps whose numbers lie in a row
   * @param shared - whether a second thread may help
   */
  constructor(inputs: readonly RandomInput[], repeats: number, shared = false) {
    this.#inputs = inputs;
    this.#repeats = repeats;
    const sizes = inputs.map(({ request }) => repeats * sizeOf(request.shape));
    // fills write whole vectors: the last one may reach past the numbers
    const layout = { random: sizes.map((n) => n + vector) };
    const long = shared && sizes.some((n) => 4 * n >= repeats * worthwhileBytes);
    const arena = inputs.length > 0 ? new Arena(layout, long) : undefined;
    this.arrays = sizes.map((n, i) => (arena as Arena).view('random', i).subarray(0, n));
    this.#pointers = sizes.map((_, i) => (arena as Arena).pointer('random', i));
    this.#fills = arena && new SimdFills(arena.memory);
  }

  /**
   * Numbers that depend on nothing but the run's key (or the layer's own seed), the place of the layer and the
   * number of steps before: the same again after a restart.
   */
  fill(key: Key, iteration: number): void {
    for (let i = 0; i < this.#inputs.length; i++) {
      for (let k = 0; k < this.#repeats; k++) this.#fillOne(i, k, key, iteration + k);
    }
  }

  #fillOne(i: number, k: number, key: Key, iteration: number): void {
    const { request, seed } = this.#inputs[i] as RandomInput;
    const own = threefry(seed === undefined ? key : new Random(seed).key, [i, iteration]);
    const length = (this.arrays[i] as Float32Array).length / this.#repeats;
    const pointer = (this.#pointers[i] as number) + 4 * k * length;
    if (request.kind === 'uniform') this.#fills?.uniform(pointer, length, own, [0, 0]);
    else this.#fills?.bernoulli(pointer, length, own, [0, 0], request.keep, request.scale);
  }
}

/** Numbers in a SIMD vector. */
const vector = 4;
