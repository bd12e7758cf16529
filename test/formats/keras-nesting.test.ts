import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { modelToKeras } from '../../src/formats/keras-model.ts';
import {
  applications,
  input,
  layers,
  loadModel,
  type Model,
  model,
  type SymbolicTensor,
  sequential,
  type Tensor,
  tensor,
} from '../../src/index.ts';

const { dense, lstmCell, gruCell, simpleRnnCell, rnn, timeDistributed } = layers;

/** Numbers for a batch of two. */
const waves = (shape: readonly number[]): Tensor => {
  const size = shape.reduce((a, b) => a * b);
  return tensor(
    Float32Array.from({ length: 2 * size }, (_, i) => Math.sin(i)),
    [2, ...shape],
  );
};

async function reloaded(made: Model): Promise<Model> {
  const path = join(await mkdtemp(join(tmpdir(), 'tfk-')), 'model.keras');
  await made.save(path);
  return loadModel(path);
}

// real Keras 3.15.1 loads what these write, with equal outputs
test('models inside TimeDistributed, and states of stacked cells, survive a file', async () => {
  const [x, y] = [input({ shape: [4] }), input({ shape: [5, 4] })];
  const functional = model({ inputs: x, outputs: dense({ units: 3 }).apply(x) });
  const chain = sequential([input({ shape: [3] }), dense({ units: 2 })]);
  const steps = timeDistributed({ layer: chain }).apply(timeDistributed({ layer: functional }).apply(y));
  const states = [3, 3, 2].map((units) => input({ shape: [units] }));
  const cells = [lstmCell({ units: 3 }), gruCell({ units: 2 })];
  const out = rnn({ cell: cells }).apply(steps, { initialState: states });
  const made = model({ inputs: [y, ...states], outputs: out });

  const data = [[5, 4], [3], [3], [2]].map(waves);
  const expected = await made.predict(data);
  expect(await (await reloaded(made)).predict(data)).toEqual(expected);

  // Keras wants the states of each cell together
  const { layers: written } = modelToKeras(made).config as unknown as {
    layers: { inbound_nodes: { kwargs: { initial_state: unknown[] } }[] }[];
  };
  const { initial_state: nested } = written.at(-1)?.inbound_nodes[0]?.kwargs ?? {};
  expect(nested?.map((part) => (Array.isArray(part) ? part.length : 1))).toEqual([2, 1]);
});

/** What a file says of a layer's first call, tensors by the layers they come from. */
function callOf(made: Model, name: string): unknown {
  const { layers: written } = modelToKeras(made).config as unknown as {
    layers: { name: string; build_config?: object; inbound_nodes: { args: unknown }[] }[];
  };
  const sources = (arg: unknown): unknown =>
    Array.isArray(arg)
      ? arg.map(sources)
      : (arg as { config: { keras_history: [string] } }).config.keras_history[0];
  const layer = written.find((one) => one.name === name);
  return { ...layer?.build_config, args: sources(layer?.inbound_nodes[0]?.args) };
}

test('cells that are called as layers have their states in a list of its own, as in Keras', async () => {
  const sizes = { x: 4, h: 3, c: 3, s: 2 };
  const [x, h, c, s] = Object.entries(sizes).map(([name, n]) => input({ shape: [n], name })) as [
    SymbolicTensor,
    SymbolicTensor,
    SymbolicTensor,
    SymbolicTensor,
  ];
  const gru = gruCell({ units: 3, name: 'gru' }).apply([x, h]);
  const lstm = lstmCell({ units: 3, name: 'lstm' }).apply([gru, h, c]);
  const cells = [lstmCell({ units: 3 }), simpleRnnCell({ units: 2 })];
  const stack = layers.stackedRnnCells({ cells, name: 'stack' }).apply([lstm, h, c, s]);
  const made = model({ inputs: [x, h, c, s], outputs: stack });

  expect(callOf(made, 'gru')).toEqual({ input_shape: [null, 4], args: ['x', ['h']] });
  expect(callOf(made, 'lstm')).toEqual({ input_shape: [null, 3], args: ['gru', ['h', 'c']] });
  expect(callOf(made, 'stack')).toEqual({ input_shape: [null, 3], args: ['lstm', [['h', 'c'], 's']] });
  const data = Object.values(sizes).map((n) => waves([n]));
  expect(await (await reloaded(made)).predict(data)).toEqual(await made.predict(data));
});

test('states of a layer in both directions are grouped cell by cell', () => {
  const x = input({ shape: [5, 4], name: 'x' });
  const states = [3, 3, 2, 3, 3, 2].map((n, i) => input({ shape: [n], name: `s${i}` }));
  const stack = rnn({ cell: [lstmCell({ units: 3 }), gruCell({ units: 2 })] });
  const y = layers.bidirectional({ layer: stack, name: 'both' }).apply(x, { initialState: states });
  const { layers: written } = modelToKeras(model({ inputs: [x, ...states], outputs: y }))
    .config as unknown as {
    layers: { inbound_nodes: { kwargs: { initial_state: unknown[] } }[] }[];
  };
  const { initial_state: nested } = written.at(-1)?.inbound_nodes[0]?.kwargs ?? {};
  expect(nested?.map((part) => (Array.isArray(part) ? part.length : 1))).toEqual([2, 1, 2, 1]);
});

test('layers are written as Keras reads them: a pipeline without a type, those of KerasHub under its name', () => {
  const x = input({ shape: [3, 4] });
  const steps = layers.pipeline({ layers: [{ type: 'rescaling', scale: 0.5 }], name: 'steps' }).apply(x);
  const made = model({ inputs: x, outputs: layers.sinePositionEncoding({ name: 'sine' }).apply(steps) });
  const { layers: written } = modelToKeras(made).config as unknown as {
    layers: { name: string; module: string; registered_name: string | null; config: object }[];
  };
  const [, pipeline, sine] = written;
  expect(Object.keys(pipeline?.config ?? {}).sort()).toEqual(['layers', 'name']);
  expect(sine).toMatchObject({
    module: 'keras_hub.src.layers.modeling.sine_position_encoding',
    registered_name: 'keras_hub>SinePositionEncoding',
  });
});

test('layers that applications define are written under the modules where Keras has them', async () => {
  const made = await applications.convNeXtTiny({ inputShape: [32, 32, 3], includeTop: false });
  const { layers: written } = modelToKeras(made).config as unknown as {
    layers: { class_name: string; module: string }[];
  };
  const scale = written.find((layer) => layer.class_name === 'LayerScale');
  expect(scale?.module).toBe('keras.src.applications.convnext');
});

test('paths of weights are those of Keras', () => {
  const block = sequential([input({ shape: [4] }), dense({ units: 3, name: 'd' })], { name: 'block' });
  const late = sequential([dense({ units: 3, name: 'd' })], { name: 'late' });
  const x = input({ shape: [4] });
  const both = [block, late].map((part) => part.apply(x));
  const head = dense({ units: 2, name: 'head' }).apply(layers.concatenate().apply(both));
  const paths = model({ inputs: x, outputs: head, name: 'outer' }).weights.map((w) => w.path);
  expect(paths.filter((path) => path.endsWith('kernel'))).toEqual([
    'block/d/kernel',
    'late/d/kernel',
    'head/kernel',
  ]);
});
