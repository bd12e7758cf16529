import { describe, expect, test } from '@jest/globals';
import { input, layers, losses, type Model, metrics, model, type Tensor, tensor } from '../../src/index.ts';
import { column, descend, normalData, oneWeight, quiet, weightOf } from '../helpers/small-models.ts';

const x = column(1, 2, -1, 0.5);
const y = column(2, 3, -1, 1);
const pairs = Array.from({ length: 4 }, (_, i) => [Number(x.data[i]), Number(y.data[i])] as const);
const sampleWeight = [1, 0, 2, 0.5];

describe('sample weights', () => {
  const weighted = pairs.map(([a, b], i) => [a, b, sampleWeight[i] as number] as const);

  test('weigh the loss, which is divided by the number of samples', async () => {
    const one = oneWeight(0.2);
    const { loss } = await one.fit(x, y, { ...quiet, sampleWeight, epochs: 2 });
    const { w, losses: expected } = descend(0.2, [weighted, weighted]);
    expect(weightOf(one)).toBeCloseTo(w, 5);
    expect(loss?.[1]).toBeCloseTo(expected[1] as number, 5);
  });

  test('leave metrics alone, but not weightedMetrics', async () => {
    const one = oneWeight(1, { metrics: ['mae'], weightedMetrics: ['mae', 'mse'] });
    const logs = await one.evaluate(x, y, { verbose: 0, sampleWeight });
    const errors = pairs.map(([a, b]) => Math.abs(a - b));
    expect(Object.keys(logs)).toEqual(['loss', 'mae', 'weighted_mae', 'mse']);
    expect(logs.mae).toBeCloseTo(errors.reduce((p, q) => p + q) / 4, 6);
    const total = sampleWeight.reduce((p, q) => p + q);
    const mean = errors.reduce((sum, e, i) => sum + e * (sampleWeight[i] as number), 0) / total;
    expect(logs.weighted_mae).toBeCloseTo(mean, 6);
  });

  test('follow their samples through shuffling and splitting', async () => {
    const one = oneWeight(0.2);
    const history = await one.fit(x, y, { verbose: 0, sampleWeight, validationSplit: 0.5 });
    const { w } = descend(0.2, [weighted.slice(0, 2)]);
    expect(weightOf(one)).toBeCloseTo(w, 5);
    expect(history.val_loss?.[0]).toBeCloseTo(descend(w, [weighted.slice(2)]).losses[0] as number, 5);
  });

  test('in time: one weight for each step of each sample', async () => {
    const steps = model2d();
    const data = tensor([[[1], [2]]]);
    const { loss } = await steps.testOnBatch(data, tensor([[[0], [0]]]), { sampleWeight: tensor([[1, 3]]) });
    expect(loss).toBeCloseTo((1 * 1 + 3 * 4) / 2, 6);
  });
});

/** `y = x` on `[time, 1]`. */
function model2d(): Model {
  const times = input({ shape: [2, 1] });
  const made = model({
    inputs: times,
    outputs: layers.dense({ units: 1, useBias: false, kernelInitializer: 'ones' }).apply(times),
  });
  made.compile({ loss: 'mse', threads: 1 });
  return made;
}

describe('class weights', () => {
  const logits = tensor([
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
    [1, 1, 0],
  ]);
  const crossentropy = (row: readonly number[], label: number): number =>
    Math.log(row.reduce((sum, v) => sum + Math.exp(v), 0)) - (row[label] as number);
  const rows = logits.array() as number[][];
  const classes = [0, 1, 0, 2];
  const classWeight = { 0: 2, 2: 5 };
  const weightsOf = classes.map((c) => (classWeight as Record<number, number>)[c] ?? 1);
  const expected =
    rows.reduce(
      (sum, row, i) => sum + (weightsOf[i] as number) * crossentropy(row, classes[i] as number),
      0,
    ) / 4;
  const identity = (loss: string): Model => {
    const data = input({ shape: [3] });
    const made = model({ inputs: data, outputs: layers.activation({ activation: 'linear' }).apply(data) });
    made.compile({ loss: { type: loss, fromLogits: true }, threads: 1 });
    return made;
  };

  test('by label; 1 for a class without', async () => {
    const logs = await identity('sparseCategoricalCrossentropy').trainOnBatch(logits, tensor(classes), {
      classWeight,
    });
    expect(logs.loss).toBeCloseTo(expected, 5);
  });

  test('by the largest element of one-hot targets', async () => {
    const oneHot = tensor(classes.map((c) => [0, 1, 2].map((k) => Number(k === c))));
    const logs = await identity('categoricalCrossentropy').trainOnBatch(logits, oneHot, { classWeight });
    expect(logs.loss).toBeCloseTo(expected, 5);
  });

  test('by labels of shape [batch, 1]', async () => {
    const logs = await identity('sparseCategoricalCrossentropy').trainOnBatch(
      logits,
      tensor(classes, [4, 1]),
      {
        classWeight,
      },
    );
    expect(logs.loss).toBeCloseTo(expected, 5);
  });

  test('do not touch validation', async () => {
    const one = oneWeight(1);
    const zeroOne = column(0, 1, 0, 1);
    const history = await one.fit(x, zeroOne, {
      ...quiet,
      classWeight: { 0: 0, 1: 0 },
      validationSplit: 0.5,
    });
    expect(weightOf(one)).toBe(1);
    expect(history.val_loss?.[0]).toBeCloseTo((1 ** 2 + 0.5 ** 2) / 2, 6);
  });

  test('not beside sample weights, nor for several outputs', async () => {
    const both = oneWeight(1).fit(x, y, { ...quiet, classWeight, sampleWeight });
    await expect(both).rejects.toThrow(/either classWeight or sampleWeight/);
    const two = twoOutputs();
    two.compile({ loss: 'mse' });
    const fit = two.fit(x, { double: x, square: x }, { ...quiet, classWeight });
    await expect(fit).rejects.toThrow(/one output\. Received 2 targets/);
  });
});

/** Outputs `double = 2x` and `square = 3x`, untrained. */
function twoOutputs(): Model {
  const data = input({ shape: [1], name: 'data' });
  const scale = (name: string, value: number) =>
    layers
      .dense({ units: 1, useBias: false, name, kernelInitializer: { type: 'constant', value } })
      .apply(data);
  return model({ inputs: data, outputs: [scale('double', 2), scale('square', 3)] });
}

describe('several outputs', () => {
  const targets = { double: column(0, 0, 0, 0), square: column(1, 1, 1, 1) };
  const mse = (factor: number, target: number): number =>
    pairs.reduce((sum, [a]) => sum + (factor * a - target) ** 2, 0) / 4;
  const mae = (factor: number, target: number): number =>
    pairs.reduce((sum, [a]) => sum + Math.abs(factor * a - target), 0) / 4;

  test('losses, weights and metrics by name; the total is weighted, the parts are not', async () => {
    const two = twoOutputs();
    two.compile({
      loss: { double: 'mse', square: losses.meanAbsoluteError() },
      lossWeights: { double: 0.5, square: 3 },
      metrics: { square: ['mse', metrics.meanAbsoluteError({ name: 'far' })] },
      threads: 1,
    });
    const logs = await two.testOnBatch(x, targets);
    expect(Object.keys(logs)).toEqual(['loss', 'double_loss', 'square_loss', 'square_mse', 'square_far']);
    expect(logs.double_loss).toBeCloseTo(mse(2, 0), 5);
    expect(logs.square_loss).toBeCloseTo(mae(3, 1), 5);
    expect(logs.loss).toBeCloseTo(0.5 * mse(2, 0) + 3 * mae(3, 1), 4);
    expect(logs.square_mse).toBeCloseTo(mse(3, 1), 4);
    expect(logs.square_far).toBeCloseTo(mae(3, 1), 5);
  });

  test('in lists, one loss for all of them, or none for one of them', async () => {
    const two = twoOutputs();
    const list = [targets.double, targets.square];
    two.compile({ loss: 'mse', threads: 1 });
    expect((await two.testOnBatch(x, list)).loss).toBeCloseTo(mse(2, 0) + mse(3, 1), 4);
    two.compile({ loss: ['mse', null], lossWeights: [2, 1], metrics: [['mae'], null], threads: 1 });
    const logs = await two.testOnBatch(x, list);
    expect(logs).toEqual({
      loss: expect.closeTo(2 * mse(2, 0), 4),
      double_mae: expect.closeTo(mae(2, 0), 5),
    });
  });

  test('sample weights for each, or for one', async () => {
    const two = twoOutputs();
    two.compile({ loss: 'mse', threads: 1 });
    const record = await two.testOnBatch(x, targets, { sampleWeight: { square: [0, 0, 0, 0] } });
    expect(record.loss).toBeCloseTo(mse(2, 0), 4);
    const both = await two.testOnBatch(x, targets, { sampleWeight: [0, 0, 0, 0] });
    expect(both.loss).toBe(0);
  });

  test('predict gives one tensor for each, evaluate and fit take records', async () => {
    const two = twoOutputs();
    two.compile({ optimizer: { type: 'sgd', learningRate: 0 }, loss: 'mse', threads: 1 });
    const [double, square] = (await two.predict({ data: x }, { batchSize: 3 })) as Tensor[];
    expect([...(double?.data ?? [])]).toEqual([2, 4, -2, 1]);
    expect([...(square?.data ?? [])]).toEqual([3, 6, -3, 1.5]);
    const history = await two.fit({ data: x }, targets, {
      ...quiet,
      batchSize: 3,
      validationData: [{ data: x }, targets],
    });
    expect(Object.keys(history).sort()).toEqual(
      ['double_loss', 'loss', 'square_loss', 'val_double_loss', 'val_loss', 'val_square_loss'].sort(),
    );
    expect(history.double_loss?.[0]).toBeCloseTo(mse(2, 0), 4);
  });

  test('several inputs: a list or a record by name', async () => {
    const [left, right] = [input({ shape: [2], name: 'left' }), input({ shape: [2], name: 'right' })];
    const made = model({ inputs: [left, right], outputs: layers.subtract().apply([left, right]) });
    const [a, b] = [normalData([3, 2], 1), normalData([3, 2], 2)];
    const list = (await made.predict([a, b])) as Tensor;
    const record = (await made.predict({ right: b, left: a })) as Tensor;
    expect(record.array()).toEqual(list.array());
    expect(list.data[0]).toBeCloseTo((a.data[0] as number) - (b.data[0] as number), 6);
  });
});
