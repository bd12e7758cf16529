import { createHash } from 'node:crypto';
import { Random } from '../../src/core/random.ts';
import { sizeOf } from '../../src/core/shape.ts';
import {
  type CompileOptions,
  type FitOptions,
  input,
  layers,
  type Model,
  type Sequential,
  sequential,
  Tensor,
  tensor,
} from '../../src/index.ts';

/** Nothing is printed, and the samples stay in order. */
export const quiet = { verbose: 0, shuffle: false } as const satisfies FitOptions;

/** Standard normal data that depends on nothing but the seed. */
export function normalData(shape: readonly number[], seed = 1): Tensor {
  const random = new Random(seed);
  return new Tensor(
    'float32',
    shape,
    Float32Array.from({ length: sizeOf(shape) }, () => random.normal()),
  );
}

/** Class numbers `[count]` below `classes`. */
export function labels(count: number, classes: number, seed = 2): Tensor {
  const random = new Random(seed);
  return new Tensor(
    'int32',
    [count],
    Int32Array.from({ length: count }, () => random.integer(classes)),
  );
}

/** `y = w x`: one weight, so that training can be followed by hand. */
export function oneWeight(w: number, compile: CompileOptions = {}): Sequential {
  const model = sequential([input({ shape: [1] }), layers.dense({ units: 1, useBias: false, name: 'line' })]);
  model.setWeights([tensor([[w]])]);
  model.compile({ optimizer: { type: 'sgd', learningRate: 0.1 }, loss: 'mse', threads: 1, ...compile });
  return model;
}

/** The weight of {@link oneWeight}. */
export const weightOf = (model: Model): number => model.getWeights()[0]?.item() as number;

/** What gradient descent makes of `w` on batches of `[x, y, sampleWeight]`; also the loss before each step. */
export function descend(
  w: number,
  batches: readonly (readonly (readonly [number, number, number?])[])[],
  rate = 0.1,
): { readonly w: number; readonly losses: readonly number[] } {
  const losses: number[] = [];
  let now = w;
  for (const batch of batches) {
    const mean = (f: (x: number, y: number) => number): number =>
      batch.reduce((sum, [x, y, weight = 1]) => sum + weight * f(x, y), 0) / batch.length;
    losses.push(mean((x, y) => (now * x - y) ** 2));
    now -= rate * mean((x, y) => 2 * (now * x - y) * x);
  }
  return { w: now, losses };
}

/** A column of numbers: `[n, 1]`. */
export const column = (...values: number[]): Tensor => tensor(values, [values.length, 1]);

/** Fingerprint of all weights, bit by bit. */
export function hashWeights(model: Model): string {
  const hash = createHash('sha256');
  for (const { data } of model.getWeights())
    hash.update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  return hash.digest('hex');
}
