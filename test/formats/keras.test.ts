import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import * as z from 'zod';
import type { LoadOptions } from '../../src/formats/save.ts';
import { loadModel } from '../../src/formats/save.ts';
import { readZip } from '../../src/formats/zip.ts';
import * as tfk from '../../src/index.ts';
import { expectClose, type Tolerance } from '../helpers/close.ts';
import { type GoldenTensor, goldenTensor, readGolden } from '../helpers/golden.ts';
import { type KerasSample, kerasSamples, layerModels, lowRank, numbers } from './keras-samples.ts';

const tolerance: Tolerance = { rtol: 1e-5, atol: 1e-5 };
const same: Tolerance = { rtol: 0, atol: 0 };
const rounding: Tolerance = { rtol: 1e-5, atol: 1e-6 };
const { dense, dropout, flatten } = tfk.layers;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tfk-keras-'));
});
afterAll(() => rm(folder, { recursive: true }));
const at = (name: string): string => join(folder, name);

const predict = async (model: tfk.Model, x: readonly tfk.Tensor[]): Promise<tfk.Tensor[]> =>
  [await model.predict(x)].flat();

function expectSame(
  actual: readonly tfk.Tensor[],
  expected: readonly tfk.Tensor[],
  allowed: Tolerance,
  label: string,
): void {
  expect(actual.map((t) => t.shape)).toEqual(expected.map((t) => t.shape));
  for (const [i, t] of expected.entries())
    expectClose(actual[i]?.data ?? [], t.data, allowed, `${label} ${i}`);
}

const optimizerOf = (model: tfk.Model): tfk.Tensor[] =>
  model.compiled?.store?.state.variables.map((v) => v.read()) ?? [];

/** Saves and loads. */
async function reload(model: tfk.Model, name: string, options: LoadOptions = {}): Promise<tfk.Model> {
  await model.save(at(`${name}.keras`));
  return loadModel(at(`${name}.keras`), options);
}

interface GoldenFile {
  readonly inputs: readonly GoldenTensor[];
  readonly targets: readonly GoldenTensor[];
  readonly outputs: readonly GoldenTensor[];
  readonly evaluate: Readonly<Record<string, number>>;
  readonly weights: readonly GoldenTensor[];
  readonly optimizer: readonly GoldenTensor[];
}

describe.each(['sequential-convnet', 'functional-two-inputs', 'nested-model'])(
  '%s, saved by Keras',
  (name) => {
    const golden = readGolden<GoldenFile>(`keras/${name}.json`);
    const [x, y] = [golden.inputs.map(goldenTensor), golden.targets.map(goldenTensor)];
    let model: tfk.Model;
    beforeAll(async () => {
      model = await loadModel(join(process.cwd(), `test/golden/keras/${name}.keras`));
    });

    test('has its weights, in order, and its optimizer state', () => {
      expectSame(model.getWeights(), golden.weights.map(goldenTensor), tolerance, 'weight');
      expectSame(optimizerOf(model), golden.optimizer.map(goldenTensor), tolerance, 'optimizer variable');
    });

    test('computes what Keras computes', async () => {
      expectSame(await predict(model, x), golden.outputs.map(goldenTensor), tolerance, 'output');
      const logs = await model.evaluate(x, y, { verbose: 0 });
      expect(Object.keys(logs).sort()).toEqual(Object.keys(golden.evaluate).sort());
      for (const [key, value] of Object.entries(golden.evaluate)) expect(logs[key]).toBeCloseTo(value, 5);
    });

    test('comes back from a file of ours', async () => {
      const again = await reload(model, name);
      expectSame(await predict(again, x), await predict(model, x), same, 'output');
      expectSame(optimizerOf(again), optimizerOf(model), same, 'optimizer variable');
    });
  },
);

describe('low-rank updates from the start', () => {
  test('saved by Keras: part of the kernels, new ones beside them', async () => {
    const golden = readGolden<GoldenFile>('keras/low-rank.json');
    const model = await loadModel(join(process.cwd(), 'test/golden/keras/low-rank.keras'));
    expect(model.weights.map(({ name, shape }) => [name, shape])).toEqual(
      golden.weights.map(({ name = '', shape }) => [name.split('/').at(-1), shape]),
    );
    expectSame(
      await predict(model, golden.inputs.map(goldenTensor)),
      golden.outputs.map(goldenTensor),
      tolerance,
      'output',
    );
    const adapted = model.layers.flatMap((layer) =>
      layer instanceof tfk.layers.Adaptable ? [layer.lora] : [],
    );
    // an Embedding of Keras 3.15 forgets its lora_alpha when it is built
    expect(adapted).toEqual([
      { rank: 2, alpha: 2 },
      { rank: 1, alpha: 3 },
      { rank: 2, alpha: 2 },
      { rank: 1, alpha: 1 },
    ]);
  });

  test('come back from a file of ours, and train', async () => {
    const model = lowRank.make();
    const again = await reload(model, 'low-rank');
    expectSame(await predict(again, lowRank.x), await predict(model, lowRank.x), rounding, 'output');
    const names = again.trainableWeights.map(({ name }) => name);
    expect(names.filter((name) => name.startsWith('lora_'))).toHaveLength(8);
    expect(names).not.toContain('kernel');
    again.compile({ optimizer: { type: 'sgd', learningRate: 1e-3 }, loss: 'mse' });
    const y = numbers([6, 2], 'float32', 2);
    const [first, , last] = [
      await again.trainOnBatch(lowRank.x, y),
      await again.trainOnBatch(lowRank.x, y),
      await again.trainOnBatch(lowRank.x, y),
    ];
    expect(last?.loss).toBeLessThan(first?.loss as number);
  });
});

describe.each(['.keras', '.h5'])('low-rank updates of a compiled model, in %s', (ending) => {
  const batch = [numbers([6, 3, 3, 2]), numbers([6, 2], 'float32', 2)] as const;
  const make = (loraRank: number | null): tfk.Model =>
    tfk.sequential([
      tfk.input({ shape: [3, 3, 2] }),
      tfk.layers.conv2dTranspose({ filters: 2, kernelSize: 2 }),
      flatten(),
      dense({ units: 2, loraRank }),
    ]);
  const reloaded = async (model: tfk.Model, name: string): Promise<tfk.Model> => {
    model.compile({ optimizer: 'adam', loss: 'mse' });
    for (let step = 0; step < 3; step++) await model.trainOnBatch(...batch);
    await model.save(at(name + ending));
    const again = await tfk.loadModel(at(name + ending));
    expectSame(await predict(again, [batch[0]]), await predict(model, [batch[0]]), rounding, 'output');
    expect(Number.isFinite((await again.trainOnBatch(...batch)).loss)).toBe(true);
    return again;
  };
  const plain = ['kernel', 'bias', 'kernel', 'bias'];
  const namesOf = (model: tfk.Model): string[] => model.weights.map(({ name }) => name);

  test('from the start: come back', async () => {
    const again = await reloaded(make(2), 'started');
    expect(namesOf(again)).toEqual([...plain, 'lora_kernel_a', 'lora_kernel_b']);
  });

  test('enabled later, or merged: the sum comes back', async () => {
    expect(namesOf(await reloaded(make(null).enableLora(1), 'enabled'))).toEqual(plain);
    expect(namesOf(await reloaded(make(2).mergeLora(), 'merged'))).toEqual(plain);
  });
});

async function train(model: tfk.Model, { x, y }: KerasSample): Promise<void> {
  for (let step = 0; step < 3; step++) await model.trainOnBatch(x, y);
}

test.each(kerasSamples.map((sample) => [sample.name, sample] as const))(
  '%s: training goes on after loading as if nothing had happened',
  async (name, sample) => {
    const model = sample.make();
    await train(model, sample);
    const again = await reload(model, name);
    expectSame(await predict(again, sample.x), await predict(model, sample.x), same, 'output');
    expectSame(optimizerOf(again), optimizerOf(model), same, 'optimizer variable');
    await train(model, sample);
    await train(again, sample);
    expectSame(again.getWeights(), model.getWeights(), rounding, 'weight');
    const [logs, expected] = await Promise.all(
      [again, model].map((m) => m.evaluate(sample.x, sample.y, { verbose: 0 })),
    );
    expect(Object.keys(logs ?? {})).toEqual(Object.keys(expected ?? {}));
    expectClose(Object.values(logs ?? {}), Object.values(expected ?? {}), rounding, 'evaluate');
  },
);

/** Configs of all layers, those of the layers inside them too. */
const configsOf = (model: tfk.Model): unknown =>
  JSON.parse(
    JSON.stringify(
      model.layers.map((l) => l.getConfig()),
      (_key, v: unknown) => (v instanceof tfk.Layer ? v.getConfig() : v),
    ),
  );

test('every layer comes back', async () => {
  for (const { name, make, x } of layerModels.filter(({ name }) => name.endsWith('-0'))) {
    const model = make();
    const again = await reload(model, name);
    expectSame(again.getWeights(), model.getWeights(), same, name);
    expect(configsOf(again)).toEqual(configsOf(model));
    expect(again.outputs.map((y) => y.shape)).toEqual(model.outputs.map((y) => y.shape));
    expect(x.length).toBe(again.inputs.length);
  }
});

describe('weights alone', () => {
  const make = (units = 2): tfk.Model =>
    tfk.sequential([
      tfk.input({ shape: [3] }),
      dense({ units: 4 }),
      dropout({ rate: 0.5 }),
      dense({ units }),
    ]);

  test.each(['.weights.h5', '.keras'])('go from model to model through %s', async (ending) => {
    const [from, to] = [make(), make()];
    await from.save(at(`alone${ending}`));
    await to.loadWeights(at(`alone${ending}`));
    expectSame(to.getWeights(), from.getWeights(), same, 'weight');
  });

  test('change nothing where one of them does not fit', async () => {
    const to = make(3);
    const before = to.getWeights();
    await make().save(at('two.weights.h5'));
    await expect(to.loadWeights(at('two.weights.h5'))).rejects.toThrow(
      'layers/dense_1/vars/0: expected shape [4,3] of weight "',
    );
    expectSame(to.getWeights(), before, same, 'weight');
    await expect(tfk.sequential([dense({ units: 1 })]).loadWeights(at('two.weights.h5'))).rejects.toThrow(
      'no weights yet',
    );
  });

  test('of another model are refused with the layer that is missing', async () => {
    await make().save(at('short.weights.h5'));
    const longer = tfk.sequential([make(), dense({ units: 1 })]);
    longer.inferOutputs([{ dtype: 'float32', shape: [null, 3] }]);
    await expect(longer.loadWeights(at('short.weights.h5'))).rejects.toThrow(
      /expected 2 weights \(kernel, bias\) in "layers\/sequential\/layers\/dense\/vars"\. Received 0/,
    );
  });
});

test('layers shared between a model and a model inside it stay shared', async () => {
  const [a, p] = [tfk.input({ shape: [3] }), tfk.input({ shape: [3] })];
  const common = dense({ units: 3, activation: 'tanh' });
  const inner = tfk.model({ inputs: p, outputs: common.apply(p) });
  const model = tfk.model({ inputs: a, outputs: dense({ units: 1 }).apply(inner.apply(common.apply(a))) });
  const again = await reload(model, 'shared');
  expect(again.weights).toHaveLength(4);
  const x = [numbers([2, 3])];
  expectSame(await predict(again, x), await predict(model, x), same, 'output');
});

test('a model without an input is saved as it is and takes its shape from data', async () => {
  const again = await reload(tfk.sequential([dense({ units: 3 })], { name: 'late' }), 'late');
  expect([again.built, again.name]).toEqual([false, 'late']);
  expect((await predict(again, [numbers([2, 5])]))[0]?.shape).toEqual([2, 3]);
});

test('frozen layers, names and Keras spellings survive', async () => {
  const model = tfk.sequential([
    tfk.input({ shape: [3], name: 'start' }),
    dense({
      units: 2,
      name: 'body',
      activation: 'leakyRelu',
      kernelInitializer: { type: 'heNormal', seed: 3 },
    }),
    dense({ units: 1, name: 'head' }),
  ]);
  model.getLayer('body').trainable = false;
  const again = await reload(model, 'frozen');
  const trained = ['kernel', 'bias'].map((name) => `${model.name}/head/${name}`);
  expect(again.trainableWeights.map((w) => w.path)).toEqual(trained);
  expect(again.inputNames).toEqual(['start']);
  expect(again.getLayer('body').options).toMatchObject({
    activation: 'leakyRelu',
    kernelInitializer: { className: 'HeNormal', options: { seed: 3 } },
  });
});

test('a compiled model that was never trained comes back compiled; compile: false leaves that out', async () => {
  const model = tfk.sequential([tfk.input({ shape: [2] }), dense({ units: 1 })]);
  model.compile({ optimizer: { type: 'adam', learningRate: 0.25 }, loss: 'mse', metrics: ['mae'] });
  const again = await reload(model, 'fresh');
  expect(again.compiled?.learningRate).toBe(0.25);
  expect(await again.evaluate([[1, 2]], [[1]], { verbose: 0 })).toHaveProperty('mae');
  expect((await loadModel(at('fresh.keras'), { compile: false })).compiled).toBeUndefined();
});

class Scale extends tfk.Layer<typeof Scale.schema> {
  static override readonly className = 'Scale';
  static override readonly schema = tfk.layerOptions.extend({ by: z.number() });
  call([x]: tfk.Values): tfk.Value {
    return tfk.ops.mul(x, this.options.by);
  }
}

test("a layer of the user's own is registered, or named in customObjects", async () => {
  const model = tfk.sequential([tfk.input({ shape: [2] }), new Scale({ by: 3 })]);
  await expect(reload(model, 'custom')).rejects.toThrow('customObjects: { "Scale": MyClass }');
  const again = await reload(model, 'custom', { customObjects: { Scale } });
  expect((await predict(again, [tfk.tensor([[1, 2]])]))[0]?.array()).toEqual([[3, 6]]);
  tfk.register(Scale, { package: 'mine' });
  expect((await reload(model, 'registered')).getLayer(0)).toBeInstanceOf(Scale);
});

test("files are Keras's: three stored members, its paths, whole floats as floats", async () => {
  const model = tfk.sequential([tfk.input({ shape: [2] }), dense({ units: 1, name: 'out' })]);
  model.compile({ optimizer: { type: 'sgd', momentum: 0 }, loss: 'mse' });
  await model.save(at('form.keras'));
  const zip = await readZip(await readFile(at('form.keras')));
  expect(zip.names).toEqual(['metadata.json', 'config.json', 'model.weights.h5']);
  const config = Buffer.from(await zip.read('config.json')).toString();
  expect(config).toContain('"momentum": 0.0');
  expect(JSON.parse(config).config.layers[1]).toMatchObject({
    module: 'keras.layers',
    class_name: 'Dense',
    config: { units: 1, activation: 'linear', use_bias: true, dtype: { class_name: 'DTypePolicy' } },
    build_config: { input_shape: [null, 2] },
  });
});

test('paths', async () => {
  const model = tfk.sequential([tfk.input({ shape: [2] }), dense({ units: 1 })]);
  await expect(model.save(at('model.bin'))).rejects.toThrow('expected a path that ends in .keras');
  await model.saveWeights(at('model.weights.h5'));
  await expect(tfk.loadModel(at('model.weights.h5'))).rejects.toThrow('holds weights alone');
  for (const ending of ['.weights.json', '.safetensors', '.npz']) {
    await model.saveWeights(at(`model${ending}`));
    await expect(tfk.loadModel(at(`model${ending}`))).rejects.toThrow('holds weights alone');
  }
  await expect(tfk.loadModel(at('absent.keras'))).rejects.toThrow('no such file');
  await writeFile(at('there.keras'), 'mine');
  await expect(model.save(at('there.keras'), { overwrite: false })).rejects.toThrow('exists already');
  expect(await readFile(at('there.keras'), 'utf8')).toBe('mine');
  await model.save(at('there.keras'));
  await tfk.loadModel(at('there.keras'));
});

test("a model that is a class of the user's own can be saved as weights only", async () => {
  class Own extends tfk.Model {
    static override readonly className = 'Own';
    readonly #body = this.track(dense({ units: 2 }));
    call([x]: tfk.Values, options: tfk.CallOptions): readonly tfk.Value[] {
      return this.#body.invoke([x], options);
    }
  }
  const [from, to] = [new Own({}), new Own({})];
  for (const model of [from, to]) model.inferOutputs([{ dtype: 'float32', shape: [null, 3] }]);
  await expect(from.save(at('own.keras'))).rejects.toThrow('save the weights alone');
  await from.save(at('own.weights.h5'));
  await to.loadWeights(at('own.weights.h5'));
  expectSame(to.getWeights(), from.getWeights(), same, 'weight');
});
