import { describe, expect, test } from '@jest/globals';
import * as tfk from '../../src/index.ts';
import { expectClose } from '../helpers/close.ts';

const { ops } = tfk;
type Value = tfk.Value;
const column = (points: Value, axis: number): Value => ops.slice(points, [axis], [axis + 1], [1]);

describe('derivative', () => {
  const points = tfk.tensor([
    [0.2, 0.5],
    [1.1, -0.3],
    [-0.7, 0.9],
  ]);
  // u = exp(-t) sin(x)
  const u = (p: Value) => ops.mul(ops.exp(ops.neg(column(p, 1))), ops.sin(column(p, 0)));
  const exact = (f: (x: number, t: number) => number): number[] =>
    (points.array() as number[][]).map(([x, t]) => f(x as number, t as number));

  test.each([
    ['u_x', tfk.derivative(u), exact((x, t) => Math.exp(-t) * Math.cos(x))],
    ['u_t', tfk.derivative(u, 1), exact((x, t) => -Math.exp(-t) * Math.sin(x))],
    ['u_xx', tfk.derivative(tfk.derivative(u)), exact((x, t) => -Math.exp(-t) * Math.sin(x))],
    [
      'u_xxt',
      tfk.derivative(tfk.derivative(tfk.derivative(u)), 1),
      exact((x, t) => Math.exp(-t) * Math.sin(x)),
    ],
  ] as const)('%s', (name, f, expected) => {
    expect(f(points).shape).toEqual([3, 1]);
    expectClose(f(points).data, expected, { rtol: 1e-4, atol: 1e-6 }, name);
  });

  test('refuses fields with more than one number for each point', () => {
    expect(() => tfk.derivative((p: Value) => p)(points)).toThrow(tfk.ShapeError);
  });
});

describe('collocationPoints', () => {
  const box = { lower: [-1, 10], upper: [1, 20] };

  test('lie on a grid inside', () => {
    expect(tfk.collocationPoints({ lower: [0], upper: [1] }, 3, 'grid').array()).toEqual([
      [0.25],
      [0.5],
      [0.75],
    ]);
    const points = tfk.collocationPoints(box, 4, 'grid').array() as number[][];
    expect(points.map((p) => p.map((v) => Math.round(v * 3)))).toEqual([
      [-1, 40],
      [1, 40],
      [-1, 50],
      [1, 50],
    ]);
  });

  test('are random, or random with one in each slice', () => {
    tfk.setRandomSeed(4);
    const latin = tfk.collocationPoints(box, 8).array() as number[][];
    expect(latin.map(([x]) => Math.floor(((x as number) + 1) * 4)).sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(latin.map(([, t]) => Math.floor(((t as number) - 10) * 0.8)).sort()).toEqual([
      0, 1, 2, 3, 4, 5, 6, 7,
    ]);
    const uniform = tfk.collocationPoints(box, 50, 'uniform').array() as number[][];
    expect(
      uniform.every(([x, t]) => Math.abs(x as number) <= 1 && (t as number) >= 10 && (t as number) <= 20),
    ).toBe(true);
  });

  test("are Hammersley's: slices of the first dimension, mirrored digits in bases 2 and 3", () => {
    const cube = tfk.collocationPoints({ lower: [0, 0, 0], upper: [1, 1, 2] }, 4, 'hammersley');
    const [x, y, z] = [0, 1, 2].map((d) => cube.slice(null, d).array() as number[]);
    expect(x).toEqual([0.125, 0.375, 0.625, 0.875]);
    expect(y).toEqual([0.5, 0.25, 0.75, 0.125]);
    expectClose(z as number[], [2 / 3, 4 / 3, 2 / 9, 8 / 9], { rtol: 1e-6, atol: 0 }, 'base 3');
  });

  test('refuse boxes that are none', () => {
    expect(() => tfk.collocationPoints({ lower: [1], upper: [1] }, 3)).toThrow(tfk.ConfigError);
    expect(() => tfk.collocationPoints({ lower: [], upper: [] }, 3)).toThrow(tfk.ConfigError);
  });
});
