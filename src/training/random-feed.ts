import { Arena } from '../backend/wasm/arena.ts';
import { type RandomFills, randomFills } from '../backend/wasm/random.ts';
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

  constructor(inputs: readonly RandomInput[]) {
    this.#inputs = inputs;
    const sizes = inputs.map(({ request }) => sizeOf(request.shape));
    const arena = inputs.length > 0 ? new Arena({ random: sizes }) : undefined;
    this.arrays = sizes.map((_, i) => (arena as Arena).view('random', i));
    this.#pointers = sizes.map((_, i) => (arena as Arena).pointer('random', i));
    this.#fills = arena && randomFills(arena.memory);
  }

  /**
   * Numbers that depend on nothing but the run's key (or the layer's own seed), the place of the layer and the
   * number of steps before: the same again after a restart.
   */
  fill(key: Key, iteration: number): void {
    for (let i = 0; i < this.#inputs.length; i++) {
      const { request, seed } = this.#inputs[i] as RandomInput;
      const own = threefry(seed === undefined ? key : new Random(seed).key, [i, iteration]);
      const [pointer, length] = [this.#pointers[i] as number, (this.arrays[i] as Float32Array).length];
      if (request.kind === 'uniform') this.#fills?.uniform(pointer, length, own, [0, 0]);
      else this.#fills?.bernoulli(pointer, length, own, [0, 0], request.keep, request.scale);
    }
  }
}
