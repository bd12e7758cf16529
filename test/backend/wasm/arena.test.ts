import { describe, expect, test } from '@jest/globals';
import { Arena } from '../../../src/backend/wasm/arena.ts';
import { BackendError, InternalError } from '../../../src/errors.ts';

describe('Arena', () => {
  const arena = new Arena({ weights: [5, 1, 0, 8], gradients: [5, 1, 0, 8], empty: [] });

  test('lays tensors side by side on SIMD boundaries, regions on cache lines', () => {
    const pointers = [0, 1, 2, 3].map((i) => arena.pointer('weights', i));
    expect(pointers).toEqual([0, 32, 48, 48]);
    expect([0, 1, 2, 3].map((i) => arena.pointer('gradients', i))).toEqual([128, 160, 176, 176]);
  });

  test('gives views of exact length on one buffer', () => {
    expect(arena.view('weights', 0).length).toBe(5);
    expect(arena.view('weights', 1)).toBe(arena.view('weights', 1));
    arena.view('weights', 1)[0] = 7;
    expect(arena.region('weights')[8]).toBe(7);
    expect(arena.region('weights').length).toBe(20);
    expect(arena.region('empty').length).toBe(0);
  });

  test('is of exact size', () => {
    expect(arena.memory.buffer.byteLength).toBe(65536);
    expect(new Arena({ x: [16385] }).memory.buffer.byteLength).toBe(2 * 65536);
  });

  test('refuses more than one memory holds', () => {
    const tooLarge = () => new Arena({ weights: [2 ** 29], gradients: [2 ** 29, 1] });
    expect(tooLarge).toThrow(BackendError);
    expect(tooLarge).toThrow(/4\.0 GiB.*at most 4 GiB.*Use fewer parameters/);
  });

  test('names what is missing', () => {
    expect(() => arena.view('slots', 0)).toThrow(InternalError);
    expect(() => arena.view('weights', 9)).toThrow(/no tensor 9/);
  });
});
