import { describe, expect, test } from '@jest/globals';
import { gradient } from '../../src/ir/autodiff.ts';
import { input, type Value } from '../../src/ir/graph.ts';
import { interpret } from '../../src/ir/interpret.ts';
import { conv } from '../../src/ops/conv.ts';
import { convTranspose } from '../../src/ops/conv-transpose.ts';
import '../../src/ops/index.ts';
import { averagePool, maxPool, type PoolOptions } from '../../src/ops/pool.ts';
import { depthToSpace, resize, spaceToDepth } from '../../src/ops/resize.ts';
import { samePads } from '../../src/ops/window.ts';

const image = (...shape: number[]): Value => input('x', { dtype: 'float32', shape });

/** Evaluates a function of one image whose elements are `data`. */
function evaluate(f: (x: Value) => Value, shape: readonly number[], data: readonly number[]): number[] {
  const x = image(...shape);
  const [y] = interpret([f(x)], new Map([[x, { ...x.type, data: Float64Array.from(data) }]]));
  return [...(y?.data ?? [])];
}

describe('max pooling gives the gradient of a tie to the first element', () => {
  const ties = [1, 1, 0, 0, 1, 1, 0, 0, 0, 2, 3, 3, 2, 2, 3, 0];
  const slope =
    (options: PoolOptions) =>
    (x: Value): Value =>
      gradient(maxPool(x, options), [x], maxPool(x, options))[0] as Value;

  test('in windows side by side', () => {
    const expected = [1, 0, 0, 0, 0, 0, 0, 0, 0, 2, 3, 0, 0, 0, 0, 0];
    expect(evaluate(slope({ kernel: 2 }), [1, 1, 4, 4], ties)).toEqual(expected);
  });

  test('in windows that overlap', () => {
    const expected = [1, 1, 0, 0, 0, 0, 0, 0, 0, 4, 12, 0, 0, 0, 0, 0];
    expect(evaluate(slope({ kernel: 2, strides: 1 }), [1, 1, 4, 4], ties)).toEqual(expected);
  });
});

describe('windows', () => {
  test.each([
    [5, 3, 1, 1, [1, 1]],
    [6, 3, 2, 1, [0, 1]],
    [5, 3, 2, 1, [1, 1]],
    [7, 2, 2, 1, [0, 1]],
    [6, 3, 1, 2, [2, 2]],
    [4, 1, 3, 1, [0, 0]],
  ])(
    'same padding of %i elements, kernel %i, stride %i, dilation %i',
    (size, kernel, stride, dilation, pads) => {
      expect(samePads([size], [kernel], [stride], [dilation])).toEqual(pads);
      const places = conv(image(1, 1, size), image(1, 1, kernel), {
        strides: stride,
        dilations: dilation,
        pads,
      });
      expect(places.shape).toEqual([1, 1, Math.ceil(size / stride)]);
    },
  );

  test('an odd pad can go to the front', () => {
    expect(samePads([6], [3], [2], [1], 'begin')).toEqual([1, 0]);
  });

  test('ceil mode gives the last, partial step a place, unless it would start in the padding', () => {
    const ceiling = { kernel: 2, strides: 2, ceilMode: true };
    expect(maxPool(image(1, 1, 5), ceiling).shape).toEqual([1, 1, 3]);
    expect(maxPool(image(1, 1, 4), { ...ceiling, strides: 3, pads: [0, 1] }).shape).toEqual([1, 1, 2]);
    expect(maxPool(image(1, 1, 6), { ...ceiling, strides: 3 }).shape).toEqual([1, 1, 2]);
  });

  test('what ceil mode adds never counts in an average, padding does if asked', () => {
    const options = { kernel: 3, strides: 2, pads: [1, 0], ceilMode: true };
    const pool = (countIncludePad: boolean) => (x: Value) => averagePool(x, { ...options, countIncludePad });
    expect(evaluate(pool(false), [1, 1, 5], [3, 6, 9, 12, 15])).toEqual([4.5, 9, 13.5]);
    expect(evaluate(pool(true), [1, 1, 5], [3, 6, 9, 12, 15])).toEqual([3, 9, 13.5]);
  });
});

test('a transposed convolution undoes the shape of a convolution', () => {
  const [x, w] = [image(2, 4, 8, 7), image(6, 2, 3, 3)];
  const options = { strides: [2, 3], pads: [1, 0, 1, 1], group: 2 };
  const y = conv(x, w, options);
  expect(convTranspose(y, w, { ...options, outputPadding: [1, 2] }).shape).toEqual(x.shape);
});

describe('resize', () => {
  const doubled = (x: Value): Value => resize(x, { sizes: 4, mode: 'linear' });

  test('interpolates between half-pixel centres', () => {
    expect(evaluate(doubled, [1, 1, 2], [0, 4])).toEqual([0, 1, 3, 4]);
  });

  test('keeps corners in place', () => {
    const corners = (x: Value): Value => resize(x, { sizes: 5, mode: 'linear', coordinates: 'alignCorners' });
    expect(evaluate(corners, [1, 1, 2], [0, 4])).toEqual([0, 1, 2, 3, 4]);
  });

  test('repeats the nearest element', () => {
    const nearest = (size: number) => (x: Value) =>
      resize(x, { sizes: size, coordinates: 'asymmetric', nearestMode: 'floor' });
    expect(evaluate(nearest(6), [1, 1, 3], [1, 2, 3])).toEqual([1, 1, 2, 2, 3, 3]);
    expect(evaluate(nearest(5), [1, 1, 3], [1, 2, 3])).toEqual([1, 1, 2, 2, 3]);
    expect(evaluate(nearest(2), [1, 1, 3], [1, 2, 3])).toEqual([1, 2]);
  });

  test('a cubic that leaves out what lies outside keeps constants', () => {
    const cubic = (x: Value): Value =>
      resize(x, { sizes: 7, mode: 'cubic', cubicCoefficient: -0.5, excludeOutside: true });
    for (const v of evaluate(cubic, [1, 1, 3], [2, 2, 2])) expect(v).toBeCloseTo(2, 6);
  });
});

test.each(['DCR', 'CRD'] as const)('depth to space, %s', (mode) => {
  const data = [0, 1, 2, 3, 4, 5, 6, 7];
  const blocks = evaluate((x) => depthToSpace(x, 2, mode), [1, 8, 1, 1], data);
  expect(blocks).toEqual(mode === 'DCR' ? [0, 2, 4, 6, 1, 3, 5, 7] : data);
  if (mode === 'DCR') expect(evaluate((x) => spaceToDepth(x, 2), [1, 2, 2, 2], blocks)).toEqual(data);
});
