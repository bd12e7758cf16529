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
  sequential,
  tensor,
} from '../../src/index.ts';

const { dense, lstmCell, gruCell, rnn, timeDistributed } = layers;

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

  const data = [[5, 4], [3], [3], [2]].map((shape) => {
    const size = shape.reduce((a, b) => a * b);
    return tensor(
      Float32Array.from({ length: 2 * size }, (_, i) => Math.sin(i)),
      [2, ...shape],
    );
  });
  const expected = await made.predict(data);
  expect(await (await reloaded(made)).predict(data)).toEqual(expected);

  // Keras wants the states of each cell together
  const { layers: written } = modelToKeras(made).config as unknown as {
    layers: { inbound_nodes: { kwargs: { initial_state: unknown[] } }[] }[];
  };
  const { initial_state: nested } = written.at(-1)?.inbound_nodes[0]?.kwargs ?? {};
  expect(nested?.map((part) => (Array.isArray(part) ? part.length : 1))).toEqual([2, 1]);
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
