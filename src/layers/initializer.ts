import * as z from 'zod';
import { Configured, ConfiguredRegistry, type Spec } from '../core/configured.ts';
import { allocate } from '../core/dtype.ts';
import type { Random } from '../core/random.ts';
import { nextRandom } from '../core/seed.ts';
import { type Shape, sizeOf } from '../core/shape.ts';
import { Tensor } from '../core/tensor.ts';

/** Fills a new weight. Subclasses say what one tensor of a shape holds. */
export abstract class Initializer<S extends z.ZodType = z.ZodType> extends Configured<S> {
  /** Row-major values of a tensor of `shape`. */
  abstract generate(shape: Shape, random: Random): Float32Array;

  /** A new tensor; the `seed` option, where there is one, makes it the same each time. */
  create(shape: Shape): Tensor {
    const { seed } = (this.options ?? {}) as { seed?: number | null };
    return new Tensor('float32', shape, this.generate(shape, nextRandom(seed ?? undefined)));
  }
}
export type InitializerSpec = Spec<Initializer>;
export const initializers = new ConfiguredRegistry<Initializer>('initializer');

/** Option of a random initializer; `null` draws from the global seed. */
export const seedOption = z.int().nullable().default(null);

/** Values drawn one by one. */
export function drawn(shape: Shape, draw: () => number): Float32Array {
  const values = allocate('float32', sizeOf(shape)) as Float32Array;
  for (let i = 0; i < values.length; i++) values[i] = draw(); // much quicker than Float32Array.from
  return values;
}
