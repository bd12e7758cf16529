import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { FormatError } from '../../src/errors.ts';
import { readHdf5, writeHdf5 } from '../../src/formats/hdf5.ts';
import { modernTraining } from '../../src/formats/legacy-training.ts';
import * as tfk from '../../src/index.ts';
import { expectClose } from '../helpers/close.ts';
import { type GoldenTensor, goldenTensor, readGolden } from '../helpers/golden.ts';
import { normalData, quiet } from '../helpers/small-models.ts';

const folder = mkdtempSync(join(tmpdir(), 'tfk-foreign-'));
afterAll(() => rmSync(folder, { recursive: true }));
const at = (name: string): string => join(folder, name);
const golden = (name: string): string => join(process.cwd(), 'test/golden', name);
const close = { rtol: 1e-5, atol: 1e-6 };

interface Recorded {
  readonly shape: readonly number[];
  readonly data: readonly number[];
}
const tensorOf = ({ shape, data }: Recorded): tfk.Tensor => tfk.tensor(Float32Array.from(data), shape);

async function expectOutputs(model: tfk.Model, x: tfk.Tensor, expected: readonly Recorded[]): Promise<void> {
  const outputs = [await model.predict(x, { verbose: 0 })].flat();
  expect(outputs.map(({ shape }) => shape)).toEqual(expected.map(({ shape }) => shape));
  for (const [i, y] of outputs.entries()) expectClose(y.data, expected[i]?.data ?? [], close, `output ${i}`);
}

describe('legacy .h5', () => {
  test.each(['legacy-sequential', 'legacy-functional', 'legacy-adapted'])(
    '%s, written by Keras',
    async (name) => {
      const path = golden(`keras/${name}.h5`);
      const record = JSON.parse(readFileSync(`${path}.json`, 'utf8')) as {
        inputs: Recorded[];
        outputs: Recorded[];
      };
      const x = tensorOf(record.inputs[0] as Recorded);
      const model = await tfk.loadModel(path);
      await expectOutputs(model, x, record.outputs);
      const blank = await tfk.loadModel(path);
      blank.setWeights(blank.getWeights().map((w) => tfk.tensor(new Float32Array(w.size), w.shape)));
      await blank.loadWeights(path);
      await expectOutputs(blank, x, record.outputs);
    },
  );

  // Keras 3.15 does not know the short names of losses when it reads such a file, its own ones either
  test('has losses spelled out', async () => {
    const model = tfk.sequential([tfk.input({ shape: [2] }), tfk.layers.dense({ units: 1, name: 'd' })]);
    model.compile({ loss: { d: 'mse' }, metrics: ['mae'] });
    await model.save(at('named.h5'));
    const text = await readHdf5(at('named.h5'), (file) => file.attribute('/', 'training_config'));
    expect(JSON.parse(String(text))).toMatchObject({
      loss: { d: { class_name: 'MeanSquaredError' } },
      metrics: ['mae'],
    });
    expect((await tfk.loadModel(at('named.h5'))).compiled).toBeDefined();
  });

  const layer = (class_name: string, config: object) => ({ class_name, config });
  const keras2 = layer('Sequential', {
    name: 'old',
    layers: [
      layer('Dense', {
        name: 'first',
        trainable: true,
        batch_input_shape: [null, 2],
        dtype: 'float32',
        units: 2,
        activation: 'linear',
        use_bias: true,
        kernel_initializer: layer('VarianceScaling', {
          scale: 1,
          mode: 'fan_avg',
          distribution: 'uniform',
          seed: null,
        }),
        bias_initializer: layer('Zeros', {}),
        kernel_regularizer: layer('L1L2', { l1: 0, l2: 0.5 }),
        bias_regularizer: null,
      }),
      layer('BatchNormalization', {
        name: 'normal',
        trainable: true,
        axis: [1],
        momentum: 0.9,
        epsilon: 0.5,
        center: true,
        scale: false,
      }),
    ],
  });
  const writeKeras2 = async (config?: object): Promise<void> => {
    const stored: [string, tfk.Tensor][] = [
      [
        'first/first/kernel:0',
        tfk.tensor([
          [1, 2],
          [3, 4],
        ]),
      ],
      ['first/first/bias:0', tfk.tensor([5, 6])],
      ['normal/normal/beta:0', tfk.tensor([1, 1])],
      ['normal/normal/moving_mean:0', tfk.tensor([9, 0])],
      ['normal/normal/moving_variance:0', tfk.tensor([0.5, 3.5])],
    ];
    const bytes = await writeHdf5((file) => {
      if (config) file.attribute('/', 'model_config', JSON.stringify(config));
      file.attribute('/model_weights', 'layer_names', ['first', 'normal']);
      for (const name of ['first', 'normal']) {
        const paths = stored
          .filter(([path]) => path.startsWith(name))
          .map(([path]) => path.slice(name.length + 1));
        file.attribute(`/model_weights/${name}`, 'weight_names', paths);
      }
      for (const [path, tensor] of stored) file.dataset(`model_weights/${path}`, tensor);
    });
    await writeFile(at('old.h5'), bytes);
  };

  test('as Keras 2 wrote it', async () => {
    await writeKeras2(keras2);
    const model = await tfk.loadModel(at('old.h5'));
    // x = [1, 1]: [9, 12], less the means, over the roots of 1 and 4, plus 1
    expect(((await model.predict([[1, 1]], { verbose: 0 })) as tfk.Tensor).array()).toEqual([[1, 7]]);
  });

  test('weights by order, by name, and those that fit', async () => {
    await writeKeras2();
    await expect(tfk.loadModel(at('old.h5'))).rejects.toThrow(/weights alone/);
    const make = (name: string, units = 2) =>
      tfk.sequential([
        tfk.input({ shape: [2] }),
        tfk.layers.dense({ units, name }),
        tfk.layers.batchNormalization({ scale: false, name: 'normal' }),
      ]);
    const inOrder = make('renamed');
    await inOrder.loadWeights(at('old.h5'));
    expect(inOrder.getWeights()[1]?.array()).toEqual([5, 6]);
    const named = make('renamed');
    await named.loadWeights(at('old.h5'), { byName: true });
    expect(
      named
        .getWeights()
        .slice(1)
        .map((w) => w.array()),
    ).toEqual([
      [0, 0],
      [1, 1],
      [9, 0],
      [0.5, 3.5],
    ]);
    await expect(make('first', 3).loadWeights(at('old.h5'))).rejects.toThrow(/"first".*kernel.*\[2,3\]/);
    const wide = make('first', 3);
    await wide.loadWeights(at('old.h5'), { skipMismatch: true });
    expect(wide.getWeights()[1]?.array()).toEqual([0, 0, 0]);
  });
});

describe('how a legacy .h5 was compiled', () => {
  interface Continued {
    readonly inputs: GoldenTensor[];
    readonly targets: GoldenTensor[];
    readonly history: Readonly<Record<string, readonly number[]>>;
    readonly outputs: GoldenTensor[];
  }
  const record = readGolden<Continued>('keras/legacy-compiled.h5.json');
  const [x, y] = [record.inputs, record.targets].map((list) => list.map(goldenTensor)) as [
    tfk.Tensor[],
    tfk.Tensor[],
  ];
  const tolerance = { rtol: 1e-5, atol: 5e-6 };

  test('saved by Keras in the middle of training, it goes on as with Keras', async () => {
    const model = await tfk.loadModel(golden('keras/legacy-compiled.h5'));
    const history = await model.fit(x, y, { ...quiet, batchSize: 4 });
    expect(Object.keys(history).sort()).toEqual(Object.keys(record.history).sort());
    for (const [key, values] of Object.entries(record.history))
      expectClose(history[key] ?? [], values, tolerance, key);
    await expectOutputs(model, x[0] as tfk.Tensor, record.outputs);
  });

  test('what is saved goes on as if it had not been', async () => {
    const model = await tfk.loadModel(golden('keras/legacy-compiled.h5'));
    await model.save(at('trained.h5'));
    const back = await tfk.loadModel(at('trained.h5'));
    const histories = [model, back].map((m) => m.fit(x, y, { ...quiet, batchSize: 4 }));
    expect(await histories[1]).toEqual(await histories[0]);
    expect(back.getWeights()).toEqual(model.getWeights());
    const plain = await tfk.loadModel(at('trained.h5'), { compile: false });
    expect(plain.compiled).toBeUndefined();
  });

  test('as Keras 2 wrote it', () => {
    const training = {
      loss: { class_name: 'BinaryCrossentropy', config: { reduction: 'auto', from_logits: true, fn: 'f' } },
      metrics: [{ class_name: 'MeanMetricWrapper', config: { name: 'acc', fn: 'binary_accuracy' } }, 'mae'],
      loss_weights: null,
      optimizer_config: {
        class_name: 'Custom>Adam',
        config: {
          decay: 0,
          jit_compile: true,
          lr: { class_name: 'ExponentialDecay', config: { decay_rate: 0.5 } },
        },
      },
    };
    const object = (module: string, class_name: string, config: object) => ({
      module,
      class_name,
      config,
      registered_name: null,
    });
    const schedule = object('keras.optimizers.schedules', 'ExponentialDecay', { decay_rate: 0.5 });
    expect(modernTraining(training)).toEqual({
      loss: object('keras.losses', 'BinaryCrossentropy', { from_logits: true }),
      metrics: ['binary_accuracy', 'mae'],
      loss_weights: null,
      optimizer: object('keras.optimizers', 'Adam', { learning_rate: schedule }),
    });
  });
});

interface TfjsRecord {
  readonly name: string;
  readonly json: Record<string, unknown>;
  readonly weights: string;
  readonly input: Recorded;
  readonly outputs: readonly Recorded[];
}
const records = JSON.parse(readFileSync(golden('tfjs.json'), 'utf8')) as readonly TfjsRecord[];

describe('TensorFlow.js', () => {
  const write = async (json: unknown, weights = ''): Promise<string> => {
    await mkdir(at('web'), { recursive: true });
    await writeFile(at('web/model.json'), JSON.stringify(json));
    await writeFile(at('web/w.bin'), Buffer.from(weights, 'base64'));
    return at('web');
  };

  test.each(records)('$name', async ({ json, weights, input, outputs }) => {
    const model = await tfk.loadModel(await write(json, weights));
    await expectOutputs(model, tensorOf(input), outputs);
    await model.export(at('again/model.json'));
    const again = await tfk.loadModel(at('again/model.json'));
    expect(again.getWeights().map(({ data }) => data)).toEqual(model.getWeights().map(({ data }) => data));
    await expectOutputs(again, tensorOf(input), outputs);
  });

  test('what cannot be read is refused', async () => {
    const { json, weights } = records[0] as TfjsRecord;
    const group = { paths: ['w.bin'], weights: [] };
    const cases: [unknown, RegExp][] = [
      [{ ...json, format: 'graph-model' }, /graph model/],
      [{ ...json, weightsManifest: [{ ...group, paths: ['../w.bin'] }] }, /same folder/],
      [{ ...json, weightsManifest: [group] }, /expected 0 bytes/],
      [{ ...json, weightsManifest: 1 }, /weightsManifest/],
      [{ ...json, modelTopology: { class_name: 'Dense', config: {} } }, /Sequential or Functional/],
    ];
    for (const [bad, message] of cases)
      await expect(tfk.loadModel(await write(bad, weights))).rejects.toThrow(message);
    await expect(tfk.loadModel(await write(json, weights.slice(0, 400)))).rejects.toThrow(FormatError);
  });

  test('states of a recurrent layer follow its input; arguments that files cannot say are refused', async () => {
    const { input, layers } = tfk;
    const [x, h, c] = [[3, 2], [4], [4]].map((shape) => input({ shape })) as [
      tfk.SymbolicTensor,
      ...tfk.SymbolicTensor[],
    ];
    const initialState = [h, c] as tfk.SymbolicTensor[];
    const y = layers.lstm({ units: 4, name: 'lstm' }).apply(x, { initialState });
    const model = tfk.model({ inputs: [x, ...initialState], outputs: y });
    await model.export(at('states/model.json'));
    const { modelTopology } = JSON.parse(readFileSync(at('states/model.json'), 'utf8')) as {
      modelTopology: { config: { layers: { inbound_nodes: unknown[][] }[] } };
    };
    expect(modelTopology.config.layers.at(-1)?.inbound_nodes[0]).toHaveLength(3);
    const data = [
      [2, 3, 2],
      [2, 4],
      [2, 4],
    ].map((shape) => normalData(shape));
    expect(await (await tfk.loadModel(at('states/model.json'))).predict(data)).toEqual(
      await model.predict(data),
    );

    const heads = layers.multiHeadAttention({ numHeads: 1, keyDim: 2 });
    const causal = tfk.model({ inputs: x, outputs: heads.apply([x, x], { useCausalMask: true }) });
    await expect(causal.export(at('states/model.json'))).rejects.toThrow('called with "use_causal_mask"');
  });

  test('large weights go to several parts', async () => {
    const model = tfk.sequential([tfk.input({ shape: [1100] }), tfk.layers.dense({ units: 1000 })]);
    await model.export(at('large/model.json'));
    const { weightsManifest } = JSON.parse(readFileSync(at('large/model.json'), 'utf8')) as {
      weightsManifest: { paths: string[] }[];
    };
    expect(weightsManifest[0]?.paths).toEqual(['group1-shard1of2.bin', 'group1-shard2of2.bin']);
    await copyFile(at('large/model.json'), at('large/copy.json'));
    const x = normalData([1, 1100]);
    const [ours, theirs] = [model, await tfk.loadModel(at('large/copy.json'))];
    expect(((await theirs.predict(x, { verbose: 0 })) as tfk.Tensor).data).toEqual(
      ((await ours.predict(x, { verbose: 0 })) as tfk.Tensor).data,
    );
    await expect(model.export(at('large/other.json'))).rejects.toThrow(/model\.json/);
    await expect(model.export(at('large/model.json'), { batchSize: 1 })).rejects.toThrow(/ONNX/);
  });
});
