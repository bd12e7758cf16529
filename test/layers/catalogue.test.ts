import { describe, expect, test } from '@jest/globals';
import * as tfk from '../../src/index.ts';
import { expectClose } from '../helpers/close.ts';
import { type GoldenTensor, readGolden } from '../helpers/golden.ts';

const { layers, ops } = tfk;

describe('stft kernels are those of Keras', () => {
  type Options = Parameters<typeof tfk.initializers.stft>[0];
  const { stft } = readGolden<{ stft: { options: Options; value: GoldenTensor }[] }>('layers-more.json');

  test.each(stft)('$options', ({ options, value }) => {
    const kernel = tfk.initializers.stft(options).create(value.shape);
    expectClose(kernel.data, value.data, { rtol: 1e-5, atol: 1e-6 }, 'kernel');
  });

  test('other shapes are refused', () => {
    expect(() => tfk.initializers.stft().create([4, 2, 3])).toThrow('[frame, 1, frequencies]');
    expect(() => tfk.initializers.stft({ window: [1, 2] }).create([4, 1, 3])).toThrow('window of 4 values');
  });
});

describe('lambda', () => {
  test('applies a function to its inputs', async () => {
    const [a, b] = [tfk.input({ shape: [2] }), tfk.input({ shape: [2] })];
    const scaled = layers.lambda({
      function: ([x, y], _options, { by }) => ops.mul(ops.sub(x, y as tfk.Value), Number(by)),
      arguments: { by: 3 },
    });
    const model = tfk.model({ inputs: [a, b], outputs: scaled.apply([a, b]) });
    const y = await model.predict([tfk.tensor([[5, 7]]), tfk.tensor([[1, 2]])]);
    expect(y.array()).toEqual([[12, 15]]);
  });

  test('is data only under a registered name', () => {
    const halve = ([x]: tfk.Values): tfk.Value => ops.mul(x, 0.5);
    const layer = layers.lambda({ function: halve });
    expect(() => layer.getConfig()).toThrow('tfk.registerFunction("halve", f)');
    tfk.registerFunction('halve', halve);
    expect(layer.getConfig()).toMatchObject({ function: 'halve' });
    expect(layers.lambda({ function: 'halve' }).options.function).toBe(halve);
    expect(() => layers.lambda({ function: 'third' })).toThrow('no function is named "third"');
  });
});

describe('reversible embedding', () => {
  test.each([true, false])('scores every index for a vector (tied weights: %s)', async (tieWeights) => {
    const data = tfk.input({ shape: [2], dtype: 'int32' });
    const table = layers.reversibleEmbedding({ inputDim: 3, outputDim: 2, tieWeights, logitSoftCap: 5 });
    const scores = table.apply(table.apply(data), { reverse: true });
    expect(scores.shape).toEqual([null, 2, 3]);
    const model = tfk.model({ inputs: data, outputs: scores });
    const vectors = tfk.tensor([
      [1, 0],
      [0, 2],
      [1, 1],
    ]);
    const back = tfk.tensor([
      [1, 0, 4],
      [0, 2, 1],
    ]);
    table.setWeights(tieWeights ? [vectors] : [vectors, back]);
    const y = await model.predict([[1, 2]]);
    const cap = (x: number): number => 5 * Math.tanh(x / 5);
    const expected = tieWeights ? [0, 4, 2, 1, 2, 2] : [0, 4, 2, 1, 2, 5];
    expectClose(y.data, expected.map(cap), { rtol: 1e-5, atol: 1e-6 }, 'scores');
  });

  test('scores have no mask, as in Keras 3.15, where padding counts in loss and metrics', async () => {
    const data = tfk.input({ shape: [5], dtype: 'int32' });
    const table = layers.reversibleEmbedding({ inputDim: 4, outputDim: 3, maskZero: true });
    const model = tfk.model({
      inputs: data,
      outputs: table.apply(table.apply(data), { reverse: true }),
    });
    table.setWeights([tfk.tensor(Float32Array.from({ length: 12 }, (_, i) => (i - 5) / 7)).reshape([4, 3])]);
    const loss = tfk.losses.sparseCategoricalCrossentropy({ fromLogits: true });
    model.compile({ optimizer: 'sgd', loss, weightedMetrics: ['accuracy'] });
    const [x, y] = [
      [
        [1, 2, 3, 0, 0],
        [2, 1, 0, 0, 0],
      ],
      [
        [2, 3, 1, 0, 0],
        [1, 1, 0, 0, 0],
      ],
    ];
    const logs = await model.evaluate(x, y, { verbose: 0 });
    // recorded with keras.Model.evaluate; with the mask the loss would be 0.770582
    expectClose(
      [logs.loss as number, logs.accuracy as number],
      [1.0700201, 0.6],
      { rtol: 1e-6, atol: 0 },
      'logs',
    );
  });
});

describe('spectral normalization', () => {
  test('divides the kernel by its largest singular value, in inference too', async () => {
    const inner = layers.dense({ units: 2, useBias: false });
    const layer = layers.spectralNormalization({ layer: inner, powerIterations: 20 });
    const model = tfk.sequential([tfk.input({ shape: [2] }), layer]);
    inner.setWeights([
      tfk.tensor([
        [3, 0],
        [0, 4],
      ]),
    ]);
    expectClose((await model.predict([[1, 1]])).data, [0.75, 1], { rtol: 1e-3, atol: 1e-3 }, 'y');
    expect(inner.getWeights()[0]?.array()).toEqual([
      [3, 0],
      [0, 4],
    ]);
  });

  test('learns', async () => {
    const layer = layers.spectralNormalization({ layer: layers.dense({ units: 1 }) });
    const model = tfk.sequential([tfk.input({ shape: [2] }), layer]);
    model.compile({ optimizer: { type: 'adam', learningRate: 0.1 }, loss: 'mse', threads: 1 });
    const u = layer.getWeights()[1];
    const { loss = [] } = await model.fit(
      [
        [1, 0],
        [0, 1],
      ],
      [[0.5], [0]],
      { epochs: 40, verbose: 0 },
    );
    expect(loss.at(-1)).toBeLessThan((loss[0] as number) / 2);
    expect(layer.getWeights()[1]?.data).not.toEqual(u?.data);
  });

  test('needs a kernel', () => {
    const layer = layers.spectralNormalization({ layer: { type: 'flatten' } });
    expect(() => layer.apply(tfk.input({ shape: [2] }))).toThrow('a weight "kernel" or "embeddings"');
  });
});

test("a wrapper of one's own calls the layer inside", async () => {
  class Twice extends layers.Wrapper {
    static override readonly className = 'Twice';
    call(inputs: tfk.Values, options: tfk.CallOptions): readonly tfk.Value[] {
      return this.layer.invoke(this.layer.invoke(inputs, options), options);
    }
  }
  const twice = new Twice({
    layer: { type: 'dense', name: 'inner', units: 2, kernelInitializer: { type: 'constant', value: 2 } },
  });
  const model = tfk.sequential([tfk.input({ shape: [2] }), twice]);
  expect((await model.predict([[1, 0]])).array()).toEqual([[8, 8]]);
  expect(twice.weights.map((w) => w.path)).toEqual([
    `${model.name}/twice/inner/kernel`,
    `${model.name}/twice/inner/bias`,
  ]);
});
