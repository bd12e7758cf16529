import { type Key, parity, rotations, rounds, threefry } from '../../core/random.ts';
import { compileModule, WasmFunction } from './assembler.ts';
import type { WasmMemory } from './host.ts';
import { vectorBytes } from './kernel.ts';
import { type SharedLoop, sharedLoop } from './second-thread.ts';

/**
 * Fills of float32 memory with the numbers of {@link threefry}, exactly, on any machine. The stream of words is that of
 * the blocks `threefry(key, [counter, stream])`, `threefry(key, [counter + 1, stream])`, ...: two words each.
 * The memory behind the last element, up to the next multiple of 16 bytes, is written too.
 */
export interface RandomFills {
  /** Uniform in [0, 1): the upper 24 bits of one word an element. */
  uniform(pointer: number, length: number, key: Key, counter: Key): void;
  /**
   * `scale` with probability `keep`, else 0. An element takes half a word, lower half first, so `keep` is
   * rounded to a multiple of 2^-16.
   */
  bernoulli(pointer: number, length: number, key: Key, counter: Key, keep: number, scale: number): void;
}

const two24 = 2 ** -24;
const halfWords = 2 ** 16;

/** Elements below this many 65536ths are kept. */
const thresholdOf = (keep: number): number => Math.round(keep * halfWords);

/** SIMD fills of a memory: four blocks at a time, by two threads where the memory is shared and the fill long. */
export class SimdFills implements RandomFills {
  readonly #uniform: SharedLoop;
  readonly #bernoulli: SharedLoop;

  constructor(memory: WasmMemory) {
    const loop = (code: WasmFunction) => sharedLoop(compileModule([code], memory), memory, this);
    this.#uniform = loop(uniformFunction());
    this.#bernoulli = loop(bernoulliFunction());
  }

  uniform(pointer: number, length: number, key: Key, counter: Key): void {
    this.#uniform(streamArguments(pointer, length, key, counter), 2);
  }

  bernoulli(pointer: number, length: number, key: Key, counter: Key, keep: number, scale: number): void {
    const args = streamArguments(pointer, length, key, counter);
    this.#bernoulli([...args, thresholdOf(keep), scale], 2);
  }
}

/** Where to write, and how far into the stream that is: both move along with the pieces of a loop. */
const streamArguments = (
  pointer: number,
  length: number,
  [k0, k1]: Key,
  [counter, stream]: Key,
): number[] => [pointer, 0, vectorBytes(length), k0, k1, k0 ^ k1 ^ parity, counter, stream];

/** {@link RandomFills.uniform} in plain JavaScript. */
export function uniformNumbers(length: number, key: Key, counter: Key): Float32Array {
  const result = new Float32Array(length);
  forEachWord(length, key, counter, (word, i) => {
    result[i] = (word >>> 8) * two24;
  });
  return result;
}

/** {@link RandomFills.bernoulli} in plain JavaScript. */
export function bernoulliNumbers(
  length: number,
  key: Key,
  counter: Key,
  keep: number,
  scale: number,
): Float32Array {
  const result = new Float32Array(length);
  const threshold = thresholdOf(keep);
  forEachWord(Math.ceil(length / 2), key, counter, (word, i) => {
    result[2 * i] = word % halfWords < threshold ? scale : 0;
    if (2 * i + 1 < length) result[2 * i + 1] = word >>> 16 < threshold ? scale : 0;
  });
  return result;
}

function forEachWord(
  count: number,
  key: Key,
  [counter, stream]: Key,
  f: (word: number, i: number) => void,
): void {
  for (let i = 0; i < count; i += 2) {
    const [x, y] = threefry(key, [counter + i / 2, stream]);
    f(x, i);
    if (i + 1 < count) f(y, i + 1);
  }
}

const [pointer, position, bytes, firstKey, counter, stream] = [0, 1, 2, 3, 6, 7];
const streamParameters = ['i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'i32'] as const;

function uniformFunction(): WasmFunction {
  const code = new WasmFunction('loop', streamParameters);
  const word = code.local('v128');
  fill(code, 8, (x, y, store) => {
    for (const lanes of [lowPairs, highPairs]) {
      code.get(x, y).shuffle(lanes).set(word);
      store(() => {
        code.get(word).i32(8).op('i32x4.shr_u').op('f32x4.convert_i32x4_s').f32x4(two24).op('f32x4.mul');
      });
    }
  });
  return code;
}

function bernoulliFunction(): WasmFunction {
  const code = new WasmFunction('loop', [...streamParameters, 'i32', 'f32']);
  const [threshold, scale] = [8, 9];
  const word = code.local('v128');
  fill(code, 16, (x, y, store) => {
    for (const lanes of [lowPairs, highPairs]) {
      code.get(x, y).shuffle(lanes).set(word);
      for (const half of ['i32x4.extend_low_i16x8_u', 'i32x4.extend_high_i16x8_u'] as const) {
        store(() => {
          code.get(word).op(half).get(threshold).op('i32x4.splat').op('i32x4.lt_s');
          code.get(scale).op('f32x4.splat').op('v128.and');
        });
      }
    }
  });
  return code;
}

/** Words of the first two of four blocks, in stream order, from their first words and their second words. */
const lowPairs = [0, 4, 1, 5] as const;
const highPairs = [2, 6, 3, 7] as const;

/**
 * The loop over groups of four blocks, of which each makes `blockBytes` (a power of 2). `body` gets the locals with the
 * first and the second words of the four blocks, and stores vectors in order; the loop ends with the vector that reaches
 * the end.
 */
function fill(
  code: WasmFunction,
  blockBytes: number,
  body: (x: number, y: number, store: (vector: () => void) => void) => void,
): void {
  const [x, y, rotated, counters] = [
    code.local('v128'),
    code.local('v128'),
    code.local('v128'),
    code.local('v128'),
  ];
  const offset = code.local('i32');
  code.get(counter, position).i32(Math.log2(blockBytes)).op('i32.shr_u').op('i32.add');
  code.op('i32x4.splat').i32x4([0, 1, 2, 3]).op('i32x4.add').set(counters);
  const store = (vector: () => void): void => {
    code.get(pointer, offset).op('i32.add');
    vector();
    code.store();
    code.get(offset).i32(16).op('i32.add').tee(offset).get(bytes).op('i32.ge_u').branchIf(1);
  };
  code.block(() => {
    code.get(offset, bytes).op('i32.ge_u').branchIf(0);
    code.loop(() => {
      code.get(counters).set(x).get(stream).op('i32x4.splat').set(y);
      blocks(code, x, y, rotated);
      body(x, y, store);
      code.get(counters).i32x4([4, 4, 4, 4]).op('i32x4.add').set(counters);
      code.i32(1).branchIf(0);
    });
  });
}

/** Threefry of four counters, in place. */
function blocks(code: WasmFunction, x: number, y: number, rotated: number): void {
  const addKey = (word: number, index: number, extra: number): void => {
    code
      .get(word, firstKey + (index % 3))
      .op('i32x4.splat')
      .op('i32x4.add');
    if (extra > 0) code.i32x4([extra, extra, extra, extra]).op('i32x4.add');
    code.set(word);
  };
  addKey(x, 0, 0);
  addKey(y, 1, 0);
  for (let round = 0; round < rounds; round++) {
    const by = rotations[round % 8] as number;
    code.get(x, y).op('i32x4.add').set(x);
    code.get(y).i32(by).op('i32x4.shl').set(rotated);
    code
      .get(y)
      .i32(32 - by)
      .op('i32x4.shr_u')
      .get(rotated)
      .op('v128.or')
      .get(x)
      .op('v128.xor')
      .set(y);
    if (round % 4 === 3) {
      const inject = (round + 1) / 4;
      addKey(x, inject, 0);
      addKey(y, inject + 1, inject);
    }
  }
}
