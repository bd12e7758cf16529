import { describe, expect, test } from '@jest/globals';
import { serialize } from '../../src/core/configured.ts';
import { allocate, type DType, isBig, isFloat } from '../../src/core/dtype.ts';
import { Random } from '../../src/core/random.ts';
import { type PartialShape, sizeOf } from '../../src/core/shape.ts';
import { Tensor } from '../../src/core/tensor.ts';
import { ShapeError } from '../../src/errors.ts';
import { gradient } from '../../src/ir/autodiff.ts';
import type { NDArray } from '../../src/ir/ndarray.ts';
import '../../src/layers/index.ts';
import type { Layer } from '../../src/layers/layer.ts';
import { type LayerSample, layerRegistry, layerSamples } from '../../src/layers/registry.ts';
import { add, reduceSum } from '../../src/ops/index.ts';
import { runTraced, type TracedLayer, traceLayer } from '../helpers/layer-cases.ts';

const samples = [...layerSamples].flatMap(([className, list]) =>
  list.map((sample, i) => [`${className}, sample ${i}`, className, sample] as const),
);

const make = (className: string, sample: LayerSample): Layer =>
  layerRegistry.make({ className, config: sample.options ?? {} });

/** Data of the sample's shapes: normal numbers, or integers in [0, 4). */
function dataOf(sample: LayerSample, batch: number): Tensor[] {
  const random = new Random(5);
  return sample.inputs.map((partial) =>
    randomTensor(random, sample.dtype ?? 'float32', sized(partial, batch)),
  );
}

function randomTensor(random: Random, dtype: DType, shape: readonly number[]): Tensor {
  const data = allocate(dtype, sizeOf(shape));
  for (let i = 0; i < data.length; i++) {
    if (isFloat(dtype)) data[i] = random.normal();
    else data[i] = isBig(dtype) ? BigInt(random.integer(4)) : random.integer(4);
  }
  return new Tensor(dtype, shape, data);
}

/** A shape with the batch size, and 5 for the other sizes that are not known. */
const sized = (shape: PartialShape, batch: number): number[] =>
  shape.map((n, axis) => n ?? (axis === 0 ? batch : 5));

const run = ({ outputs, feeds }: TracedLayer): NDArray[] => runTraced(outputs, feeds);

describe.each(samples)('%s', (_name, className, sample) => {
  const symbolic = sample.inputs.map((shape) => ({ shape, dtype: sample.dtype ?? 'float32' }));

  test.each([1, 3])('inferred shapes and types are those of a run with batch size %d', (batch) => {
    const layer = make(className, sample);
    const inferred = layer.inferOutputs(symbolic);
    for (const training of [false, true]) {
      const results = run(traceLayer(layer, dataOf(sample, batch), training));
      expect(results.length).toBe(inferred.length);
      for (const [i, { shape, dtype }] of inferred.entries()) {
        const result = results[i] as NDArray;
        // sizes that follow from unknown ones other than the batch may be anything
        const expected = shape.map((n, axis) => n ?? (axis === 0 ? batch : result.shape[axis]));
        expect([result.dtype, result.shape]).toEqual([dtype, expected]);
      }
      for (const { data } of results) expect(data.every(Number.isFinite)).toBe(true);
    }
    if (sample.output) expect(inferred.map(({ shape }) => shape)).toEqual([sample.output]);
  });

  test('is rebuilt from its config, with equal results for equal weights', () => {
    const layer = make(className, sample);
    const data = dataOf(sample, 2);
    const expected = run(traceLayer(layer, data));
    const config: unknown = JSON.parse(JSON.stringify(serialize(layer)));
    const copy = layerRegistry.make(config as ReturnType<typeof serialize>);
    expect(serialize(copy)).toEqual(serialize(layer));
    copy.ensureBuilt(data.map((x) => x.shape) as unknown as Parameters<Layer['ensureBuilt']>[0]);
    copy.setWeights(layer.getWeights());
    expect(copy.getWeights()).toEqual(layer.getWeights());
    expect(run(traceLayer(copy, data))).toEqual(expected);
  });

  test('lists its weights as Keras does, and checks what they are set to', () => {
    const layer = make(className, sample);
    layer.inferOutputs(symbolic);
    const { weights, ownWeights } = layer;
    expect(ownWeights.map((w) => w.learnable).sort()).toEqual(ownWeights.map((w) => w.learnable).reverse());
    expect(new Set(weights.map((w) => w.path)).size).toBe(weights.length);
    for (const { path } of weights) expect(path.startsWith(`${layer.name}/`)).toBe(true);
    expect(() =>
      layer.setWeights([...layer.getWeights(), new Tensor('float32', [], new Float32Array(1))]),
    ).toThrow(ShapeError);
    layer.trainable = false;
    expect(layer.trainableWeights).toEqual([]);
    expect(layer.weights).toEqual(weights);
  });

  test('every trainable weight gets a gradient', () => {
    const traced = traceLayer(make(className, sample), dataOf(sample, 2), true);
    const { layer, trace, outputs } = traced;
    const values = layer.trainableWeights.map((w) => trace.weights.get(w));
    expect(values).not.toContain(undefined);
    const used = values.filter((v) => v !== undefined);
    if (used.length === 0) return;
    const loss = [...outputs.map((y) => reduceSum(y)), ...trace.losses].reduce((a, b) => add(a, b));
    expect(gradient(loss, used)).not.toContain(undefined);
  });
});
