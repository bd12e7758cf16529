import { describe, expect, test } from '@jest/globals';
import { setRandomSeed } from '../../src/core/seed.ts';
import { sizeOf } from '../../src/core/shape.ts';
import type { Tensor } from '../../src/core/tensor.ts';
import { ConfigError, ShapeError } from '../../src/errors.ts';
import * as factories from '../../src/layers/initializers.ts';
import { expectClose } from '../helpers/close.ts';
import { type GoldenTensor, readGolden } from '../helpers/golden.ts';
import { ownSpelling } from '../helpers/layer-cases.ts';

interface InitializerCase {
  readonly name: string;
  readonly className: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly shape: readonly number[];
  readonly mean?: number;
  readonly std?: number;
  /** Largest distance from the mean. */
  readonly limit?: number;
  readonly values?: GoldenTensor;
  readonly gain?: number;
}

const { initializers } = factories;
const cases = readGolden<InitializerCase[]>('initializers.json');
const make = (c: InitializerCase, extra = {}) =>
  initializers.make({
    className: c.className,
    config: { ...(ownSpelling(c.options) as Record<string, unknown>), ...extra },
  });
const close = { rtol: 1e-6, atol: 1e-6 };

/** Mean, standard deviation and largest distance from a given mean. */
function statistics({ data, size }: Tensor, around: number): { mean: number; std: number; limit: number } {
  const numbers = Array.from(data, Number);
  const mean = numbers.reduce((a, b) => a + b, 0) / size;
  const std = Math.sqrt(numbers.reduce((sum, v) => sum + (v - mean) ** 2, 0) / size);
  return { mean, std, limit: Math.max(...numbers.map((v) => Math.abs(v - around))) };
}

const statistical = cases.filter((c) => c.std !== undefined);
test.each(statistical.map((c) => [c.name, c] as const))('%s is distributed as in Keras', (_name, c) => {
  const [mean, std] = [c.mean as number, c.std as number];
  const drawn = make(c, { seed: 11 }).create(c.shape);
  const found = statistics(drawn, mean);
  // five standard errors: of a mean std / sqrt(n), of a deviation at most std / sqrt(2 n)
  const allowed = (5 * std) / Math.sqrt(sizeOf(c.shape));
  expect(Math.abs(found.mean - mean)).toBeLessThan(allowed);
  expect(Math.abs(found.std - std)).toBeLessThan(allowed);
  if (c.limit === undefined) return;
  expect(found.limit).toBeLessThanOrEqual(c.limit * (1 + 1e-6));
  expect(found.limit).toBeGreaterThan(0.9 * c.limit);
});

const fixed = cases.filter((c) => c.values !== undefined);
test.each(fixed.map((c) => [c.name, c] as const))('%s is what Keras gives', (_name, c) => {
  expectClose(make(c).create(c.shape).data, c.values?.data ?? [], close, c.name);
});

const orthogonal = cases.filter((c) => c.className === 'Orthogonal');
test.each(orthogonal.map((c) => [c.name, c] as const))('%s has orthonormal rows or columns', (_name, c) => {
  const columns = c.shape.at(-1) as number;
  const rows = sizeOf(c.shape) / columns;
  const { data } = make(c, { seed: 3 }).create(c.shape);
  const at = (i: number, j: number): number => Number(data[i * columns + j]);
  const [count, length] = [Math.min(rows, columns), Math.max(rows, columns)];
  const products = Array.from({ length: count * count }, (_, k) => {
    const [a, b] = [Math.floor(k / count), k % count];
    const product = (i: number): number => (rows >= columns ? at(i, a) * at(i, b) : at(a, i) * at(b, i));
    return Array.from({ length }, (_, i) => product(i)).reduce((x, y) => x + y, 0);
  });
  const wanted = products.map((_, k) => (k % (count + 1) === 0 ? (c.gain as number) ** 2 : 0));
  expectClose(products, wanted, { rtol: 1e-6, atol: 1e-6 }, c.name);
});

describe('initializers', () => {
  const random = initializers.names().filter((name) => 'seed' in initializers.make(name).getConfig());

  test.each(random)('%s: a seed fixes the numbers, the global seed fixes the sequence', (name) => {
    const numbers = (seed: number | null): readonly number[] =>
      Array.from(initializers.make({ type: name, seed }).create([4, 5]).data, Number);
    expect(numbers(7)).toEqual(numbers(7));
    expect(numbers(7)).not.toEqual(numbers(8));
    setRandomSeed(1);
    const [first, second] = [numbers(null), numbers(null)];
    expect(first).not.toEqual(second);
    setRandomSeed(1);
    expect([numbers(null), numbers(null)]).toEqual([first, second]);
  });

  test('answer to the names that Keras knows', () => {
    const pairs = { uniform: 'RandomUniform', normal: 'RandomNormal', zero: 'Zeros', one: 'Ones' };
    for (const [alias, className] of Object.entries(pairs)) {
      expect(initializers.make(alias).className).toBe(className);
    }
    expect(initializers.make('glorot_uniform')).toBeInstanceOf(factories.GlorotUniform);
    expect(initializers.make('HeNormal')).toBeInstanceOf(factories.HeNormal);
  });

  test('constant takes an array of the shape of the weight', () => {
    const rows = [
      [1, 2],
      [3, 4],
    ];
    expect(Array.from(factories.constant({ value: rows }).create([2, 2]).data, Number)).toEqual([1, 2, 3, 4]);
    expect(() => factories.constant({ value: rows }).create([4])).toThrow(ShapeError);
  });

  test('the fans may be named by axes', () => {
    const spec = { scale: 3, mode: 'fanOut', distribution: 'uniform', seed: 1 } as const;
    const initializer = factories.varianceScaling({ ...spec, inputAxes: [1], outputAxes: [0, -1] });
    const { limit } = statistics(initializer.create([4, 1000, 9]), 0);
    expect(limit).toBeCloseTo(Math.sqrt(9 / 36), 3);
  });

  test('refuse what cannot be', () => {
    expect(() => factories.identity().create([2])).toThrow(ShapeError);
    expect(() => factories.orthogonal().create([2])).toThrow(/at least two axes.*\[2\]/);
    expect(() => factories.varianceScaling({ scale: 0 })).toThrow(ConfigError);
    expect(() => factories.glorotNormal({ inputAxes: [0] })).toThrow(/both inputAxes and outputAxes/);
    expect(() => initializers.make({ type: 'heNormal', sead: 1 })).toThrow(/Did you mean "seed"/);
  });
});
