import { describe, expect, test } from '@jest/globals';
import { getBackend } from '../../src/backend/registry.ts';
import type { DType } from '../../src/core/dtype.ts';
import { type Shape, sizeOf } from '../../src/core/shape.ts';
import { Tensor, tensor } from '../../src/core/tensor.ts';
import { DataError } from '../../src/errors.ts';
import { constant, type Graph, input, type Value } from '../../src/ir/graph.ts';
import { interpret } from '../../src/ir/interpret.ts';
import type { NDArray } from '../../src/ir/ndarray.ts';
import { optimize } from '../../src/ir/passes.ts';
import {
  concat,
  flip,
  gather,
  pad,
  roll,
  scatterND,
  slice,
  split,
  stack,
  unstack,
} from '../../src/ops/index.ts';
import { exact, expectClose } from '../helpers/close.ts';

/** 0, 1, 2, ... */
const count = (shape: Shape): Value =>
  constant(
    tensor(
      Float32Array.from({ length: sizeOf(shape) }, (_, i) => i),
      shape,
    ),
  );
const ints = (values: readonly number[], shape: Shape = [values.length]): Value =>
  constant(tensor([...values], shape, 'int64'));
const valuesOf = (x: Value): number[] => [...(interpret([x], new Map())[0] as NDArray).data];
const fed = (name: string, shape: Shape, dtype: DType = 'float32'): Value => input(name, { dtype, shape });

describe('slice', () => {
  /** Python's `range(n)[start:end:step]`. */
  function python(n: number, start: number, end: number, step: number): number[] {
    const [low, high] = step > 0 ? [0, n] : [-1, n - 1];
    const clamp = (v: number): number => Math.min(Math.max(v < 0 ? v + n : v, low), high);
    const result: number[] = [];
    for (let i = clamp(start); step > 0 ? i < clamp(end) : i > clamp(end); i += step) result.push(i);
    return result;
  }

  test.each([1, 2, 3, -1, -2, -5])('follows Python with steps of %i', (step) => {
    for (const start of [-20, -7, -3, 0, 2, 6, 9]) {
      for (const end of [-20, -8, -4, 0, 3, 7, 30]) {
        expect(valuesOf(slice(count([7]), [start], [end], [0], [step]))).toEqual(python(7, start, end, step));
      }
    }
  });

  test('rolls in both directions', () => {
    expect(valuesOf(roll(count([5]), 2))).toEqual([3, 4, 0, 1, 2]);
    expect(valuesOf(roll(count([5]), -6))).toEqual([1, 2, 3, 4, 0]);
  });
});

describe('identities', () => {
  const x = fed('x', [2, 3, 4]);
  test.each([
    ['parts joined again', concat(split(x, [1, 2], 1), 1)],
    ['two flips', flip(flip(x))],
    [
      'no padding',
      pad(x, [
        [0, 0],
        [0, 0],
        [0, 0],
      ]),
    ],
  ])('%s are the value itself', (_label, value) => {
    const graph: Graph = { name: 'g', inputs: [x], outputs: [{ name: 'y', value }] };
    expect(optimize(graph).outputs[0]?.value).toBe(x);
  });

  test('unstack undoes stack', () => {
    const parts = [count([2, 2]), slice(count([4, 2]), [2], [4])];
    for (const axis of [0, 1, -1]) {
      expect(unstack(stack(parts, axis), axis).map(valuesOf)).toEqual([
        [0, 1, 2, 3],
        [4, 5, 6, 7],
      ]);
    }
  });
});

describe('indices', () => {
  test('out of range are refused by the builder, the reference and the kernels', async () => {
    const x = fed('x', [3, 2]);
    expect(() => gather(x, ints([3]))).toThrow(DataError);
    expect(() => valuesOf(gather(count([3, 2]), ints([0, -4])))).toThrow(DataError);
    const places = fed('places', [1, 2], 'int64');
    const value = scatterND(x, places, count([1]), 'add');
    const graph: Graph = { name: 'g', inputs: [x, places], outputs: [{ name: 'y', value }] };
    const executable = await (await getBackend()).compile(graph, { threads: 1 });
    const zeros = tensor(new Float32Array(6), [3, 2]);
    await expect(executable.run([zeros, tensor([0, 2], [1, 2], 'int64')])).rejects.toThrow();
    executable.dispose();
  });

  test('named many times all count, with several threads too', async () => {
    const [rows, width] = [4096, 128];
    const places = new Tensor('int64', [rows, 1], new BigInt64Array(rows));
    const updates = tensor(new Float32Array(rows * width).fill(1), [rows, width]);
    const x = fed('x', [2, width]);
    const value = scatterND(x, constant(places), constant(updates), 'add');
    const graph: Graph = { name: 'g', inputs: [x], outputs: [{ name: 'y', value }] };
    const executable = await (await getBackend()).compile(graph, { threads: 2 });
    for (let run = 0; run < 5; run++) {
      const [y] = await executable.run([tensor(new Float32Array(2 * width), [2, width])]);
      const expected = Float64Array.from({ length: 2 * width }, (_, i) => (i < width ? rows : 0));
      expectClose((y as Tensor).data, expected, exact, `run ${run}`);
    }
    executable.dispose();
  });
});
