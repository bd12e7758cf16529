import { inspect } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import { Tensor, tensor } from '../../src/core/tensor.ts';
import { ShapeError } from '../../src/errors.ts';

const x = tensor([
  [1, 2, 3],
  [4, 5, 6],
]);

describe('a tensor is sliced', () => {
  test.each([
    ['an index drops its axis', [1], [4, 5, 6]],
    ['negative indices count from the end', [-1, -1], 6],
    [
      'ranges',
      [null, [1, 3]],
      [
        [2, 3],
        [5, 6],
      ],
    ],
    ['open and negative ranges', [[0], [-2, -1]], [[2], [5]]],
    [
      'ranges end at the size',
      [[0, 9]],
      [
        [1, 2, 3],
        [4, 5, 6],
      ],
    ],
    ['ranges may be empty', [[1, 1]], []],
  ] as const)('%s', (_name, ranges, expected) => {
    expect(x.slice(...ranges).array()).toEqual(expected);
  });

  test('copies', () => {
    const part = x.slice(0);
    part.data[0] = 9;
    expect(x.data[0]).toBe(1);
  });

  test('refuses indices outside and too many ranges', () => {
    expect(() => x.slice(2)).toThrow(ShapeError);
    expect(() => x.slice(0.5)).toThrow(ShapeError);
    expect(() => x.slice(0, 0, 0)).toThrow(/at most 2 ranges/);
  });
});

describe('a tensor is reshaped', () => {
  test('without a copy, one size left to what remains', () => {
    expect(x.reshape([3, 2]).array()).toEqual([
      [1, 2],
      [3, 4],
      [5, 6],
    ]);
    expect(x.reshape([-1]).shape).toEqual([6]);
    expect(x.reshape([3, -1, 1]).shape).toEqual([3, 2, 1]);
    expect(tensor(1).reshape([-1]).shape).toEqual([1]);
    expect(tensor([]).reshape([-1, 2]).shape).toEqual([0, 2]);
    expect(x.reshape([-1]).data).toBe(x.data);
  });

  test.each([[[4, -1]], [[-1, -1]], [[0, -1]], [[-2, -3]], [[5]]])('not into %j', (shape) => {
    expect(() => x.reshape(shape)).toThrow(ShapeError);
  });
});

describe('tensors are compared', () => {
  test('exactly', () => {
    expect(x.equals(tensor(x))).toBe(true);
    expect(x.equals(x.cast('float64'))).toBe(false);
    expect(x.equals(x.reshape([6]))).toBe(false);
    expect(tensor([Number.NaN]).equals(tensor([Number.NaN]))).toBe(true);
    expect(tensor([1]).equals(tensor([2]))).toBe(false);
  });

  test('within a tolerance', () => {
    expect(tensor([1]).allClose(tensor([1 + 5e-6]))).toBe(true);
    expect(tensor([1]).allClose(tensor([1.1]))).toBe(false);
    expect(tensor([1]).allClose(tensor([1.1]), { rtol: 0.2 })).toBe(true);
    expect(tensor([Number.POSITIVE_INFINITY]).allClose(tensor([Number.POSITIVE_INFINITY]))).toBe(true);
    expect(tensor([Number.NaN]).allClose(tensor([Number.NaN]))).toBe(false);
    expect(x.allClose(x.reshape([6]))).toBe(false);
  });
});

describe('a tensor prints', () => {
  test.each([
    [tensor(1.5), 'Tensor float32[] 1.5'],
    [tensor([0.1, 2]), 'Tensor float32[2] [0.1, 2]'],
    [tensor([true, false]), 'Tensor bool[2] [true, false]'],
    [tensor([12n]), 'Tensor int64[1] [12]'],
    [new Tensor('float32', [0, 2], new Float32Array(0)), 'Tensor float32[0,2] []'],
    [
      tensor([
        [1, 10],
        [100, 2],
      ]),
      'Tensor float32[2,2]\n[[  1,  10],\n [100,   2]]',
    ],
  ])('%#', (t, expected) => {
    expect(inspect(t)).toBe(expected);
  });

  test('shortened where it is large', () => {
    const large = new Tensor(
      'int32',
      [1001],
      Int32Array.from({ length: 1001 }, (_, i) => i),
    );
    expect(inspect(large)).toBe('Tensor int32[1001] [0, 1, 2, ..., 998, 999, 1000]');
  });
});
