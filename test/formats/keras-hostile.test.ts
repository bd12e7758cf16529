import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Random } from '../../src/core/random.ts';
import { TfkError } from '../../src/errors.ts';
import { writeHdf5 } from '../../src/formats/hdf5.ts';
import { loadModel } from '../../src/formats/save.ts';
import { readZip } from '../../src/formats/zip.ts';
import { writeZip } from '../../src/formats/zip-writer.ts';
import type * as tfk from '../../src/index.ts';

type Members = Record<string, Uint8Array>;
/** Enough on a busy machine. */
const patience = 60_000;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tfk-hostile-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function membersOf(name: string): Promise<Members> {
  const zip = await readZip(await readFile(join(process.cwd(), `test/golden/keras/${name}.keras`)));
  const entries = zip.names.map(async (member) => [member, await zip.read(member)] as const);
  return Object.fromEntries(await Promise.all(entries));
}

async function load(bytes: Uint8Array, compile = true): Promise<tfk.Model> {
  const path = join(folder, 'hostile.keras');
  await writeFile(path, bytes);
  return loadModel(path, { compile });
}

const withConfig = (members: Members, config: unknown): Uint8Array => {
  const text = typeof config === 'string' ? config : JSON.stringify(config);
  return writeZip(Object.entries({ ...members, 'config.json': Buffer.from(text) }));
};

/** What a file may do: give a model, or be refused with an error that says why. */
async function expectVerdict(bytes: Uint8Array, label: string, compile = false): Promise<'read' | 'refused'> {
  try {
    (await load(bytes, compile)).dispose();
    return 'read';
  } catch (error) {
    if (error instanceof TfkError && error.name !== 'InternalError') return 'refused';
    throw new Error(`${label}: ${String(error)}`, { cause: error });
  }
}

const hostile = [
  null,
  -1,
  0,
  0.5,
  1e12,
  2 ** 31,
  '',
  'relu',
  '../../x',
  [],
  [1],
  {},
  true,
  [null, 1e9],
  { class_name: 'Lambda', config: {} },
];

/** Replaces, removes or repeats something anywhere in a config. */
function mutate(config: unknown, random: Random): unknown {
  const copy = JSON.parse(JSON.stringify(config));
  let at = copy;
  for (;;) {
    const keys = Object.keys(at);
    const key = keys[random.integer(keys.length)] as string;
    const inside = at[key];
    if (
      typeof inside === 'object' &&
      inside !== null &&
      Object.keys(inside).length > 0 &&
      random.uniform() < 0.9
    ) {
      at = inside;
      continue;
    }
    const choice = random.integer(hostile.length + 2);
    if (choice < hostile.length) at[key] = hostile[choice];
    else if (Array.isArray(at)) at.push(inside);
    else if (choice === hostile.length) delete at[key];
    else at.unknown_option = inside ?? 1;
    return copy;
  }
}

test.each([
  ['sequential-convnet', 90],
  ['functional-two-inputs', 90],
  ['nested-model', 60],
] as const)(
  '%s: a config with something wrong is read or refused, never more',
  async (name, count) => {
    const members = await membersOf(name);
    const config = JSON.parse(Buffer.from(members['config.json'] ?? []).toString());
    const random = new Random(count);
    let refused = 0;
    for (let i = 0; i < count; i++) {
      const mutated = mutate(config, random);
      const verdict = await expectVerdict(withConfig(members, mutated), `${name} ${i}`, i % 3 === 0);
      if (verdict === 'refused') refused++;
    }
    expect(refused).toBeGreaterThan(count / 3);
  },
  patience,
);

test(
  'weights with flipped bytes are read or refused',
  async () => {
    const members = await membersOf('nested-model');
    const weights = members['model.weights.h5'] as Uint8Array;
    const random = new Random(5);
    for (let i = 0; i < 60; i++) {
      const bytes = Uint8Array.from(weights);
      for (let k = 0; k < 4; k++)
        bytes[random.integer(i % 2 === 0 ? 4096 : bytes.length)] = random.integer(256);
      await expectVerdict(writeZip(Object.entries({ ...members, 'model.weights.h5': bytes })), `flip ${i}`);
    }
  },
  patience,
);

test(
  'truncated and flipped archives are refused',
  async () => {
    const whole = await readFile(join(process.cwd(), 'test/golden/keras/nested-model.keras'));
    const random = new Random(6);
    for (let i = 0; i < 30; i++) {
      const cut = whole.subarray(0, random.integer(whole.length));
      expect(await expectVerdict(cut, `cut ${i}`)).toBe('refused');
      const bytes = Uint8Array.from(whole);
      const place = random.integer(bytes.length);
      bytes[place] = (bytes[place] as number) ^ (1 << random.integer(8));
      await expectVerdict(bytes, `flip ${i}`);
    }
  },
  patience,
);

const layer = (class_name: string, config: object, rest: object = {}): object => ({
  module: 'keras.layers',
  class_name,
  config,
  registered_name: null,
  ...rest,
});
const inputLayer = layer(
  'InputLayer',
  { batch_shape: [null, 4], dtype: 'float32', name: 'in' },
  { name: 'in', inbound_nodes: [] },
);
const sequential = (...layers: object[]): object => ({
  module: 'keras',
  class_name: 'Sequential',
  config: { name: 'm', layers },
});
const from = (name: string, node = 0): object => ({
  args: [
    {
      class_name: '__keras_tensor__',
      config: { shape: [null, 4], dtype: 'float32', keras_history: [name, node, 0] },
    },
  ],
  kwargs: {},
});
const functional = (output: unknown, ...layers: object[]): object => ({
  module: 'keras.src.models.functional',
  class_name: 'Functional',
  config: { name: 'm', layers, input_layers: ['in', 0, 0], output_layers: output },
});
const dense = (name: string, ...inbound_nodes: object[]): object =>
  layer('Dense', { name, units: 4 }, { name, inbound_nodes });
const nested = (depth: number): string => {
  const [before, after] = JSON.stringify(sequential({})).split('{}') as [string, string];
  return before.repeat(depth) + JSON.stringify(inputLayer) + after.repeat(depth);
};

test.each([
  [
    'a weight beyond all memory',
    sequential(inputLayer, layer('Dense', { name: 'd', units: 1e12 })),
    /at most \d+ elements/,
  ],
  [
    'many large weights',
    sequential(
      inputLayer,
      ...Array.from({ length: 20 }, (_, i) => layer('Dense', { name: `d${i}`, units: 3000 })),
    ),
    /at most \d+ elements/,
  ],
  [
    'a circle',
    functional(['a', 0, 0], inputLayer, dense('a', from('b')), dense('b', from('a'))),
    'depends on itself',
  ],
  [
    'an unknown layer',
    functional(['a', 0, 0], inputLayer, dense('a', from('b'))),
    'no node 0 of a layer "b"',
  ],
  [
    'an unknown node',
    functional(['a', 3, 0], inputLayer, dense('a', from('in'))),
    'no node 3 of a layer "a"',
  ],
  [
    'two layers of one name',
    functional(['a', 0, 0], inputLayer, dense('a', from('in')), dense('a', from('in'))),
    /named "a"|twice/,
  ],
  [
    'constants among the inputs',
    functional(['a', 0, 0], inputLayer, dense('a', { args: [3], kwargs: {} })),
    'no tensor',
  ],
  ['nodes of Keras 2', functional(['a', 0, 0], inputLayer, dense('a', [['in', 0, 0, {}]])), 'inbound_nodes'],
  ['a layer instead of a model', layer('Dense', { units: 1 }), 'expected a model'],
  ['models inside models without end', nested(5000), /stack|nested|deep/i],
  [
    'an unknown option',
    sequential(inputLayer, layer('Dense', { name: 'd', units: 1, colour: 4 })),
    '"colour": 4 is not supported',
  ],
  [
    'a type that we do not have',
    sequential(layer('InputLayer', { batch_shape: [null, 4], dtype: 'string', name: 'in' })),
    'reads texts',
  ],
  [
    'another type that we do not have',
    sequential(layer('InputLayer', { batch_shape: [null, 4], dtype: 'complex64', name: 'in' })),
    'element type',
  ],
])('refuses %s', async (_, config, message) => {
  const weights = await writeHdf5((file) => file.group('vars'));
  const bytes = withConfig({ 'metadata.json': Buffer.from('{}'), 'model.weights.h5': weights }, config);
  await expect(load(bytes)).rejects.toThrow(message);
  await expect(load(bytes)).rejects.toHaveProperty('name', 'FormatError');
});

test('refuses an archive without weights, without a config, and one that is none', async () => {
  const { 'model.weights.h5': weights, 'config.json': config } = await membersOf('nested-model');
  await expect(load(writeZip([['config.json', config as Uint8Array]]))).rejects.toThrow(
    'no member "model.weights.h5"',
  );
  await expect(load(writeZip([['model.weights.h5', weights as Uint8Array]]))).rejects.toThrow(
    'no member "config.json"',
  );
  await expect(load(Buffer.from('not a zip'))).rejects.toThrow('not a readable zip file');
  await expect(
    load(
      writeZip([
        ['config.json', Buffer.from('{')],
        ['model.weights.h5', weights as Uint8Array],
      ]),
    ),
  ).rejects.toThrow('not valid JSON');
});
