import { Tensor } from '../src/index.ts';

// The same numbers each time; what they are does not matter.
const noise = (i: number): number => ((i * 7919 + 104729) % 1009) / 1009;

/** Numbers in [0, 1) of a shape. */
export function pixels(...shape: number[]): Tensor {
  const size = shape.reduce((a, b) => a * b, 1);
  return new Tensor(
    'float32',
    shape,
    Float32Array.from({ length: size }, (_, i) => noise(i)),
  );
}

/** Whole numbers below `limit` of a shape: words, or class numbers. */
export function integers(limit: number, ...shape: number[]): Tensor {
  const size = shape.reduce((a, b) => a * b, 1);
  return new Tensor(
    'int32',
    shape,
    Int32Array.from({ length: size }, (_, i) => Math.floor(noise(i) * limit)),
  );
}

/** One-hot rows: sample `i` is of class `i % classes`. */
export const oneHot = (size: number, classes: number): Tensor =>
  new Tensor(
    'float32',
    [size, classes],
    Float32Array.from({ length: size * classes }, (_, i) =>
      i % classes === Math.floor(i / classes) % classes ? 1 : 0,
    ),
  );
