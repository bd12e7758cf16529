import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import {
  buildModel,
  compileModel,
  loadData,
  loadSource,
  parseSource,
  readConfig,
  sampleShapes,
  withClasses,
} from '../../src/config/index.ts';
import { modelSchema } from '../../src/config/schema.ts';
import { Tensor, tensor } from '../../src/core/tensor.ts';
import { DataError } from '../../src/errors.ts';
import { writeNpy } from '../../src/formats/npy.ts';
import { writeNpz } from '../../src/formats/npz-writer.ts';
import { input, layers, sequential } from '../../src/index.ts';
import { withFiles } from '../data/files.ts';

const x = tensor(
  Float32Array.from({ length: 24 }, (_, i) => Math.sin(i)),
  [6, 4],
);
const y = tensor(Int32Array.from([0, 1, 2, 0, 1, 2]));
const config = (model: unknown, loss: unknown = 'mse'): string =>
  JSON.stringify({
    model,
    data: { train: { npz: 'd.npz' } },
    compile: { loss },
    output: 'x',
  });

/** The model of a config that goes on with a saved one, with all defaults. */
const tuned = (model: object) => modelSchema.parse(model);

describe('buildModel', () => {
  test('takes the input shape of a chain from the data', () =>
    withFiles(
      {
        'c.json': config({ name: 'chain', layers: [{ type: 'dense', units: 3 }] }),
        'd.npz': writeNpz([
          ['x', x],
          ['y', y],
        ]),
      },
      async (folder) => {
        const read = await readConfig(join(folder, 'c.json'));
        const { train } = await loadData(read.data);
        const model = await buildModel(read.model, sampleShapes(train.x));
        expect([model.name, model.countParams()]).toEqual(['chain', 15]);
      },
    ));

  test('wires a graph with two inputs, a shared source and two outputs, and trains it', () => {
    const graph = {
      inputs: [{ name: 'a' }, { name: 'b', shape: [2] }],
      layers: [
        { type: 'concatenate', name: 'both', inputs: ['a', 'b'] },
        { type: 'dense', name: 'kind', inputs: ['both'], units: 3, activation: 'softmax' },
        { type: 'dense', name: 'size', inputs: ['both'], units: 1 },
      ],
      outputs: ['kind', 'size'],
    };
    const files = {
      'c.json': config(graph, { kind: 'sparseCategoricalCrossentropy', size: 'mse' }),
      'd.npz': writeNpz([
        ['a', x],
        ['b', tensor(new Float32Array(12), [6, 2])],
        ['kind', y],
        ['size', tensor(new Float32Array(6), [6, 1])],
      ]),
    };
    return withFiles(files, async (folder) => {
      const names = ['data.train.x={"a":"a","b":"b"}', 'data.train.y={"kind":"kind","size":"size"}'];
      const read = await readConfig(join(folder, 'c.json'), names);
      const { train } = await loadData(read.data);
      const model = await buildModel(read.model, sampleShapes(train.x));
      compileModel(model, read);
      const logs = await model.trainOnBatch(train.x, train.y);
      expect(Object.keys(logs)).toEqual(['loss', 'kind_loss', 'size_loss']);
      model.dispose();
    });
  });

  test.each([
    [
      'an input',
      { inputs: [{ name: 'a' }], layers: [{ type: 'flatten', name: 'f', inputs: ['b'] }], outputs: ['f'] },
      'model.layers.0.inputs',
    ],
    [
      'an output',
      { inputs: [{ name: 'a' }], layers: [{ type: 'flatten', name: 'f', inputs: ['a'] }], outputs: ['g'] },
      'model.outputs.0',
    ],
    [
      'a shape',
      {
        inputs: [{ name: 'a' }, { name: 'b' }],
        layers: [{ type: 'add', name: 'f', inputs: ['a', 'b'] }],
        outputs: ['f'],
      },
      'model.inputs.1',
    ],
  ])('names %s that is not there', (_what, graph, place) =>
    withFiles({ 'c.json': config(graph) }, async (folder) => {
      const read = await readConfig(join(folder, 'c.json'));
      await expect(buildModel(read.model, [[4]])).rejects.toThrow(place);
    }),
  );

  test('goes on with a saved model, some layers of it frozen', () =>
    withFiles(
      {
        'c.json': config({
          layers: [
            { type: 'dense', name: 'base', units: 3 },
            { type: 'dense', name: 'head', units: 2 },
          ],
        }),
      },
      async (folder) => {
        const saved = await buildModel((await readConfig(join(folder, 'c.json'))).model, [[4]]);
        const file = join(folder, 'm.keras');
        await saved.save(file);
        const model = await buildModel(tuned({ from: file, freeze: ['ba*'] }), []);
        expect(model.trainableWeights.map((w) => w.path)).toEqual([
          `${model.name}/head/kernel`,
          `${model.name}/head/bias`,
        ]);
        expect(model.getWeights()[0]?.data).toEqual(saved.getWeights()[0]?.data);
        await expect(buildModel(tuned({ from: file, freeze: ['bass'] }), [])).rejects.toThrow(
          'model.freeze: Unknown layer of model "sequential" "bass". Did you mean "base"?',
        );
      },
    ));

  test('cuts a saved model, adapts it and goes on with a head, at rates of their own', () =>
    withFiles({ 'c.json': '{}' }, async (folder) => {
      const base = sequential([
        input({ shape: [4] }),
        layers.dense({ name: 'low', units: 3 }),
        layers.dense({ name: 'mid', units: 3 }),
        layers.dense({ name: 'top', units: 2 }),
      ]);
      const file = join(folder, 'model.keras');
      await base.save(file);
      const head = [{ type: 'dense', name: 'head', units: 5 }];
      const lora = { rank: 1, alpha: 2, layers: ['m*'] };
      const given = { from: folder, cutAt: 'mid', head, lora, learningRateFactors: { low: 0.5, 'mi*': 0 } };
      await writeFile(join(folder, 'c.json'), config(given));
      const read = await readConfig(join(folder, 'c.json'));
      const model = await buildModel(read.model, []);
      expect(model.trainableWeights.map((w) => w.path)).toEqual([
        `${base.name}/mid/lora_kernel_a`,
        `${base.name}/mid/lora_kernel_b`,
        'head/kernel',
        'head/bias',
      ]);
      compileModel(model, read);
      const optimizer = model.compiled?.compiled.optimizer;
      const factors = model.weights.map((weight) => optimizer?.rateFactorOf(weight));
      expect(factors).toEqual([0.5, 0.5, 0, 0, 0, 0, 1, 1]);
      const wrong = (more: object) => buildModel(tuned({ from: folder, ...more }), []);
      await expect(wrong({ cutAt: 'med' })).rejects.toThrow(/^model.cutAt: .*has no layer "med"/);
      await expect(wrong({ lora: { rank: 1, layers: ['none'] } })).rejects.toThrow(
        /^model.lora: Unknown layer/,
      );
      await writeFile(join(folder, 'c.json'), config({ from: folder, lora: { rnak: 1 }, cutat: 'x' }));
      await expect(readConfig(join(folder, 'c.json'))).rejects.toThrow(
        /model.cutat: unknown key. Did you mean "cutAt"\?/,
      );
    }));
});

describe('sources of data', () => {
  test('read npy, npz and csv, and can be limited', () =>
    withFiles(
      {
        'x.npy': writeNpy(x),
        'y.npy': writeNpy(y),
        'd.npz': writeNpz([
          ['x', x],
          ['y', y],
        ]),
        't.csv': 'a,b,kind\n1,2,cat\n3,4,ant\n',
      },
      async (folder) => {
        const at = (name: string): string => join(folder, name);
        const npy = await loadSource(
          parseSource({ npy: { x: at('x.npy'), y: at('y.npy') }, limit: 2 }, 'test'),
        );
        expect([npy.x, npy.y]).toEqual([x.rows(0, 2), y.rows(0, 2)]);
        expect((await loadSource(parseSource({ npz: at('d.npz') }, 'test'))).y).toEqual(y);
        await expect(loadSource(parseSource({ npz: at('d.npz'), x: 'X1' }, 'test'))).rejects.toThrow('x, y');
        const csv = await loadSource(parseSource({ csv: at('t.csv'), target: 'kind' }, 'test'));
        expect(csv).toMatchObject({ classNames: ['ant', 'cat'], y: { data: Int32Array.from([1, 0]) } });
      },
    ));

  test('classes mean the same in every part, whichever of them a file has', () => {
    const part = (names: readonly string[]) => ({
      x,
      y: new Tensor('int32', [2], Int32Array.from([0, 1])),
      classNames: names,
    });
    expect(withClasses(part(['b', 'c']), ['a', 'b', 'c'])).toMatchObject({
      y: { data: Int32Array.from([1, 2]) },
    });
    expect(() => withClasses(part(['b', 'd']), ['a', 'b', 'c'])).toThrow(DataError);
  });
});
