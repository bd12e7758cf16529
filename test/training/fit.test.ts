import { describe, expect, test } from '@jest/globals';
import { callbacks, type Logs, type Tensor, tensor } from '../../src/index.ts';
import { column, descend, normalData, oneWeight, quiet, weightOf } from '../helpers/small-models.ts';

const x = column(1, 2, -1, 0.5, 3, -2, 1.5);
const y = column(2, 3, -1, 1, 5, -3, 2);
const pairs = Array.from({ length: 7 }, (_, i) => [Number(x.data[i]), Number(y.data[i])] as const);
const mean = (values: readonly number[], sizes: readonly number[]): number =>
  values.reduce((sum, v, i) => sum + v * (sizes[i] as number), 0) / sizes.reduce((a, b) => a + b);

describe('batches and epochs', () => {
  test('the last partial batch is trained on, and the loss is the mean over samples before each step', async () => {
    const model = oneWeight(0.2);
    const { loss } = await model.fit(x, y, { ...quiet, batchSize: 3 });
    const { w, losses } = descend(0.2, [pairs.slice(0, 3), pairs.slice(3, 6), pairs.slice(6)]);
    expect(weightOf(model)).toBeCloseTo(w, 5);
    expect(loss?.[0]).toBeCloseTo(mean(losses, [3, 3, 1]), 5);
  });

  test('a batch larger than the data is one batch', async () => {
    const model = oneWeight(0.2);
    await model.fit(x, y, { ...quiet, batchSize: 100 });
    expect(weightOf(model)).toBeCloseTo(descend(0.2, [pairs]).w, 5);
  });

  test('the default batch size is 32', async () => {
    const seen: number[] = [];
    const model = oneWeight(0.2);
    const data = normalData([70, 1]);
    await model.fit(data, data, {
      ...quiet,
      callbacks: [callbacks.lambda({ onTrainBatchEnd: (b) => void seen.push(b) })],
    });
    expect(seen).toEqual([0, 1, 2]);
  });

  test('epochs is the number of the last one: initialEpoch counts', async () => {
    const seen: number[] = [];
    const model = oneWeight(0.2);
    const watch = callbacks.lambda({ onEpochBegin: (epoch) => void seen.push(epoch) });
    const history = await model.fit(x, y, { ...quiet, epochs: 5, initialEpoch: 3, callbacks: [watch] });
    expect(seen).toEqual([3, 4]);
    expect(history.loss).toHaveLength(2);
    expect(weightOf(model)).toBeCloseTo(descend(0.2, [pairs, pairs]).w, 5);
    expect(await model.fit(x, y, { ...quiet, epochs: 2, initialEpoch: 2 })).toEqual({});
  });

  test('stepsPerEpoch goes on in the data where the epoch before ended', async () => {
    const model = oneWeight(0.2);
    const { loss } = await model.fit(x, y, { ...quiet, batchSize: 3, epochs: 3, stepsPerEpoch: 2 });
    const batches = [pairs.slice(0, 3), pairs.slice(3, 6), pairs.slice(6)];
    const { w, losses } = descend(0.2, [...batches, ...batches]);
    expect(weightOf(model)).toBeCloseTo(w, 5);
    expect(loss?.[1]).toBeCloseTo(mean(losses.slice(2, 4), [1, 3]), 5);
  });

  test('a second fit goes on: weights and optimizer state', async () => {
    const optimizer = { type: 'sgd', learningRate: 0.02, momentum: 0.9 };
    const [once, twice] = [oneWeight(0.2, { optimizer }), oneWeight(0.2, { optimizer })];
    await once.fit(x, y, { ...quiet, epochs: 4 });
    await twice.fit(x, y, { ...quiet, epochs: 2 });
    await twice.evaluate(x, y, quietly);
    await twice.fit(x, y, { ...quiet, epochs: 2 });
    expect(weightOf(twice)).toBe(weightOf(once));
  });

  test('to compile again keeps the weights and starts the optimizer anew', async () => {
    const optimizer = { type: 'sgd', learningRate: 0.02, momentum: 0.9 };
    const model = oneWeight(0.2, { optimizer });
    await model.fit(x, y, quiet);
    const w = weightOf(model);
    model.compile({ optimizer, loss: 'mse', threads: 1 });
    expect(weightOf(model)).toBe(w);
    await model.fit(x, y, quiet);
    expect(weightOf(model)).toBeCloseTo(descend(w, [pairs], 0.02).w, 6);
  });

  test('a loss of the last epoch is that of the weights before each step, not of evaluate', async () => {
    const model = oneWeight(0.2);
    const before = await model.evaluate(x, y, quietly);
    const { loss } = await model.fit(x, y, quiet);
    expect(loss?.[0]).toBeCloseTo(before.loss as number, 6);
    expect((await model.evaluate(x, y, quietly)).loss).toBeLessThan(before.loss as number);
  });

  test('two steps in a native call: nothing changes but how often batch hooks are called', async () => {
    const run = async (stepsPerExecution: number): Promise<[number, number[], number | undefined]> => {
      const model = oneWeight(0.2, { optimizer: { type: 'adam', learningRate: 0.1 }, stepsPerExecution });
      const ends: number[] = [];
      const watch = callbacks.lambda({ onTrainBatchEnd: (batch) => void ends.push(batch) });
      const { loss } = await model.fit(x, y, { ...quiet, batchSize: 2, epochs: 2, callbacks: [watch] });
      return [weightOf(model), ends, loss?.[1]];
    };
    const [[w1, ends1, loss1], [w2, ends2, loss2]] = [await run(1), await run(2)];
    expect(ends1).toEqual([0, 1, 2, 3, 0, 1, 2, 3]);
    expect(ends2).toEqual([1, 2, 3, 1, 2, 3]);
    expect(w2).toBeCloseTo(w1, 6);
    expect(loss2).toBeCloseTo(loss1 as number, 5);
  });
});

describe('validation', () => {
  test('validationSplit holds back the last samples, whatever shuffle says', async () => {
    for (const shuffle of [false, true]) {
      const model = oneWeight(0.2);
      const history = await model.fit(x, y, { verbose: 0, shuffle, validationSplit: 0.4 });
      const { w } = descend(0.2, [pairs.slice(0, 4)]);
      expect(weightOf(model)).toBeCloseTo(w, 5);
      expect(history.val_loss?.[0]).toBeCloseTo(descend(w, [pairs.slice(4)]).losses[0] as number, 5);
    }
  });

  test('validationData comes before validationSplit, and may have weights', async () => {
    const model = oneWeight(0.2);
    const validationData = [column(1, 2), column(0, 0), tensor([1, 3])] as const;
    const { val_loss: measured } = await model.fit(x, y, { ...quiet, validationSplit: 0.4, validationData });
    const { w } = descend(0.2, [pairs]);
    expect(measured?.[0]).toBeCloseTo((w ** 2 + 3 * (2 * w) ** 2) / 2, 5);
  });

  test('validationFreq: every so many epochs, or in those listed', async () => {
    const count = async (validationFreq: number | number[]): Promise<number> => {
      const { val_loss: values } = await oneWeight(0.2).fit(x, y, {
        ...quiet,
        epochs: 5,
        validationSplit: 0.3,
        validationFreq,
      });
      return values?.length ?? 0;
    };
    expect(await count(2)).toBe(2);
    expect(await count([1, 4, 5])).toBe(3);
  });

  test('validationSteps looks at the same first batches each time', async () => {
    const model = oneWeight(0.2);
    const { val_loss: values } = await model.fit(x, y, {
      ...quiet,
      epochs: 3,
      validationData: [column(1, 1, 50, 50), column(0, 0, 0, 0)],
      validationBatchSize: 1,
      validationSteps: 2,
    });
    let w = 0.2;
    for (const value of values ?? []) {
      w = descend(w, [pairs]).w;
      expect(value).toBeCloseTo(w ** 2, 5);
    }
    expect(values).toHaveLength(3);
  });
});

const quietly = { verbose: 0 } as const;

describe('evaluate and predict', () => {
  test('evaluate does not depend on the batch size', async () => {
    const model = oneWeight(0.7, { metrics: ['mae', 'rootMeanSquaredError'] });
    const reference = await model.evaluate(x, y, { ...quietly, batchSize: 7 });
    for (const batchSize of [1, 2, 3, 100]) {
      const found = await model.evaluate(x, y, { ...quietly, batchSize });
      for (const [key, value] of Object.entries(reference)) expect(found[key]).toBeCloseTo(value, 5);
    }
    expect(Object.keys(reference)).toEqual(['loss', 'mae', 'rootMeanSquaredError']);
  });

  test('evaluate takes sample weights and a number of steps', async () => {
    const model = oneWeight(1);
    const sampleWeight = [1, 0, 2, 0, 0, 0, 0];
    const { loss } = await model.evaluate(x, y, { ...quietly, sampleWeight });
    const expected =
      pairs.reduce((sum, [a, b], i) => sum + (sampleWeight[i] as number) * (a - b) ** 2, 0) / 7;
    expect(loss).toBeCloseTo(expected, 6);
    const two = await model.evaluate(x, y, { ...quietly, batchSize: 1, steps: 2 });
    expect(two.loss).toBeCloseTo(((1 - 2) ** 2 + (2 - 3) ** 2) / 2, 6);
  });

  test('predict joins the batches, needs no compile, and takes nested arrays', async () => {
    const model = oneWeight(2);
    const y3 = (await model.predict(x, { batchSize: 3 })) as Tensor;
    expect(y3.shape).toEqual([7, 1]);
    expect([...y3.data]).toEqual(pairs.map(([a]) => 2 * a));
    expect(((await model.predict([[1], [4]])) as Tensor).array()).toEqual([[2], [8]]);
  });

  test('results of predict are copies', async () => {
    const model = oneWeight(2);
    const first = (await model.predict(column(1))) as Tensor;
    await model.predict(column(10));
    expect(first.item()).toBe(2);
  });

  test('trainOnBatch and testOnBatch: the loss before the update, the update, the loss after', async () => {
    const model = oneWeight(0.2, { metrics: ['mae'] });
    const { w, losses } = descend(0.2, [pairs, pairs]);
    const first = await model.trainOnBatch(x, y);
    expect(first.loss).toBeCloseTo(losses[0] as number, 6);
    expect(Object.keys(first)).toEqual(['loss', 'mae']);
    expect((await model.testOnBatch(x, y)).loss).toBeCloseTo(losses[1] as number, 5);
    await model.trainOnBatch(x, y);
    expect(weightOf(model)).toBeCloseTo(w, 5);
    const weighted = await model.testOnBatch(column(1, 1), column(0, 0), { sampleWeight: [0, 2] });
    expect(weighted.loss).toBeCloseTo(w ** 2, 5);
  });
});

describe('runs beside and inside each other', () => {
  test('two models train at once', async () => {
    const [a, b] = [oneWeight(0.2), oneWeight(-1)];
    await Promise.all([a.fit(x, y, { ...quiet, epochs: 20 }), b.fit(x, y, { ...quiet, epochs: 20 })]);
    const epochs = new Array(20).fill(pairs);
    expect(weightOf(a)).toBeCloseTo(descend(0.2, epochs).w, 5);
    expect(weightOf(b)).toBeCloseTo(descend(-1, epochs).w, 5);
  });

  test('a second fit on a model that trains is refused, and the first goes on', async () => {
    const model = oneWeight(0.2);
    const first = model.fit(x, y, { ...quiet, epochs: 2 });
    await expect(model.fit(x, y, quiet)).rejects.toThrow(/busy with fit; await that first/);
    await expect(model.trainOnBatch(x, y)).rejects.toThrow(/busy with fit/);
    await first;
    expect(weightOf(model)).toBeCloseTo(descend(0.2, [pairs, pairs]).w, 5);
    await model.fit(x, y, quiet);
  });

  test('a callback may evaluate and predict, but only one thing at a time', async () => {
    const model = oneWeight(0.2);
    const found: number[] = [];
    const look: callbacks.Hooks = {
      onEpochEnd: async () => {
        found.push((await model.evaluate(x, y, quietly)).loss as number);
        const both = [model.predict(x), model.predict(x)];
        await expect(Promise.all(both)).rejects.toThrow(/busy with fit and predict/);
        await Promise.allSettled(both);
      },
    };
    await model.fit(x, y, { ...quiet, epochs: 2, callbacks: [callbacks.lambda(look)] });
    const { losses } = descend(0.2, [pairs, pairs, pairs]);
    expect(found[1]).toBeCloseTo(losses[2] as number, 5);
  });

  test('an error in a callback ends the run; the model can train again', async () => {
    const model = oneWeight(0.2);
    const fail = callbacks.lambda({
      onEpochBegin: () => {
        throw new Error('mine');
      },
    });
    await expect(model.fit(x, y, { ...quiet, callbacks: [fail] })).rejects.toThrow('mine');
    await model.fit(x, y, quiet);
    expect(weightOf(model)).toBeCloseTo(descend(0.2, [pairs]).w, 5);
  });

  test('a stop from a callback ends the epoch', async () => {
    const logs: Logs[] = [];
    class Stop extends callbacks.Callback {
      override onTrainBatchEnd(batch: number, seen: Logs): void {
        logs.push({ ...seen });
        if (batch === 1) this.run.stop();
      }
    }
    const model = oneWeight(0.2);
    const history = await model.fit(x, y, { ...quiet, batchSize: 2, epochs: 3, callbacks: [new Stop()] });
    expect(history.loss).toHaveLength(1);
    const { w, losses } = descend(0.2, [pairs.slice(0, 2), pairs.slice(2, 4)]);
    expect(weightOf(model)).toBeCloseTo(w, 5);
    expect(logs[1]?.loss).toBeCloseTo(mean(losses, [2, 2]), 5);
  });

  test('compile is refused while the model trains', async () => {
    const model = oneWeight(0.2);
    const fit = model.fit(x, y, quiet);
    expect(() => model.compile({ loss: 'mse' })).toThrow(
      /"sequential.*": busy with fit; await that before compile/,
    );
    await fit;
    expect(weightOf(model)).toBeCloseTo(descend(0.2, [pairs]).w, 5);
  });

  test('a model goes on after dispose', async () => {
    const model = oneWeight(0.2);
    await model.fit(x, y, quiet);
    model.dispose();
    await model.fit(x, y, quiet);
    expect(weightOf(model)).toBeCloseTo(descend(0.2, [pairs, pairs]).w, 5);
  });
});
