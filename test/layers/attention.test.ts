import { beforeAll, describe, expect, test } from '@jest/globals';
import type { Backend } from '../../src/backend/backend.ts';
import { getBackend } from '../../src/backend/registry.ts';
import type { Tensor } from '../../src/core/tensor.ts';
import { modelFromKeras } from '../../src/formats/keras-model.ts';
import type { CompileOptions, FitOptions } from '../../src/index.ts';
import { layers } from '../../src/index.ts';
import { gradient } from '../../src/ir/autodiff.ts';
import { constant, input, type Value } from '../../src/ir/graph.ts';
import type { NDArray } from '../../src/ir/ndarray.ts';
import type { Layer } from '../../src/layers/layer.ts';
import { maskOf } from '../../src/layers/masks.ts';
import { layerRegistry } from '../../src/layers/registry.ts';
import { Trace, withTrace } from '../../src/layers/trace.ts';
import { add, mul, reduceSum } from '../../src/ops/index.ts';
import { expectClose, type Tolerance } from '../helpers/close.ts';
import { type GoldenTensor, goldenTensor, readGolden } from '../helpers/golden.ts';
import { type GoldenLayer, ownSpelling, runTraced } from '../helpers/layer-cases.ts';

/** A call of a layer, its inputs with or without a mask, and what Keras computes. */
interface GoldenCall extends GoldenLayer {
  /** Which inputs come through a Masking layer. */
  readonly masked: readonly boolean[];
  readonly flags: Readonly<Record<string, boolean>>;
  readonly masks: Readonly<Record<string, GoldenTensor>>;
  readonly outputMasks: readonly (GoldenTensor | null)[];
}

/** Five steps on one batch. */
interface GoldenTraining {
  readonly name: string;
  readonly model: Readonly<Record<string, unknown>>;
  readonly compile: Readonly<Record<string, unknown>>;
  readonly x: readonly GoldenTensor[];
  readonly y: GoldenTensor;
  readonly sampleWeight: GoldenTensor;
  readonly initialWeights: readonly GoldenTensor[];
  readonly history: Readonly<Record<string, readonly number[]>>;
  readonly finalWeights: readonly GoldenTensor[];
  readonly evaluate: Readonly<Record<string, number>>;
  readonly predict: GoldenTensor;
}

const golden = readGolden<{ calls: GoldenCall[]; training: GoldenTraining[] }>('attention.json');
const reference: Tolerance = { rtol: 2e-5, atol: 5e-6 };
const native: Tolerance = { rtol: 1e-4, atol: 2e-5 };

interface Expectation {
  readonly label: string;
  readonly value: Value;
  readonly expected: Tensor;
}

/** Builds the call as Keras had it: values to compare, and what feeds them. */
function trace(record: GoldenCall) {
  const layer: Layer = layerRegistry.make({
    className: record.className,
    config: ownSpelling(record.options) as Record<string, unknown>,
  });
  const data = record.inputs.map(goldenTensor);
  layer.ensureBuilt(data.map((x) => x.shape) as unknown as Parameters<Layer['ensureBuilt']>[0]);
  layer.setWeights(record.weights.map(goldenTensor));
  const leaves = data.map((x, i) => input(`x${i}`, x));
  const tensors = Object.fromEntries(
    Object.entries(record.masks).map(([name, mask]) => [name, [constant(goldenTensor(mask))]]),
  );
  const built = new Trace(record.training);
  const outputs = withTrace(built, () => {
    const options = { training: record.training };
    const inputs = leaves.map((x, i) =>
      record.masked[i] ? (layers.masking().invoke([x], options)[0] as Value) : x,
    );
    return layer.invoke(inputs, { ...options, tensors, flags: record.flags });
  });
  const expectations = expected(record, layer, built, leaves, outputs);
  const feeds = new Map(leaves.map((x, i) => [x, data[i] as Tensor]));
  for (const [weight, value] of built.weights) feeds.set(value, weight.read());
  return { layer, expectations, outputs, feeds };
}

function expected(
  record: GoldenCall,
  layer: Layer,
  built: Trace,
  leaves: readonly Value[],
  outputs: readonly Value[],
): Expectation[] {
  const directions = record.directions.map((d) => constant(goldenTensor(d)));
  const loss = outputs.map((y, i) => reduceSum(mul(y, directions[i] as Value))).reduce((a, b) => add(a, b));
  const trainable = layer.trainableWeights;
  const weights = trainable.map((w) => built.weights.get(w) as Value);
  const grads = gradient(loss, [...leaves, ...weights]);
  const found: Expectation[] = [];
  const note = (label: string, value: Value | undefined, wanted: GoldenTensor | null | undefined): void => {
    if (!wanted) return;
    const want = goldenTensor(wanted);
    if (value === undefined) expectClose(want.data, new Float32Array(want.size), reference, label);
    else found.push({ label: `${record.name}: ${label}`, value, expected: want });
  };
  for (const [i, y] of outputs.entries()) {
    note(`output ${i}`, y, record.outputs[i]);
    // further outputs, the weights, carry in Keras what its inner softmax left there
    if (i === 0) note(`mask of output ${i}`, maskOf(y), counting(record.outputMasks[i]));
  }
  for (const i of leaves.keys()) note(`gradient of input ${i}`, grads[i], record.inputGrads[i]);
  trainable.forEach((w, i) => {
    note(`gradient of ${w.path}`, grads[leaves.length + i], record.weightGrads[i]);
  });
  layer.nonTrainableWeights.forEach((w, i) => {
    note(`${w.name} after`, built.updates.get(w) ?? built.weights.get(w), record.nonTrainableAfter?.[i]);
  });
  return found;
}

/** A mask that leaves something out; one that does not is as good as none. */
const counting = (mask: GoldenTensor | null | undefined): GoldenTensor | undefined =>
  mask?.data.includes(0) ? mask : undefined;

let backend: Backend;
beforeAll(async () => {
  backend = await getBackend('onnxruntime');
});

describe.each(golden.calls.map((record) => [record.name, record] as const))('%s', (name, record) => {
  test('is what Keras computes, in float64', () => {
    const { layer, expectations, outputs, feeds } = trace(record);
    expect(layer.weights.map((w) => [w.name, w.shape])).toEqual(record.weights.map((w) => [w.name, w.shape]));
    if (record.outputMasks[0] === null) expect(maskOf(outputs[0] as Value)).toBeUndefined();
    const results = runTraced(
      expectations.map(({ value }) => value),
      feeds,
    );
    expectations.forEach(({ label, expected: want }, i) => {
      const { shape, data } = results[i] as NDArray;
      expect([label, shape]).toEqual([label, want.shape]);
      expectClose(data, want.data, reference, label);
    });
  });

  test('is what Keras computes, on native kernels', async () => {
    const { expectations, feeds } = trace(record);
    const outputs = expectations.map(({ value }, i) => ({ name: `result${i}`, value }));
    const executable = await backend.compile({ name, inputs: [...feeds.keys()], outputs }, { threads: 1 });
    try {
      const results = await executable.run([...feeds.values()]);
      expectations.forEach(({ label, expected: want }, i) => {
        expectClose((results[i] as Tensor).data, want.data, native, label);
      });
    } finally {
      executable.dispose();
    }
  });
});

/** Metrics and losses by name: their options in the record are those that all of Keras's have. */
const plainMetrics = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value), (key, v) => (key === 'config' ? {} : v));

describe('training as Keras trains', () => {
  const tolerance: Tolerance = { rtol: 2e-5, atol: 5e-6 };

  test.each(golden.training.map((record) => [record.name, record] as const))('%s', async (name, record) => {
    const context = { file: name, customObjects: {}, shared: new Map() };
    const model = modelFromKeras(record.model, context);
    expect(model.weights.map((w) => w.path)).toEqual(record.initialWeights.map((w) => w.name));
    model.setWeights(record.initialWeights.map(goldenTensor));
    model.compile({ ...(plainMetrics(record.compile) as CompileOptions), threads: 1 });
    const [x, y] = [record.x.map(goldenTensor), goldenTensor(record.y)];
    const options: FitOptions = { batchSize: 4, epochs: 5, shuffle: false, verbose: 0 };
    const history = await model.fit(x, y, { ...options, sampleWeight: goldenTensor(record.sampleWeight) });
    expect(Object.keys(history).sort()).toEqual(Object.keys(record.history).sort());
    for (const [key, values] of Object.entries(record.history)) {
      expectClose(history[key] ?? [], values, tolerance, `${name}: history.${key}`);
    }
    record.finalWeights.forEach((want, i) => {
      expectClose(model.weights[i]?.read().data ?? [], want.data, tolerance, `${name}: final ${want.name}`);
    });
    const figures = await model.evaluate(x, y, { batchSize: 4, verbose: 0 });
    for (const [key, value] of Object.entries(record.evaluate)) {
      expectClose([figures[key] as number], [value], tolerance, `${name}: evaluate ${key}`);
    }
    const predicted = (await model.predict(x)) as Tensor;
    expectClose(predicted.data, record.predict.data, tolerance, `${name}: prediction`);
    model.dispose();
  });
});
