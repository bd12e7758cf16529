import { describe, expect, test } from '@jest/globals';
import { ConfigError } from '../../src/errors.ts';
import {
  Functional,
  initializers,
  input,
  layers,
  model,
  type Sequential,
  sequential,
} from '../../src/index.ts';
import { gradient } from '../../src/ir/autodiff.ts';
import { constant, type Value } from '../../src/ir/graph.ts';
import type { NDArray } from '../../src/ir/ndarray.ts';
import { Adaptable } from '../../src/layers/lora.ts';
import { layerRegistry } from '../../src/layers/registry.ts';
import { withoutAdapters } from '../../src/layers/weight.ts';
import { mul, reduceSum } from '../../src/ops/index.ts';
import { expectClose, type Tolerance } from '../helpers/close.ts';
import { type GoldenTensor, goldenTensor, readGolden } from '../helpers/golden.ts';
import { ownSpelling, runTraced, traceLayer } from '../helpers/layer-cases.ts';
import { normalData } from '../helpers/small-models.ts';

interface GoldenLora {
  readonly name: string;
  readonly className: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly rank: number;
  readonly alpha: number | null;
  readonly x: GoldenTensor;
  readonly weights: readonly GoldenTensor[];
  readonly trainable: readonly string[];
  readonly y: GoldenTensor;
  readonly direction: GoldenTensor;
  readonly gradients: readonly GoldenTensor[];
  readonly saved: readonly GoldenTensor[];
}

const tolerance: Tolerance = { rtol: 2e-5, atol: 5e-6 };
const records = readGolden<GoldenLora[]>('lora.json');

/** The layer of a record, adapted, with its weights. */
function adapted(record: GoldenLora): Adaptable {
  const layer = layerRegistry.make({
    className: record.className,
    config: ownSpelling(record.options) as Record<string, unknown>,
  });
  if (!(layer instanceof Adaptable)) throw new Error(`${record.className} cannot be adapted`);
  layer.ensureBuilt([record.x.shape]);
  layer.enableLora(record.rank, { alpha: record.alpha });
  layer.setWeights(record.weights.map(goldenTensor));
  return layer;
}

describe.each(records.map((record) => [record.name, record] as const))('%s', (_, record) => {
  test('weights, outputs and gradients are what Keras has', () => {
    const layer = adapted(record);
    const shapes = layer.weights.map((w) => [w.name, w.shape]);
    expect(shapes).toEqual(record.weights.map((w) => [w.name, w.shape]));
    const trained = layer.trainableWeights;
    expect(trained.map((w) => w.name)).toEqual(record.trainable);

    const { trace, outputs, feeds } = traceLayer(layer, [goldenTensor(record.x)]);
    const y = outputs[0] as Value;
    const direction = constant(goldenTensor(record.direction));
    const loss = reduceSum(mul(y, direction));
    const grads = gradient(
      loss,
      trained.map((w) => trace.weights.get(w) as Value),
    );
    const [output, ...rest] = runTraced([y, ...(grads as Value[])], feeds) as [NDArray, ...NDArray[]];
    expectClose(output.data, record.y.data, tolerance, 'output');
    for (const [i, g] of rest.entries())
      expectClose(g.data, record.gradients[i]?.data ?? [], tolerance, `gradient ${i}`);
  });

  test('merged, it has the weights that Keras saves, and gives the same', () => {
    const layer = adapted(record);
    const merged = withoutAdapters(layer.ownWeights).map((w) => w.merged);
    for (const [i, saved] of record.saved.entries())
      expectClose(merged[i]?.data ?? [], saved.data, tolerance, `saved ${i}`);
    layer.mergeLora();
    expect(layer.lora).toBeUndefined();
    expect(layer.weights.map((w) => w.name)).toEqual(record.weights.slice(0, -2).map((w) => w.name));
    expect(layer.trainableWeights).toEqual(layer.weights);
    const { outputs, feeds } = traceLayer(layer, [goldenTensor(record.x)]);
    const [output] = runTraced(outputs, feeds) as [NDArray];
    expectClose(output.data, record.y.data, tolerance, 'output');
  });
});

test('a new update changes nothing, and starts as its initializers say', () => {
  const layer = layers.dense({ units: 3 });
  layer.ensureBuilt([[null, 4]]);
  const before = layer.getWeights()[0];
  layer.enableLora(2, {
    alpha: 8,
    aInitializer: 'ones',
    bInitializer: initializers.constant({ value: 0.5 }),
  });
  expect(layer.lora).toEqual({ rank: 2, alpha: 8 });
  // 8 / 2 * (1 * 0.5 + 1 * 0.5) = 4
  layer.mergeLora();
  const after = layer.getWeights()[0]?.data as Float32Array;
  expectClose(
    after,
    Array.from(before?.data as Float32Array, (v) => v + 4),
    tolerance,
    'kernel',
  );
  layer.enableLora(1);
  const kernel = layer.getWeights()[0];
  layer.mergeLora();
  expect(layer.getWeights()[0]).toEqual(kernel);
});

test('freezing and unfreezing an adapted layer leave the kernel frozen', () => {
  const layer = layers.dense({ units: 3 });
  layer.ensureBuilt([[null, 4]]);
  layer.enableLora(1);
  layer.trainable = false;
  expect(layer.trainableWeights).toEqual([]);
  layer.trainable = true;
  expect(layer.trainableWeights.map((w) => w.name)).toEqual(['bias', 'lora_kernel_a', 'lora_kernel_b']);
});

test('what cannot be adapted is refused with the reason', () => {
  const dense = layers.dense({ units: 2, name: 'd' });
  expect(() => dense.enableLora(2)).toThrow(/Dense "d": enableLora: the layer is not built yet/);
  dense.ensureBuilt([[null, 3]]);
  expect(() => dense.enableLora(0)).toThrow(/option "rank": expected a whole number of at least 1/);
  expect(() => dense.enableLora(1, { alfa: 1 } as never)).toThrow(/Did you mean "alpha"/);
  dense.enableLora(2);
  expect(() => dense.enableLora(2)).toThrow(/enabled already. Call mergeLora/);
  const held = layers.dense({ units: 2, kernelConstraint: 'nonNeg' });
  held.ensureBuilt([[null, 3]]);
  expect(() => held.enableLora(2)).toThrow(/kernel has a constraint/);
  const depthwise = layers.depthwiseConv2d({ kernelSize: 2 });
  depthwise.ensureBuilt([[null, 3, 3, 1]]);
  expect(() => depthwise.enableLora(2)).toThrow(/no weight that LoRA adapts/);
});

const build = (): Sequential =>
  sequential(
    [
      input({ shape: [4] }),
      layers.dense({ units: 5, activation: 'relu', name: 'first' }),
      sequential([layers.dense({ units: 5, name: 'inner' }), layers.batchNormalization({ name: 'bn' })], {
        name: 'block',
      }),
      layers.dense({ units: 2, name: 'head' }),
    ],
    { name: 'm' },
  );

describe('a model', () => {
  test('trains adapters alone; the summary says which share that is', () => {
    const m = build().enableLora(1);
    expect(m.trainableWeights.map((w) => w.path)).toEqual([
      'm/first/lora_kernel_a',
      'm/first/lora_kernel_b',
      'm/block/inner/lora_kernel_a',
      'm/block/inner/lora_kernel_b',
      'm/head/lora_kernel_a',
      'm/head/lora_kernel_b',
    ]);
    expect(m.summary({ print: null })).toMatch(/Trainable params: 26 .*, 23\.01 % of all/);
    m.unfreeze('head');
    expect(m.trainableWeights.map((w) => w.name)).toContain('bias');
  });

  test('adapts the layers that patterns choose', () => {
    const m = build().enableLora(1, { layers: ['block/*'] });
    expect(m.trainableWeights.map((w) => w.path)).toEqual([
      'm/block/inner/lora_kernel_a',
      'm/block/inner/lora_kernel_b',
    ]);
    m.enableLora(1, { layers: [/head$/] });
    expect(m.trainableWeights).toHaveLength(4);
    expect(() => m.enableLora(1, { layers: ['haed'] })).toThrow(/Did you mean "head"/);
    expect(() => m.enableLora(1, { layers: ['bn'] })).toThrow(ConfigError);
  });

  test('trains: the kernels stay, the loss falls, merged and unmerged outputs agree', async () => {
    const m = build();
    const x = normalData([32, 4]);
    const y = normalData([32, 2], 3);
    const before = await m.predict(x);
    const kernels = m.weights.map((w) => w.read());
    const base = m.weights;
    m.enableLora(2);
    expect((await m.predict(x)).data).toEqual(before.data); // compiled anew: the update is there, and zero
    m.compile({ optimizer: { type: 'adam', learningRate: 0.05 }, loss: 'mse', threads: 1 });
    const { loss = [] } = await m.fit(x, y, { epochs: 5, verbose: 0 });
    expect(loss.at(-1)).toBeLessThan(0.9 * (loss[0] as number));
    expect(base.map((w) => w.read())).toEqual(kernels);
    const unmerged = await m.predict(x);
    m.mergeLora();
    expectClose((await m.predict(x)).data, unmerged.data, { rtol: 1e-5, atol: 1e-5 }, 'merged');
  });

  test('two models that share a layer share its update', () => {
    const x = input({ shape: [3] });
    const shared = layers.dense({ units: 3, name: 'shared' });
    const y = shared.apply(shared.apply(x));
    const m = model({ inputs: x, outputs: y }).enableLora(1);
    expect(m).toBeInstanceOf(Functional);
    expect(m.trainableWeights).toHaveLength(2);
  });
});
