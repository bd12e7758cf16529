import { describe, expect, test } from '@jest/globals';
import { Arena } from '../../../src/backend/wasm/arena.ts';
import { bernoulliNumbers, SimdFills, uniformNumbers } from '../../../src/backend/wasm/random.ts';
import { worthwhileBytes } from '../../../src/backend/wasm/second-thread.ts';
import { type Key, Random, threefry } from '../../../src/core/random.ts';

/** Counter, key and result. @source Random123, tests/kat_vectors */
const knownAnswers: readonly (readonly [number, Key, Key, Key])[] = [
  [13, [0, 0], [0, 0], [0x9d1c5ec6, 0x8bd50731]],
  [13, [0xffffffff, 0xffffffff], [0xffffffff, 0xffffffff], [0xfd36d048, 0x2d17272c]],
  [13, [0x243f6a88, 0x85a308d3], [0x13198a2e, 0x03707344], [0xba3e4725, 0xf27d669e]],
  [20, [0, 0], [0, 0], [0x6b200159, 0x99ba4efe]],
  [20, [0xffffffff, 0xffffffff], [0xffffffff, 0xffffffff], [0x1cb996fc, 0xbb002be7]],
  [20, [0x243f6a88, 0x85a308d3], [0x13198a2e, 0x03707344], [0xc4923a9c, 0x483df7a0]],
];

test.each(knownAnswers)('threefry2x32, %i rounds', (rounds, counter, key, result) => {
  expect(threefry(key, counter, rounds)).toEqual(result);
});

describe('SIMD fills equal plain JavaScript, bit for bit', () => {
  const lengths = [1, 2, 3, 4, 5, 8, 9, 16, 17, 31, 100];
  const arena = new Arena({ numbers: [128] });
  const fills = new SimdFills(arena.memory);
  const pointer = arena.pointer('numbers', 0);
  const numbers = arena.view('numbers', 0);
  const key: Key = [0xdeadbeef, 0x80000001];
  /** The first word of the counter wraps around within the longer fills. */
  const counter: Key = [0xfffffffe, 77];

  test.each(lengths)('uniform, %i numbers', (length) => {
    numbers.fill(-1);
    fills.uniform(pointer, length, key, counter);
    expect(numbers.slice(0, length)).toEqual(uniformNumbers(length, key, counter));
    // whole vectors are written, nothing behind them
    expect(numbers.slice(Math.ceil(length / 4) * 4).every((x) => x === -1)).toBe(true);
  });

  test.each(lengths)('bernoulli, %i numbers', (length) => {
    numbers.fill(-1);
    fills.bernoulli(pointer, length, key, counter, 0.7, 1 / 0.7);
    expect(numbers.slice(0, length)).toEqual(bernoulliNumbers(length, key, counter, 0.7, 1 / 0.7));
    expect(numbers.slice(Math.ceil(length / 4) * 4).every((x) => x === -1)).toBe(true);
  });

  test.each(['uniform', 'bernoulli'] as const)('%s, by two threads', (kind) => {
    const length = worthwhileBytes / 4 + 70_001;
    const [alone, together] = [
      new Arena({ numbers: [length + 4] }),
      new Arena({ numbers: [length + 4] }, true),
    ];
    const numbers = [alone, together].map((arena) => {
      const fills = new SimdFills(arena.memory);
      const at = arena.pointer('numbers', 0);
      for (let step = 0; step < 20; step++) {
        if (kind === 'uniform') fills.uniform(at, length, key, [step, 3]);
        else fills.bernoulli(at, length, key, [step, 3], 0.7, 2);
      }
      return Buffer.from(arena.view('numbers', 0).slice().buffer);
    }) as [Buffer, Buffer];
    expect(numbers[1].equals(numbers[0])).toBe(true);
  });

  test('nothing is written for no numbers', () => {
    numbers.fill(-1);
    fills.uniform(pointer, 0, key, counter);
    expect(numbers.every((x) => x === -1)).toBe(true);
  });

  test('the stream is that of Random', () => {
    const random = new Random(5);
    const expected = Float32Array.from({ length: 20 }, () => random.uniform());
    expect(uniformNumbers(20, random.key, [0, 0])).toEqual(expected);
  });

  test.each([0, 0.25, 0.9, 1])('a fraction %f is kept', (keep) => {
    const kept = bernoulliNumbers(40_000, key, [0, 0], keep, 1).reduce((a, b) => a + b, 0) / 40_000;
    expect(Math.abs(kept - keep)).toBeLessThan(0.01 * Math.ceil(keep * (1 - keep)) + 1e-12);
  });
});
