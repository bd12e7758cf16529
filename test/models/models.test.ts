import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import {
  ConfigError,
  clearSession,
  Functional,
  input,
  layers,
  type Model,
  model,
  Sequential,
  ShapeError,
  sequential,
  type Tensor,
  tensor,
} from '../../src/index.ts';
import { column, normalData, quiet } from '../helpers/small-models.ts';

beforeEach(clearSession);
afterEach(clearSession);

const residual = (): Model => {
  const image = input({ shape: [4, 4, 2], name: 'image' });
  const conv = layers.conv2d({ filters: 2, kernelSize: 3, padding: 'same', activation: 'relu' }).apply(image);
  const norm = layers.batchNormalization().apply(conv);
  const sum = layers.add().apply([image, norm]);
  const flat = layers.flatten().apply(sum);
  const value = layers.dense({ units: 1, name: 'value' }).apply(flat);
  const kind = layers.dense({ units: 3, activation: 'softmax', name: 'kind' }).apply(flat);
  return model({ inputs: image, outputs: [value, kind], name: 'residual' });
};

describe('sequential', () => {
  test('knows its shapes with an input in front, and finds them from data without', async () => {
    const known = sequential([input({ shape: [3] }), layers.dense({ units: 2 })]);
    expect(known.outputs[0]?.shape).toEqual([null, 2]);
    expect(known.countParams()).toBe(8);
    const late = sequential([layers.dense({ units: 2 }), layers.dense({ units: 1 })]);
    expect([late.built, late.weights.length]).toEqual([false, 0]);
    await late.predict(normalData([2, 3]));
    expect([late.built, late.countParams()]).toEqual([true, 3 * 2 + 2 + 2 + 1]);
  });

  test('add and pop: layer by layer', () => {
    const made = new Sequential();
    made.add(input({ shape: [3] }));
    made.add(layers.dense({ units: 4 }));
    made.add(layers.dense({ units: 2 }));
    expect(made.outputs[0]?.shape).toEqual([null, 2]);
    made.pop();
    expect(made.outputs[0]?.shape).toEqual([null, 4]);
    expect(made.countParams()).toBe(16);
    expect(made.layers.map((l) => l.name)).toEqual(['dense']);
  });

  test('names are unique, inputs stand in front', () => {
    const same = () =>
      sequential([layers.dense({ units: 1, name: 'a' }), layers.dense({ units: 1, name: 'a' })]);
    expect(same).toThrow(/two layers are named "a"/);
    const late = () => sequential([layers.dense({ units: 1 }), input({ shape: [1] })]);
    expect(late).toThrow(/an input may only stand in front/);
    expect(() =>
      sequential([input({ shape: [2, 2] }), layers.conv2d({ filters: 1, kernelSize: 3 })]),
    ).toThrow(/conv2d.*expected a 4-D input \[batch, height, width, channels\]/);
  });

  test('automatic names are those of Keras', () => {
    const made = sequential([
      layers.dense({ units: 1 }),
      layers.dense({ units: 1 }),
      layers.conv2d({ filters: 1, kernelSize: 1 }),
      layers.maxPooling2d(),
      layers.batchNormalization(),
    ]);
    const names = ['dense', 'dense_1', 'conv2d', 'max_pooling2d', 'batch_normalization'];
    expect([made.name, ...made.layers.map((l) => l.name)]).toEqual(['sequential', ...names]);
  });

  test('an empty model says so', async () => {
    await expect(sequential().predict(column(1))).rejects.toThrow(/no layers/);
  });
});

describe('functional', () => {
  test('several outputs, branches and merges; weights in Keras order', () => {
    const made = residual();
    expect(made).toBeInstanceOf(Functional);
    expect(made.inputNames).toEqual(['image']);
    expect(made.outputNames).toEqual(['value', 'kind']);
    expect(made.weights.map((w) => w.path)).toEqual([
      'conv2d/kernel',
      'conv2d/bias',
      'batch_normalization/gamma',
      'batch_normalization/beta',
      'batch_normalization/moving_mean',
      'batch_normalization/moving_variance',
      'value/kernel',
      'value/bias',
      'kind/kernel',
      'kind/bias',
    ]);
  });

  test('part of a model is a model of its own that shares the weights', async () => {
    const whole = residual();
    const features = model({
      inputs: whole.inputs,
      outputs: whole.getLayer('flatten').calls[0]?.outputs ?? [],
    });
    const y = (await features.predict(normalData([2, 4, 4, 2]))) as Tensor;
    expect(y.shape).toEqual([2, 32]);
    expect(features.weights[0]).toBe(whole.weights[0]);
  });

  test('a model is called like a layer, also on several inputs', async () => {
    const [a, b] = [input({ shape: [1] }), input({ shape: [1] })];
    const minus = model({ inputs: [a, b], outputs: layers.subtract().apply([a, b]) });
    const [c, d] = [input({ shape: [1] }), input({ shape: [1] })];
    const both = model({ inputs: [c, d], outputs: minus.apply([d, c]) });
    const y = (await both.predict([column(1, 2), column(5, 7)])) as Tensor;
    expect(y.array()).toEqual([[4], [5]]);
  });

  test('what does not fit together is refused where it is wired', () => {
    const [x, other] = [input({ shape: [4], name: 'x' }), input({ shape: [4], name: 'other' })];
    const y = layers.add().apply([x, other]);
    expect(() => model({ inputs: x, outputs: y })).toThrow(/depends on the input "other", which is not one/);
    expect(() => model({ inputs: y, outputs: y })).toThrow(/inputs must come from tfk.input\(\)/);
    const twice = layers.dense({ units: 1, name: 'x' }).apply(x);
    expect(() => model({ inputs: x, outputs: twice })).toThrow(/two layers are named "x"/);
    expect(() => layers.dense({ units: 1 }).apply(tensor([1]) as never)).toThrow(/takes symbolic tensors/);
    expect(() => layers.add().apply([x, input({ shape: [5] })])).toThrow(ShapeError);
    expect(() => layers.dense({ units: 1 }).apply([x, other])).toThrow(/takes 1 inputs\. Received 2/);
  });

  test('a dynamic axis: shapes of every batch', async () => {
    const x = input({ shape: [null, 2] });
    const made = model({ inputs: x, outputs: layers.dense({ units: 3 }).apply(x) });
    expect(made.outputs[0]?.shape).toEqual([null, null, 3]);
    for (const length of [1, 4]) {
      expect(((await made.predict(normalData([2, length, 2]))) as Tensor).shape).toEqual([2, length, 3]);
    }
  });

  test('integers go into float inputs, and whole numbers into an embedding', async () => {
    const x = input({ shape: [2], dtype: 'int32' });
    const made = model({ inputs: x, outputs: layers.embedding({ inputDim: 3, outputDim: 2 }).apply(x) });
    expect(((await made.predict(tensor([[0, 2]]))) as Tensor).shape).toEqual([1, 2, 2]);
    const line = sequential([input({ shape: [1] }), layers.activation({ activation: 'linear' })]);
    expect(((await line.predict(tensor([[3]], [1, 1], 'int32'))) as Tensor).dtype).toBe('float32');
  });
});

describe('weights and layers', () => {
  test('getLayer by name, by position, and not at all', () => {
    const made = residual();
    expect(made.getLayer('kind').name).toBe('kind');
    expect(made.getLayer(0).name).toBe('image');
    expect(made.getLayer(-1)).toBe(made.layers.at(-1));
    expect(() => made.getLayer('kin')).toThrow(/no layer "kin".*Its layers: image, conv2d/);
    expect(() => made.getLayer(99)).toThrow(ConfigError);
  });

  test('getWeights gives copies, setWeights puts them back', async () => {
    const made = sequential([input({ shape: [2] }), layers.dense({ units: 1 })]);
    const [kernel] = made.getWeights();
    (kernel as Tensor).data.fill(0 as never);
    expect(made.getWeights()[0]?.data).not.toEqual(kernel?.data);
    made.setWeights([tensor([[1], [2]]), tensor([3])]);
    expect(((await made.predict(tensor([[1, 1]]))) as Tensor).item()).toBe(6);
    made.getLayer('dense').setWeights([tensor([[0], [0]]), tensor([-1])]);
    expect(((await made.predict(tensor([[1, 1]]))) as Tensor).item()).toBe(-1);
  });

  test('setWeights reach a model that has trained', async () => {
    const made = sequential([input({ shape: [1] }), layers.dense({ units: 1, useBias: false })]);
    made.compile({ optimizer: { type: 'sgd', learningRate: 0 }, loss: 'mse', threads: 1 });
    await made.fit(column(1), column(1), quiet);
    made.setWeights([tensor([[5]])]);
    await made.fit(column(1), column(1), quiet);
    expect(made.getWeights()[0]?.item()).toBe(5);
    expect(((await made.predict(column(2))) as Tensor).item()).toBe(10);
  });

  test('setWeights of another number or shape', () => {
    const made = sequential([input({ shape: [2] }), layers.dense({ units: 1 })]);
    expect(() => made.setWeights([tensor([[1], [2]])])).toThrow(
      /has 2 weights \(kernel\[2,1\], bias\[1\]\). Received 1/,
    );
    expect(() => made.setWeights([tensor([[1, 2]]), tensor([0])])).toThrow(
      /dense\/kernel": expected shape \[2,1\]. Received \[1,2\]/,
    );
    const unbuilt = sequential([layers.dense({ units: 1 })]);
    expect(() => unbuilt.setWeights([tensor([1])])).toThrow(/not built yet/);
  });
});

const chainSummary = `
Model: "sequential"
┌──────────────────────────────────────────┬──────────────┬────────┐
│ Layer (type)                             │ Output shape │ Params │
├──────────────────────────────────────────┼──────────────┼────────┤
│ conv2d (Conv2D)                          │ [?,26,26,32] │    320 │
│ max_pooling2d (MaxPooling2D)             │ [?,13,13,32] │      0 │
│ batch_normalization (BatchNormalization) │ [?,13,13,32] │    128 │
│ flatten (Flatten)                        │ [?,5408]     │      0 │
│ dense (Dense)                            │ [?,10]       │ 54,090 │
└──────────────────────────────────────────┴──────────────┴────────┘
 Total params: 54,538 (213.04 KB)
 Trainable params: 54,474 (212.79 KB)
 Non-trainable params: 64 (256 B)
`;

describe('summary', () => {
  test('of a chain', () => {
    const made = sequential([
      input({ shape: [28, 28, 1] }),
      layers.conv2d({ filters: 32, kernelSize: 3, activation: 'relu' }),
      layers.maxPooling2d(),
      layers.batchNormalization(),
      layers.flatten(),
      layers.dense({ units: 10 }),
    ]);
    const printed: string[] = [];
    const text = made.summary({ print: (line) => printed.push(line) });
    expect(printed).toEqual([text]);
    expect(text).toBe(chainSummary.trim());
  });

  test('of a graph: where each layer comes from; before the shapes are known', () => {
    const text = residual().summary({ print: null });
    expect(text).toMatch(/│ add \(Add\) +│ \[\?,4,4,2\] +│ +0 │ image, batch_normalization +│/);
    expect(text).toMatch(/│ image \(InputLayer\) +│ \[\?,4,4,2\]/);
    const unbuilt = sequential([layers.dense({ units: 1 })]).summary({ print: null });
    expect(unbuilt).toMatch(/│ dense_?\d* \(Dense\) │ \? +│ not built │/);
    expect(unbuilt).toMatch(/Total params: 0 \(0 B\)/);
  });

  test('a chain made with add has no connections to show; the optimizer counts once it trains', async () => {
    const made = new Sequential();
    made.add(input({ shape: [2] }));
    made.add(layers.dense({ units: 3 }));
    made.add(layers.dense({ units: 1 }));
    expect(made.summary({ print: null })).not.toMatch(/Connected to/);
    made.compile({ optimizer: 'adam', loss: 'mse', threads: 1 });
    await made.fit(normalData([2, 2]), normalData([2, 1]), quiet);
    expect(made.summary({ print: null })).toMatch(/Optimizer params: 28 /);
  });
});
