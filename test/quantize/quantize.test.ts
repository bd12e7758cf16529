import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { tensor } from '../../src/core/tensor.ts';
import { float16, toFloat16 } from '../../src/formats/half.ts';
import { onnxOf } from '../../src/formats/onnx-export.ts';
import {
  datasets,
  input,
  layers,
  quantize,
  type Sequential,
  sequential,
  setRandomSeed,
  type Tensor,
} from '../../src/index.ts';
import { decodeModel, type ModelProto } from '../../src/onnx/proto.ts';
import { protoFromTensor } from '../../src/onnx/tensors.ts';
import { calibrate } from '../../src/quantize/calibrate.ts';
import { toFourBits } from '../../src/quantize/four-bits.ts';
import { observe } from '../../src/quantize/observe.ts';
import { activationScale, quantizeWeight } from '../../src/quantize/quantized-tensors.ts';
import { measureRanges } from '../../src/quantize/ranges.ts';
import { measureShifts } from '../../src/quantize/shifts.ts';
import { staticInt8 } from '../../src/quantize/static-int8.ts';

const folder = mkdtempSync(join(tmpdir(), 'tfk-quantize-'));
afterAll(() => rmSync(folder, { recursive: true }));

let model: Sequential;
let data: { x: Tensor; y: Tensor };
let testData: { x: Tensor; y: Tensor };
beforeAll(async () => {
  setRandomSeed(3);
  const { train, test: held } = await datasets.mnist();
  data = { x: train.x.rows(0, 1000), y: train.y.rows(0, 1000) };
  testData = { x: held.x.rows(0, 300), y: held.y.rows(0, 300) };
  model = sequential([
    input({ shape: [28, 28, 1] }),
    layers.conv2d({ filters: 8, kernelSize: 3, strides: 2, activation: 'relu' }),
    layers.conv2d({ filters: 8, kernelSize: 3, strides: 2, padding: 'same' }),
    layers.flatten(),
    layers.dense({ units: 64, activation: 'relu' }),
    layers.dense({ units: 10, activation: 'softmax' }),
  ]);
  model.compile({
    optimizer: 'adam',
    loss: 'sparseCategoricalCrossentropy',
    metrics: ['accuracy'],
    threads: 1,
  });
  await model.fit(data.x, data.y, { epochs: 2, verbose: 0 });
});

test('a weight has a scale for each channel, 64 steps to each side', () => {
  const proto = protoFromTensor(
    'w',
    tensor([
      [1, -0.5],
      [-2, 0.25],
      [0.5, 0],
    ]),
  );
  const { values, scales } = quantizeWeight(proto, 1);
  expect([...scales]).toEqual([2 / 64, 0.5 / 64]);
  expect([...quantizeWeight(proto, 1, 128).scales]).toEqual([2 / 128, 0.5 / 128]);
  expect(values.array()).toEqual([
    [32, -64],
    [-64, 32],
    [16, 0],
  ]);
});

test('what rounding adds to a convolution in the mean is taken off its bias', async () => {
  setRandomSeed(3);
  const convolution = sequential([
    input({ shape: [8, 8, 3] }),
    layers.conv2d({ filters: 16, kernelSize: 3, useBias: false }),
  ]);
  const x = tensor((data.x.data as Float32Array).slice(0, 48 * 192), [48, 8, 8, 3]);
  const whole = onnxOf(convolution, { batchSize: null, metadata: {} });
  const scales = await measureRanges(whole, x, 'minmax');
  const shifts = await measureShifts(whole, scales, x);
  expect([...shifts.values()].map(({ length }) => length)).toEqual([16]);
  const means = async (model: ModelProto): Promise<number[]> => {
    const sums = new Array<number>(16).fill(0);
    await observe(model, [whole.graph.outputs[0]?.name as string], x, ([y]) => {
      for (const [i, v] of (y as Float32Array).entries()) sums[i % 16] = (sums[i % 16] as number) + v;
    });
    return sums;
  };
  const expected = await means(whole);
  const distance = async (model: ModelProto): Promise<number> =>
    Math.hypot(...(await means(model)).map((sum, i) => sum - (expected[i] as number)));
  const uncorrected = await distance(staticInt8(whole, { scales, shifts: new Map() }));
  // what is left comes from rounding the result
  expect(await distance(staticInt8(whole, { scales, shifts }))).toBeLessThan(uncorrected / 2);
});

test('four bits: a scale for 32 neighbours of a channel, the other half in the upper bits', () => {
  const values = Float32Array.from({ length: 80 }, (_, i) => (i < 40 ? 7 : -14));
  const proto = protoFromTensor('w', tensor(values, [2, 40]));
  const { packed, scales, channels, width } = toFourBits(proto, 0);
  expect([channels, width]).toEqual([2, 40]);
  expect([...scales]).toEqual([1, 1, 2, 2]);
  // rows of 64: 40 numbers and 24 zeros, which are 8; 15 is 7, 1 is -7
  expect([...packed]).toEqual([...new Array(40).fill(15 + 16 * 1), ...new Array(24).fill(8 + 16 * 8)]);
});

test('ranges contain 0, and represent it exactly', () => {
  expect(activationScale(0, 255)).toEqual({ scale: 1, zero: 0 });
  expect(activationScale(-51, 204)).toEqual({ scale: 1, zero: 51 });
  expect(activationScale(10, 510)).toEqual({ scale: 2, zero: 0 });
  expect(activationScale(0, 0)).toEqual({ scale: 1, zero: 0 });
});

test('calibration: all of the range, without the outermost, or what keeps the distribution', () => {
  const values = Float32Array.from({ length: 100_001 }, (_, i) => (i === 0 ? 1000 : (i % 1000) / 1000));
  expect(calibrate(values, 'minmax').scale).toBeCloseTo(1000 / 255, 3);
  expect(calibrate(values, 'percentile').scale).toBeCloseTo(0.999 / 255, 4);
  expect(calibrate(values, 'entropy').scale).toBeLessThan(100 / 255);
});

test('half floats: the nearest, ties to even, up to the largest and the smallest', () => {
  for (let bits = 0; bits < 0x7c00; bits += 7) expect(toFloat16(float16(bits))).toBe(bits);
  expect([1 + 2 ** -11, 1 + 3 * 2 ** -11, 65520, 65519, -2, 2 ** -25, 1e-40].map(toFloat16)).toEqual([
    0x3c00, 0x3c02, 0x7c00, 0x7bff, 0xc000, 0, 0,
  ]);
  expect(float16(toFloat16(Number.NaN))).toBeNaN();
});

describe('a digit reader', () => {
  test.each([
    ['static-int8', 'minmax', 0.35, 0.01],
    ['static-int8', 'percentile', 0.35, 0.01],
    ['static-int8', 'entropy', 0.35, 0.01],
    ['dynamic-int8', 'minmax', 0.35, 0.01],
    ['float16', 'minmax', 0.55, 0.01],
    ['int4', 'minmax', 0.3, 0.02],
  ] as const)(
    '%s, %s: within a point or two, at less of the size',
    async (mode, calibration, size, maxLoss) => {
      const path = join(folder, `${mode}-${calibration}.onnx`);
      const calibrationData = data.x.rows(0, 60);
      const report = await quantize(model, path, { mode, calibration, calibrationData, testData, maxLoss });
      const whole = await model.evaluate(testData.x, testData.y, { verbose: 0 });
      expect(report.before.accuracy).toBeCloseTo(whole.accuracy as number, 6);
      expect(report.loss).toBeLessThanOrEqual(maxLoss);
      expect(report.after.bytes / report.before.bytes).toBeLessThan(size);
      expect(readFileSync(path)).toHaveLength(report.after.bytes);
      const types = decodeModel(readFileSync(path)).graph.nodes.map(({ opType }) => opType);
      const expected = {
        'static-int8': 'QuantizeLinear',
        'dynamic-int8': 'MatMulInteger',
        float16: 'Cast',
        int4: 'Floor',
      };
      expect(types).toContain(expected[mode]);
    },
  );

  test('that loses too much is not written', async () => {
    const path = join(folder, 'worse.onnx');
    const calibrationData = tensor(new Float32Array(784), [1, 28, 28, 1]); // no ranges to be had from it
    const options = { mode: 'static-int8', calibrationData, testData } as const;
    await expect(quantize(model, path, options)).rejects.toThrow(/loses 0\.\d+, more than maxLoss, 0.01/);
    expect(existsSync(path)).toBe(false);
    expect((await quantize(model, path, { ...options, maxLoss: 1 })).loss).toBeGreaterThan(0.01);
    const none = { mode: 'static-int8', testData } as const;
    await expect(quantize(model, path, none)).rejects.toThrow(/needs calibrationData/);
  });
});

test('the layers of the mnist example take less than 0.30 of the size in 8 bits', async () => {
  const conv = (filters: number) => layers.conv2d({ filters, kernelSize: 3, activation: 'relu' });
  const example = sequential([
    input({ shape: [28, 28, 1] }),
    conv(32),
    layers.batchNormalization(),
    layers.maxPooling2d(),
    conv(64),
    layers.batchNormalization(),
    layers.maxPooling2d(),
    conv(128),
    layers.batchNormalization(),
    layers.flatten(),
    layers.dropout({ rate: 0.5 }),
    layers.dense({ units: 10, activation: 'softmax' }),
  ]);
  const few = { x: data.x.rows(0, 8) };
  const options = { calibrationData: data.x.rows(0, 8), testData: few };
  for (const mode of ['static-int8', 'dynamic-int8'] as const) {
    const { before, after, loss } = await quantize(example, join(folder, 'example.onnx'), {
      ...options,
      mode,
      maxLoss: 0.1,
    });
    expect(after.bytes / before.bytes).toBeLessThan(0.3);
    expect(loss).toBeGreaterThan(0); // of outputs, without class numbers
  }
});
