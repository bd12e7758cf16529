import { describe, expect, test } from '@jest/globals';
import { getBackend } from '../../../src/backend/registry.ts';
import { Random } from '../../../src/core/random.ts';
import { Tensor } from '../../../src/core/tensor.ts';
import * as tfk from '../../../src/index.ts';
import { gradient } from '../../../src/ir/autodiff.ts';
import { constant, input, type Value } from '../../../src/ir/graph.ts';
import { interpret } from '../../../src/ir/interpret.ts';
import { type NDArray, toNDArray } from '../../../src/ir/ndarray.ts';
import { randomBeta, randomOrder } from '../../../src/layers/augmentation/mixing.ts';
import { oneOf } from '../../../src/layers/augmentation/rand-augment.ts';
import { Trace, withTrace } from '../../../src/layers/trace.ts';
import { mul, reduceSum } from '../../../src/ops/index.ts';
import { projectImages } from '../../../src/ops/sampling.ts';
import { scalarConstant } from '../../../src/ops/support.ts';
import { expectClose } from '../../helpers/close.ts';
import { runTraced, traceLayer } from '../../helpers/layer-cases.ts';

const { layers } = tfk;
type Layer = Parameters<typeof traceLayer>[0];

/** Images of whole shades from 0 to 255. */
function images(shape: readonly number[], same = false): Tensor {
  const random = new Random(3);
  const each = shape.slice(1).reduce((a, b) => a * b, 1);
  const one = Float32Array.from({ length: each }, () => random.integer(256));
  const data = Float32Array.from({ length: each * (shape[0] as number) }, (_, i) =>
    same ? (one[i % each] as number) : random.integer(256),
  );
  return new Tensor('float32', shape, data);
}

function run(layer: Layer, x: Tensor, training = true): NDArray {
  const { outputs, feeds } = traceLayer(layer, [x], training);
  return runTraced(outputs, feeds)[0] as NDArray;
}

/** What an image of a result is. */
const imageOf = ({ data, shape }: NDArray | Tensor, n: number): number[] => {
  const size = data.length / (shape[0] as number);
  return Array.from(data.slice(n * size, (n + 1) * size) as ArrayLike<number>);
};

/** Layers, and options with which they change nothing. */
const cases: readonly [name: string, make: (options: object) => Layer, still?: object][] = [
  ['randomFlip', layers.randomFlip],
  [
    'randomTranslation',
    (o) => layers.randomTranslation({ heightFactor: 0.4, widthFactor: 0.4, ...o }),
    { heightFactor: 0, widthFactor: 0 },
  ],
  ['randomRotation', (o) => layers.randomRotation({ factor: 0.3, ...o }), { factor: 0 }],
  ['randomZoom', (o) => layers.randomZoom({ heightFactor: 0.5, ...o }), { heightFactor: 0 }],
  [
    'randomShear',
    (o) => layers.randomShear({ xFactor: 0.5, yFactor: 0.4, ...o }),
    { xFactor: 0, yFactor: 0 },
  ],
  ['randomPerspective', layers.randomPerspective, { scale: 0 }],
  ['randomElasticTransform', layers.randomElasticTransform, { scale: 0 }],
  ['randomContrast', (o) => layers.randomContrast({ factor: [0.5, 0.5], ...o }), { factor: 0 }],
  ['randomBrightness', (o) => layers.randomBrightness({ factor: 0.5, ...o }), { factor: 0 }],
  ['randomHue', (o) => layers.randomHue({ factor: 0.5, ...o }), { factor: 0 }],
  ['randomSaturation', (o) => layers.randomSaturation({ factor: [0.1, 0.9], ...o }), { factor: [0.5, 0.5] }],
  ['randomGrayscale', layers.randomGrayscale, { factor: 0 }],
  ['randomColorDegeneration', (o) => layers.randomColorDegeneration({ factor: 0.5, ...o }), { factor: 0 }],
  ['randomInvert', layers.randomInvert, { factor: 0 }],
  ['randomPosterization', (o) => layers.randomPosterization({ factor: [1, 5], ...o }), { factor: [8, 8] }],
  ['randomSharpness', (o) => layers.randomSharpness({ factor: 1, ...o }), { factor: [0.5, 0.5] }],
  ['randomGaussianBlur', layers.randomGaussianBlur, { factor: 0 }],
  ['randomErasing', layers.randomErasing, { factor: 0 }],
  [
    'randomColorJitter',
    (o) => layers.randomColorJitter({ brightnessFactor: 0.3, hueFactor: 0.4, ...o }),
    { brightnessFactor: null, hueFactor: null },
  ],
  [
    'solarization',
    (o) => layers.solarization({ additionFactor: 0.5, thresholdFactor: 0.5, ...o }),
    { additionFactor: 0, thresholdFactor: [1, 1] },
  ],
  ['mixUp', (o) => layers.mixUp({ alpha: 1, ...o })],
  ['cutMix', layers.cutMix],
  ['randAugment', layers.randAugment],
  ['augMix', layers.augMix],
];

describe.each(cases)('%s', (name, make, still) => {
  const x = images([3, 7, 6, 3]);

  test('leaves images alone when nothing is trained', () => {
    expectClose(run(make({}), x, false).data, x.data, { rtol: 0, atol: 0 }, name);
  });

  test('draws all its numbers from its own seed', () => {
    const { trace } = traceLayer(make({ seed: 7 }), [x], true);
    expect(trace.randoms.length).toBeGreaterThan(0);
    expect(trace.randoms.filter(({ seed }) => seed !== 7)).toEqual([]);
    expect(traceLayer(make({}), [x], true).trace.randoms.filter(({ seed }) => seed !== undefined)).toEqual(
      [],
    );
  });

  test('keeps values in their range, and changes images apart from each other', () => {
    const y = run(make({}), images([8, 7, 6, 3], !name.includes('Mix') && name !== 'mixUp'));
    expect(y.data.every((v) => v >= -1e-3 && v <= 255.001)).toBe(true);
    const different = new Set([0, 1, 2, 3, 4, 5, 6, 7].map((n) => imageOf(y, n).join()));
    expect(different.size).toBeGreaterThan(1);
  });

  if (still === undefined) return;
  test('changes nothing where the options say so', () => {
    // solarization inverts what is not below the threshold
    const most = name === 'solarization' ? 254 : 255;
    const shades = Float32Array.from(x.data as Float32Array, (v) => Math.min(v, most));
    const given = new Tensor('float32', x.shape, shades);
    expectClose(run(make(still), given).data, given.data, { rtol: 0, atol: 1e-4 }, name);
  });
});

test('about half of the images are flipped, and back when flipped again', () => {
  const x = images([400, 2, 3, 1], true);
  const y = run(layers.randomFlip({ mode: 'horizontal' }), x);
  const [plain, flipped] = [imageOf(x, 0), [2, 1, 0, 5, 4, 3].map((i) => imageOf(x, 0)[i])];
  const kinds = Array.from({ length: 400 }, (_, n) => imageOf(y, n).join());
  expect(new Set(kinds)).toEqual(new Set([plain.join(), flipped.join()]));
  const share = kinds.filter((k) => k === flipped.join()).length / 400;
  expect(Math.abs(share - 0.5)).toBeLessThan(0.1);
  const again = run(
    layers.randomFlip({ mode: 'horizontal' }),
    new Tensor('float32', y.shape, Float32Array.from(y.data)),
  );
  expect([...again.data]).toEqual([...x.data]);
});

test('crops are windows of their images, at all places', () => {
  const x = images([60, 3, 4, 1], true);
  const found = run(layers.randomCrop({ height: 2, width: 3 }), x);
  const image = imageOf(x, 0);
  const windows = [0, 1].flatMap((top) =>
    [0, 1].map((left) => [0, 1].flatMap((r) => [0, 1, 2].map((c) => image[(top + r) * 4 + left + c])).join()),
  );
  expect(new Set(Array.from({ length: 60 }, (_, n) => imageOf(found, n).join()))).toEqual(new Set(windows));
});

describe('mixing', () => {
  const drawn = (body: () => Value): NDArray => {
    const trace = new Trace(true);
    const y = withTrace(trace, body);
    const feeds = trace.randoms.map(({ value, request }, i): [Value, NDArray] => {
      const random = new Random(i);
      const data = Float32Array.from({ length: request.shape.reduce((a, b) => a * b, 1) }, () =>
        random.uniform(),
      );
      return [value, toNDArray(new Tensor('float32', request.shape, data))];
    });
    return interpret([y], new Map(feeds))[0] as NDArray;
  };

  test.each([0.2, 1, 4])('weights have the moments of the beta distribution of %d', (alpha) => {
    const { data } = drawn(() => randomBeta(8000, scalarConstant(alpha, 'float32'), null));
    const mean = data.reduce((a, b) => a + b, 0) / data.length;
    const moment = (p: number): number => data.reduce((sum, v) => sum + (v - mean) ** p, 0) / data.length;
    expect(Math.abs(mean - 0.5)).toBeLessThan(0.02);
    const variance = 1 / (4 * (2 * alpha + 1));
    expect(Math.abs(moment(2) / variance - 1)).toBeLessThan(0.05);
    const kurtosis = 3 - 6 / (2 * alpha + 3);
    expect(Math.abs(moment(4) / variance ** 2 / kurtosis - 1)).toBeLessThan(0.08);
  });

  test('orders have every number once', () => {
    const { data } = drawn(() => randomOrder(20, null));
    expect([...data].sort((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, i) => i));
  });

  test('mixUp is between two images; cutMix has each pixel from one of them', () => {
    const shade = (v: number): number[] => new Array<number>(16).fill(v);
    const x = new Tensor('float32', [2, 4, 4, 1], Float32Array.of(...shade(10), ...shade(90)));
    const [mixed] = [run(layers.mixUp({ alpha: 1 }), x)];
    for (const n of [0, 1]) {
      expect(new Set(imageOf(mixed, n)).size).toBe(1);
      expect(imageOf(mixed, n)[0]).toBeGreaterThanOrEqual(10);
    }
    expect([...run(layers.cutMix(), x).data].every((v) => v === 10 || v === 90)).toBe(true);
  });

  test('each image is changed in its own way', () => {
    const ways = [2, 3, 5].map((scale) => layers.rescaling({ scale }));
    const x = constant(images([4, 1, 1, 1], true));
    const choice = constant(new Tensor('float32', [4, 1, 1, 1], Float32Array.of(0.1, 0.3, 0.6, 0.9)));
    const y = withTrace(new Trace(true), () => oneOf(ways, x, choice, 4));
    const [one] = imageOf(images([4, 1, 1, 1], true), 0) as [number];
    const { data } = interpret([y], new Map())[0] as NDArray;
    expect([...data]).toEqual([2 * one, 3 * one, 5 * one, one]);
  });
});

const composed = ['randomElasticTransform', 'mixUp', 'cutMix', 'randAugment', 'augMix'];
test.each(cases.filter(([name]) => composed.includes(name)))('%s on native kernels', async (name, make) => {
  const { outputs, feeds } = traceLayer(make({}), [images([2, 7, 6, 3])], true);
  const expected = runTraced(outputs, feeds)[0] as NDArray;
  const backend = await getBackend('onnxruntime');
  const graph = { name, inputs: [...feeds.keys()], outputs: [{ name: 'y', value: outputs[0] as Value }] };
  const executable = await backend.compile(graph, { threads: 1 });
  try {
    const [y] = await executable.run([...feeds.values()]);
    expectClose((y as Tensor).data, expected.data, { rtol: 1e-3, atol: 0.05 }, name);
  } finally {
    executable.dispose();
  }
});

test('the gradient of sampling is its transpose', () => {
  const x = input('x', { dtype: 'float32', shape: [1, 4, 5, 2] });
  const y = projectImages(x, { a: [0.8, 0.3, 0.2], b: [-0.4, 1.1, 0.9] });
  const [data, direction] = [images([1, 4, 5, 2]), images([1, 4, 5, 2], true)];
  const [dx] = gradient(reduceSum(mul(y, constant(direction))), [x]) as [Value];
  const [there, back] = interpret([y, dx], new Map([[x, toNDArray(data)]])) as [NDArray, NDArray];
  const product = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
    Array.from(a).reduce((sum, v, i) => sum + v * (b[i] as number), 0);
  const [left, right] = [
    product(there.data, direction.data as Float32Array),
    product(back.data, data.data as Float32Array),
  ];
  expect(left / right).toBeCloseTo(1, 6);
});

test('integers stay integers when resized, rounded and within their type', () => {
  const x = new Tensor('uint8', [1, 1, 4, 1], Uint8Array.of(0, 0, 255, 255));
  const bicubic = run(layers.resizing({ height: 1, width: 8, interpolation: 'bicubic' }), x);
  expect(bicubic.dtype).toBe('uint8');
  expect([...bicubic.data]).toEqual([0, 0, 0, 52, 203, 255, 255, 255]);
});

test('a pipeline is its layers in order, in a model too', async () => {
  const augment = layers.pipeline({
    layers: [
      layers.rescaling({ scale: 2 }),
      layers.randomFlip({ seed: 1 }),
      layers.dense({ units: 1, useBias: false }),
    ],
  });
  const model = tfk.sequential([tfk.input({ shape: [2, 2, 1] }), augment]);
  expect(augment.weights.map((w) => w.path)).toEqual([`${augment.name}/${augment.layers[2]?.name}/kernel`]);
  augment.setWeights([new Tensor('float32', [1, 1], Float32Array.of(3))]);
  const y = await model.predict(new Tensor('float32', [1, 2, 2, 1], Float32Array.of(1, 2, 3, 4)));
  expect((y as Tensor).array()).toEqual([
    [
      [[6], [12]],
      [[18], [24]],
    ],
  ]);
});

describe('errors', () => {
  test.each<[string, () => unknown, RegExp]>([
    ['a factor out of range', () => layers.randomRotation({ factor: 2 }), /from -1 to 1/],
    ['a zoom to nothing', () => layers.randomZoom({ heightFactor: -1 }), /above -1/],
    ['an even kernel', () => layers.randomGaussianBlur({ kernelSize: 4 }), /odd/],
    ['no range of values', () => layers.randomInvert({ valueRange: [1, 1] }), /two different numbers/],
    [
      'crop and pad',
      () => layers.resizing({ height: 1, width: 1, cropToAspectRatio: true, padToAspectRatio: true }),
      /only one of/,
    ],
    ['two channels', () => run(layers.randomHue({ factor: 1 }), images([1, 4, 4, 2])), /three channels/],
    ['no images', () => layers.randomFlip().apply(tfk.input({ shape: [3] })), /4-D input/],
    ['a frame step', () => layers.stftSpectrogram({ frameLength: 4, frameStep: 5 }), /at most frameLength/],
    [
      'short signals',
      () => layers.melSpectrogram({ fftLength: 16 }).apply(tfk.input({ shape: [8] })),
      /more than 8 samples/,
    ],
    [
      'antialiasing',
      () => layers.resizing({ height: 1, width: 1, antialias: true as false }),
      /without antialiasing/,
    ],
  ])('%s', (_name, body, message) => {
    expect(body).toThrow(message);
  });
});
