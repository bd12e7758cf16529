import { describe, expect, test } from '@jest/globals';
import { Random } from '../../src/core/random.ts';
import { Tensor } from '../../src/core/tensor.ts';
import {
  activityRegularization,
  alphaDropout,
  gaussianDropout,
  gaussianNoise,
  spatialDropout1d,
  spatialDropout2d,
} from '../../src/layers/index.ts';
import type { Layer } from '../../src/layers/layer.ts';
import { expectClose } from '../helpers/close.ts';
import { runTraced, traceLayer } from '../helpers/layer-cases.ts';
import { normalTensor } from '../helpers/op-samples.ts';

const filled = (shape: readonly number[], value: number): Tensor =>
  new Tensor('float32', shape, new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(value));

function train(layer: Layer, x: Tensor): Float64Array {
  const { outputs, feeds } = traceLayer(layer, [x], true);
  return runTraced(outputs, feeds)[0]?.data ?? new Float64Array();
}

function moments(data: Float64Array): { mean: number; std: number } {
  const mean = data.reduce((a, b) => a + b, 0) / data.length;
  return { mean, std: Math.sqrt(data.reduce((sum, v) => sum + (v - mean) ** 2, 0) / data.length) };
}

describe('while training', () => {
  test.each([
    ['gaussianNoise', gaussianNoise({ stddev: 0.5 }), 3, 3, 0.5],
    ['gaussianDropout', gaussianDropout({ rate: 0.2 }), 3, 3, 1.5],
    // of a constant 0: kept with probability 0.75, scaled and shifted
    ['alphaDropout', alphaDropout({ rate: 0.25 }), 0, 0, Math.sqrt(1 - 0.75 / (0.75 * (1 + 0.25 * 3.091)))],
  ])('%s has its mean and deviation', (_name, layer, value, mean, std) => {
    const found = moments(train(layer, filled([50, 400], value)));
    expect(found.mean).toBeCloseTo(mean, 1);
    expect(found.std).toBeCloseTo(std, 1);
  });

  test('alphaDropout keeps mean 0 and deviation 1', () => {
    const found = moments(train(alphaDropout({ rate: 0.3 }), normalTensor(new Random(2), [50, 400])));
    expect(found.mean).toBeCloseTo(0, 1);
    expect(found.std).toBeCloseTo(1, 1);
  });

  test('noise is normal: as much beyond one and two deviations as there should be', () => {
    const data = train(gaussianNoise({ stddev: 1 }), filled([50, 400], 0));
    const beyond = (limit: number): number => data.filter((v) => Math.abs(v) > limit).length / data.length;
    expect(beyond(1)).toBeCloseTo(0.3173, 1);
    expect(beyond(2)).toBeCloseTo(0.0455, 2);
  });

  test('spatial dropout drops whole channels and scales the others', () => {
    const last = train(spatialDropout1d({ rate: 0.5 }), filled([2, 3, 8], 1));
    for (const sample of [last.subarray(0, 24), last.subarray(24)]) {
      expect([...sample.subarray(8, 16)]).toEqual([...sample.subarray(0, 8)]);
      expect([...sample.subarray(16)]).toEqual([...sample.subarray(0, 8)]);
    }
    expect(new Set(last)).toEqual(new Set([0, 2]));
    const first = train(
      spatialDropout2d({ rate: 0.5, dataFormat: 'channelsFirst' }),
      filled([1, 8, 2, 2], 1),
    );
    for (let c = 0; c < 8; c++) expect(new Set(first.subarray(4 * c, 4 * c + 4)).size).toBe(1);
    expect(new Set(first)).toEqual(new Set([0, 2]));
  });

  test('activityRegularization adds its penalty, by the sample', () => {
    const x = new Tensor('float32', [2, 2], Float32Array.of(1, -2, 3, 0));
    const { trace, feeds } = traceLayer(activityRegularization({ l1: 0.1, l2: 0.01 }), [x], true);
    expectClose(runTraced(trace.losses, feeds)[0]?.data ?? [], [0.37], { rtol: 0, atol: 1e-7 }, 'penalty');
  });
});
