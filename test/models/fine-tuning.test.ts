import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { ConfigError, FormatError } from '../../src/errors.ts';
import {
  callbacks,
  cutAt,
  input,
  layers,
  loadModel,
  type Model,
  model,
  optimizers,
  type Sequential,
  sequential,
  setRandomSeed,
  splitFrozen,
  type Tensor,
} from '../../src/index.ts';
import { expectClose } from '../helpers/close.ts';
import { normalData, quiet } from '../helpers/small-models.ts';

const folder = mkdtempSync(join(tmpdir(), 'tfk-tuning-'));
afterAll(() => rmSync(folder, { recursive: true }));
const at = (name: string): string => join(folder, name);

const x = normalData([24, 4]);
const y = normalData([24, 2], 3);
const near = { rtol: 1e-5, atol: 1e-6 };

/** A head behind a block inside a block, with batch normalization. */
function nested(): Sequential {
  const block = sequential(
    [
      input({ shape: [4] }),
      layers.dense({ units: 4, name: 'dense' }),
      layers.batchNormalization({ name: 'bn' }),
    ],
    { name: 'block' },
  );
  const body = sequential(
    [input({ shape: [4] }), block, layers.activation({ activation: 'tanh', name: 'act' })],
    {
      name: 'body',
    },
  );
  return sequential([input({ shape: [4] }), body, layers.dense({ units: 2, name: 'head' })], { name: 'm' });
}

const compile = (m: Model): Model => {
  m.compile({ optimizer: { type: 'sgd', learningRate: 0.1 }, loss: 'mse', threads: 1 });
  return m;
};
const values = (m: Model): unknown[] => m.weights.map((w) => Array.from(w.read().data as Float32Array));
const trained = (m: Model): string[] => m.trainableWeights.map((w) => w.path);

describe('freezing', () => {
  test('by name, path, pattern and expression, at any depth', () => {
    const m = nested();
    const left = (...patterns: (string | RegExp)[]): string[] => {
      m.unfreeze().freeze(...patterns);
      return m.trainableWeights.map((w) => w.name);
    };
    expect(left('head')).toEqual(['kernel', 'bias', 'gamma', 'beta']);
    expect(left('body/block/dense')).toEqual(['gamma', 'beta', 'kernel', 'bias']);
    expect(left('body')).toEqual(['kernel', 'bias']);
    expect(left('*bn', /block\/d/)).toEqual(['kernel', 'bias']);
    expect(left()).toEqual([]);
  });

  test('a pattern without a match is refused, and tells what there is', () => {
    const m = nested();
    expect(() => m.freeze('haed')).toThrow(
      /layer of model "m" "haed". Did you mean "head"\? Known: body, body\/block,/,
    );
    expect(() => m.freeze(/^none/)).toThrow(ConfigError);
  });

  test.each(['frozen in memory', 'loaded'])(
    'batch normalization of a frozen part is as in inference: %s',
    async (how) => {
      let m: Model = nested();
      await compile(m).fit(x, y, { ...quiet, epochs: 2 }); // statistics that differ from those of a batch
      m.freeze('body');
      if (how === 'loaded') {
        await m.save(at('nested.keras'));
        m = await loadModel(at('nested.keras'), { compile: false });
        expect(trained(m)).toHaveLength(2);
      }
      const before = values(m).slice(0, 6);
      const loss = (await m.predict(x)) as Tensor;
      compile(m);
      const { loss: inference } = await m.testOnBatch(x, y);
      const { loss: training } = await m.trainOnBatch(x, y);
      expect(training).toBeCloseTo(inference as number, 5);
      expect(values(m).slice(0, 6)).toEqual(before);
      expect((await m.predict(x)) as Tensor).not.toEqual(loss);
    },
  );

  test('learning rates by pattern: each layer takes its own step', async () => {
    const step = async (factors: readonly (readonly [number, RegExp])[]): Promise<number[][]> => {
      const m = sequential([
        input({ shape: [4] }),
        layers.dense({ units: 3, name: 'low', kernelInitializer: 'ones' }),
        layers.dense({ units: 2, name: 'top', kernelInitializer: 'ones' }),
      ]);
      const optimizer = optimizers.sgd({ learningRate: 0.1 });
      for (const [factor, pattern] of factors) optimizer.scaleLearningRate(factor, pattern);
      m.compile({ optimizer, loss: 'mse', threads: 1 });
      const before = m.getWeights();
      await m.trainOnBatch(x, y);
      return m
        .getWeights()
        .map(({ data }, i) => Array.from(data as Float32Array, (v, j) => v - Number(before[i]?.data[j])));
    };
    const whole = await step([]);
    const scaled = await step([
      [0.1, /low\//],
      [0.5, /top\//],
    ]);
    for (const [i, change] of whole.entries()) {
      const factor = i < 2 ? 0.1 : 0.5;
      expectClose(
        scaled[i] ?? [],
        change.map((v) => factor * v),
        { rtol: 1e-3, atol: 1e-6 },
        `weight ${i}`,
      );
    }
  });
});

describe('gradual unfreezing', () => {
  const stages = [
    { epoch: 3, layers: ['body/block/dense'], learningRate: 0.01 },
    { epoch: 1, layers: ['bn'] },
  ];
  const start = async (): Promise<Model> => {
    const m = await loadModel(at('start.keras'), { compile: false });
    m.freeze('body');
    m.compile({ optimizer: { type: 'adam', learningRate: 0.05 }, loss: 'mse', threads: 1 });
    return m;
  };

  test('layers join in their epoch; the moments of those before go on', async () => {
    await nested().save(at('start.keras'));
    const m = await start();
    const seen: string[][] = [];
    const rates: number[] = [];
    const spy = callbacks.lambda({
      onEpochEnd: () => {
        seen.push(m.trainableWeights.map((w) => w.name));
        rates.push(spy.run.learningRate);
      },
    });
    await m.fit(x, y, { ...quiet, epochs: 4, callbacks: [callbacks.gradualUnfreezing({ stages }), spy] });
    expect(seen.map((names) => names.length)).toEqual([2, 4, 4, 6]);
    expect(rates.map((rate) => Number(rate.toFixed(4)))).toEqual([0.05, 0.05, 0.05, 0.01]);
    expect(m.compiled?.store?.iterations).toBe(4);
  });

  test('a head that alone is trained goes on bit for bit when frozen weights become trainable at rate 0', async () => {
    const run = async (unfreeze: boolean): Promise<unknown[]> => {
      const m = await loadModel(at('start.keras'), { compile: false });
      m.freeze('body');
      const optimizer = optimizers.adam({ learningRate: 0.05 });
      optimizer.scaleLearningRate(0, 'dense');
      m.compile({ optimizer, loss: 'mse', threads: 1 });
      const join_ = callbacks.gradualUnfreezing({ stages: [{ epoch: 2, layers: ['body/block/dense'] }] });
      await m.fit(x, y, { ...quiet, epochs: 4, callbacks: unfreeze ? [join_] : [] });
      return values(m);
    };
    expect(await run(true)).toEqual(await run(false));
  });

  test('a run that was stopped goes on with the layers it had unfrozen', async () => {
    const backup = (): callbacks.Callback =>
      callbacks.backupAndRestore({ backupDir: at('backup'), deleteCheckpoint: false });
    const whole = await start();
    const tune = (): callbacks.Callback => callbacks.gradualUnfreezing({ stages });
    await whole.fit(x, y, { ...quiet, epochs: 5, callbacks: [tune()] });
    const first = await start();
    const stop = callbacks.lambda({
      onEpochEnd: (epoch) => (epoch === 1 ? stop.run.interrupt() : undefined),
    });
    await first.fit(x, y, { ...quiet, epochs: 5, callbacks: [tune(), backup(), stop] });
    const second = await start();
    await second.fit(x, y, { ...quiet, epochs: 5, callbacks: [tune(), backup()] });
    expect(values(second)).toEqual(values(whole));
  });
});

describe('cutting', () => {
  test('a model ends at a layer, and goes on through a head; layers are shared', async () => {
    const m = sequential(
      [
        input({ shape: [4] }),
        layers.dense({ units: 5, name: 'low' }),
        layers.dense({ units: 3, name: 'mid' }),
        layers.dense({ units: 2, name: 'top' }),
      ],
      { name: 'base' },
    );
    const cut = cutAt(m, 'mid', [layers.dense({ units: 7, name: 'head' })]);
    expect(cut.layers.map((l) => l.name).slice(1)).toEqual(['low', 'mid', 'head']);
    expect(cut.getLayer('low')).toBe(m.getLayer('low'));
    const features = await cutAt(m, -2).predict(x);
    expect(features.shape).toEqual([24, 3]);
    expectClose(features.data, m.probe(x, ['mid']).mid?.data ?? [], near, 'features');
    expect((await cut.predict(x)).shape).toEqual([24, 7]);
    expect(() => cutAt(m, 'med')).toThrow(/has no layer "med"/);
    expect(() => cutAt(sequential([layers.dense({ units: 2, name: 'd' })]), 'd')).toThrow(
      /the model has no input yet/,
    );
  });

  test('inputs that the part does not need are left out', () => {
    const [a, b] = [input({ shape: [2], name: 'a' }), input({ shape: [2], name: 'b' })];
    const left = layers.dense({ units: 2, name: 'left' }).apply(a);
    const both = layers.add({ name: 'sum' }).apply([left, b]);
    expect(cutAt(model({ inputs: [a, b], outputs: both }), 'left').inputNames).toEqual(['a']);
  });

  test('a frozen backbone runs once per sample: the head on its features trains as the whole model would', async () => {
    await nested().save(at('split.keras'));
    const [whole, parts] = [await loadModel(at('split.keras')), await loadModel(at('split.keras'))];
    whole.freeze('body');
    parts.freeze('body');
    const { backbone, head } = splitFrozen(parts);
    expect(head.layers.map((l) => l.name).slice(1)).toEqual(['head']);
    await compile(head).fit(await backbone.predict(x), y, { ...quiet, epochs: 3 });
    await compile(whole).fit(x, y, { ...quiet, epochs: 3 });
    expectClose(
      ((await parts.predict(x)) as Tensor).data,
      ((await whole.predict(x)) as Tensor).data,
      near,
      'outputs',
    );
  });

  test('dropout in the frozen part goes to the head; nothing frozen is refused', () => {
    const m = sequential([
      input({ shape: [4] }),
      layers.dense({ units: 3, name: 'low', trainable: false }),
      layers.dropout({ rate: 0.5, name: 'drop' }),
      layers.dense({ units: 3, name: 'mid', trainable: false }),
      layers.dense({ units: 2, name: 'top' }),
    ]);
    expect(
      splitFrozen(m)
        .head.layers.map((l) => l.name)
        .slice(1),
    ).toEqual(['drop', 'mid', 'top']);
    m.unfreeze();
    expect(() => splitFrozen(m)).toThrow(/Freeze the first layers/);
  });
});

describe('adapters', () => {
  const adapt = async (): Promise<Model> => {
    const m = await loadModel(at('split.keras'), { compile: false });
    m.enableLora(2, { alpha: 3 });
    m.unfreeze('head');
    await compile(m).fit(x, y, { ...quiet, epochs: 2 });
    return m;
  };

  test('are saved alone, and loaded into the model they began with', async () => {
    const m = await adapt();
    await m.saveAdapters(at('a.safetensors'));
    const fresh = await loadModel(at('split.keras'), { compile: false });
    await fresh.loadAdapters(at('a.safetensors'));
    const expected = (await m.predict(x)) as Tensor;
    expectClose(((await fresh.predict(x)) as Tensor).data, expected.data, near, 'outputs');
    await fresh.loadAdapters(at('a.safetensors')); // again: in the place of those that are there
    expectClose(((await fresh.predict(x)) as Tensor).data, expected.data, near, 'outputs');
    const stranger = sequential([input({ shape: [4] }), layers.dense({ units: 3, name: 'head' })]);
    const before = values(stranger);
    await expect(stranger.loadAdapters(at('a.safetensors'))).rejects.toThrow(FormatError);
    expect(values(stranger)).toEqual(before);
    await expect(m.saveAdapters(at('a.h5'))).rejects.toThrow(/ends in .safetensors/);
    await expect(stranger.freeze().saveAdapters(at('b.safetensors'))).rejects.toThrow(
      /enableLora\(rank\) first/,
    );
  });

  test('every other file has the sum of kernel and update', async () => {
    const m = await adapt();
    const expected = ((await m.predict(x)) as Tensor).data;
    for (const name of ['l.keras', 'l.onnx', 'l/model.json']) {
      await (name.endsWith('.keras') ? m.save(at(name)) : m.export(at(name)));
      const loaded = await loadModel(at(name), { compile: false });
      if (!name.endsWith('.onnx')) expect(loaded.countParams()).toBe(nested().countParams());
      expectClose(((await loaded.predict(x)) as Tensor).data, expected, { rtol: 1e-4, atol: 1e-5 }, name);
    }
    for (const name of ['l.weights.h5', 'l.weights.json', 'l.npz', 'l.safetensors']) {
      await m.saveWeights(at(name));
      const other = nested();
      await other.loadWeights(at(name));
      expectClose((await other.predict(x)).data, expected, { rtol: 1e-4, atol: 1e-5 }, name);
      const adapted = nested().enableLora(1, { bInitializer: 'ones' });
      await adapted.loadWeights(at(name)); // updates begin anew
      expectClose((await adapted.predict(x)).data, expected, { rtol: 1e-4, atol: 1e-5 }, `${name}, adapted`);
    }
  });
});

// The new task differs from the old by a change of rank 1: what low-rank updates are made for.
test('LoRA on under 2 % of the weights explains a new task to within 2 points of training all of them', async () => {
  setRandomSeed(5);
  const build = (): Sequential =>
    sequential([
      input({ shape: [64] }),
      layers.dense({ units: 256, activation: 'tanh', name: 'first' }),
      layers.dense({ units: 8, name: 'scores' }),
    ]);
  const [teacher, full, lora] = [build(), build(), build()];
  const base = teacher.getWeights();
  teacher
    .enableLora(1, { layers: ['first'], aInitializer: 'randomNormal', bInitializer: 'ones', alpha: 4 })
    .mergeLora();
  const [seen, unseen] = [normalData([512, 64]), normalData([256, 64], 5)];
  const [targets, expected] = [await teacher.predict(seen), await teacher.predict(unseen)];
  const error = async (m: Sequential): Promise<number> =>
    (await m.evaluate(unseen, expected, { verbose: 0 })).loss as number;
  for (const m of [full, lora]) m.setWeights(base);
  lora.enableLora(1, { layers: ['first'] });
  const share = lora.trainableWeights.reduce((n, w) => n + w.storage.size, 0) / lora.countParams();
  expect(share).toBeLessThan(0.02);
  const tune = async (m: Sequential, learningRate: number): Promise<{ before: number; after: number }> => {
    m.compile({ optimizer: { type: 'adam', learningRate }, loss: 'mse', threads: 1 });
    const before = await error(m);
    await m.fit(seen, targets, { ...quiet, epochs: 20 });
    return { before, after: await error(m) };
  };
  const explained = ({ before, after }: { before: number; after: number }): number => 1 - after / before;
  const [all, few] = [explained(await tune(full, 0.002)), explained(await tune(lora, 0.02))];
  expect(all).toBeGreaterThan(0.7);
  expect(few).toBeGreaterThan(all - 0.02);
});
