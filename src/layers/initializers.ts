import * as z from 'zod';
import { deferred } from '../core/deferred.ts';
import type { Random } from '../core/random.ts';
import { formatShape, type Shape, sameShape, sizeOf } from '../core/shape.ts';
import { type NestedArray, tensor } from '../core/tensor.ts';
import { ShapeError } from '../errors.ts';
import { drawn, Initializer, initializers, seedOption } from './initializer.ts';
import { orthonormal } from './orthonormal.ts';

export { Initializer, type InitializerSpec, initializers } from './initializer.ts';
export * from './stft-initializer.ts';
export * from './variance-scaling.ts';

const none = deferred(() => z.strictObject({}));

/** All 0. @source keras/src/initializers/constant_initializers.py */
export class Zeros extends Initializer<typeof none> {
  static override readonly className = 'Zeros';
  static override readonly schema = none;
  generate(shape: Shape): Float32Array {
    return new Float32Array(sizeOf(shape));
  }
}
/** All 0. */
export const zeros = (): Zeros => new Zeros({});
initializers.register(Zeros, 'zero');

/** All 1. @source keras/src/initializers/constant_initializers.py */
export class Ones extends Initializer<typeof none> {
  static override readonly className = 'Ones';
  static override readonly schema = none;
  generate(shape: Shape): Float32Array {
    return drawn(shape, () => 1);
  }
}
/** All 1. */
export const ones = (): Ones => new Ones({});
initializers.register(Ones, 'one');

const constantSchema = deferred(() =>
  z.strictObject({
    /** One number for all elements, or nested arrays of the weight's shape (e.g. pretrained embeddings). */
    value: z.union([z.number(), z.array(z.unknown())]).default(0),
  }),
);
/** Given numbers. @source keras/src/initializers/constant_initializers.py */
export class Constant extends Initializer<typeof constantSchema> {
  static override readonly className = 'Constant';
  static override readonly schema = constantSchema;
  generate(shape: Shape): Float32Array {
    const { value } = this.options;
    if (typeof value === 'number') return drawn(shape, () => value);
    const given = tensor(value as NestedArray, undefined, 'float32');
    if (sameShape(given.shape, shape)) return Float32Array.from(given.data as Float32Array);
    throw wrongShape('constant', `the shape of its value, ${formatShape(given.shape)}`, shape);
  }
}
/** Given numbers: one for all elements, or nested arrays of the weight's shape. */
export const constant = (options: z.input<typeof constantSchema> = {}): Constant => new Constant(options);
initializers.register(Constant);

const identitySchema = deferred(() => z.strictObject({ gain: z.number().default(1) }));
/** `gain` on the diagonal of a matrix, else 0. @source keras/src/initializers/constant_initializers.py */
export class Identity extends Initializer<typeof identitySchema> {
  static override readonly className = 'Identity';
  static override readonly schema = identitySchema;
  generate(shape: Shape): Float32Array {
    const [rows, columns] = shape;
    if (rows === undefined || columns === undefined || shape.length > 2) {
      throw wrongShape('identity', 'a matrix', shape);
    }
    const result = new Float32Array(rows * columns);
    for (let i = 0; i < Math.min(rows, columns); i++) result[i * columns + i] = this.options.gain;
    return result;
  }
}
/** `gain` on the diagonal of a matrix, else 0. */
export const identity = (options: z.input<typeof identitySchema> = {}): Identity => new Identity(options);
initializers.register(Identity, 'identityInitializer');

const normalSchema = deferred(() =>
  z.strictObject({
    mean: z.number().default(0),
    stddev: z.number().nonnegative().default(0.05),
    seed: seedOption,
  }),
);
/** Normal numbers. @source keras/src/initializers/random_initializers.py */
export class RandomNormal extends Initializer<typeof normalSchema> {
  static override readonly className = 'RandomNormal';
  static override readonly schema = normalSchema;
  generate(shape: Shape, random: Random): Float32Array {
    const { mean, stddev } = this.options;
    return drawn(shape, () => mean + stddev * random.normal());
  }
}
/** Normal numbers. */
export const randomNormal = (options: z.input<typeof normalSchema> = {}): RandomNormal =>
  new RandomNormal(options);
initializers.register(RandomNormal, 'normal');

/**
 * Normal numbers, those beyond two standard deviations drawn again.
 * @source keras/src/initializers/random_initializers.py
 */
export class TruncatedNormal extends Initializer<typeof normalSchema> {
  static override readonly className = 'TruncatedNormal';
  static override readonly schema = normalSchema;
  generate(shape: Shape, random: Random): Float32Array {
    const { mean, stddev } = this.options;
    return drawn(shape, () => mean + stddev * random.truncatedNormal());
  }
}
/** Normal numbers, those beyond two standard deviations drawn again. */
export const truncatedNormal = (options: z.input<typeof normalSchema> = {}): TruncatedNormal =>
  new TruncatedNormal(options);
initializers.register(TruncatedNormal);

const uniformSchema = deferred(() =>
  z.strictObject({
    minval: z.number().default(-0.05),
    maxval: z.number().default(0.05),
    seed: seedOption,
  }),
);
/** Uniform in `[minval, maxval)`. @source keras/src/initializers/random_initializers.py */
export class RandomUniform extends Initializer<typeof uniformSchema> {
  static override readonly className = 'RandomUniform';
  static override readonly schema = uniformSchema;
  generate(shape: Shape, random: Random): Float32Array {
    const { minval, maxval } = this.options;
    return drawn(shape, () => minval + (maxval - minval) * random.uniform());
  }
}
/** Uniform in `[minval, maxval)`. */
export const randomUniform = (options: z.input<typeof uniformSchema> = {}): RandomUniform =>
  new RandomUniform(options);
initializers.register(RandomUniform, 'uniform');

const orthogonalSchema = deferred(() => z.strictObject({ gain: z.number().default(1), seed: seedOption }));
/**
 * `gain` times a random orthogonal matrix; of a weight `[..., n]` all axes but the last count as rows. Rows
 * or columns, whichever are fewer, are orthonormal.
 * @source Saxe et al., ICLR 2014; keras/src/initializers/random_initializers.py
 */
export class Orthogonal extends Initializer<typeof orthogonalSchema> {
  static override readonly className = 'Orthogonal';
  static override readonly schema = orthogonalSchema;
  generate(shape: Shape, random: Random): Float32Array {
    if (shape.length < 2) throw wrongShape('orthogonal', 'at least two axes', shape);
    const columns = shape.at(-1) as number;
    const rows = sizeOf(shape) / columns;
    const tall = rows >= columns;
    const vectors = orthonormal(Math.min(rows, columns), Math.max(rows, columns), () => random.normal());
    return Float32Array.from({ length: rows * columns }, (_, at) => {
      const [i, j] = [Math.floor(at / columns), at % columns];
      return this.options.gain * ((tall ? vectors[j]?.[i] : vectors[i]?.[j]) as number);
    });
  }
}
/** `gain` times a random orthogonal matrix. @see {@link Orthogonal} */
export const orthogonal = (options: z.input<typeof orthogonalSchema> = {}): Orthogonal =>
  new Orthogonal(options);
initializers.register(Orthogonal, 'orthogonalInitializer');

const wrongShape = (name: string, expected: string, shape: Shape): ShapeError =>
  new ShapeError(`initializer "${name}": expected ${expected}. Received a weight ${formatShape(shape)}.`, {
    op: name,
    expected,
    received: formatShape(shape),
  });
