import { describe, expect, test } from '@jest/globals';
import {
  callbacks,
  input,
  layers,
  type Model,
  sequential,
  setRandomSeed,
  type Tensor,
} from '../../src/index.ts';
import { column, hashWeights, labels, normalData, oneWeight } from '../helpers/small-models.ts';

const x = normalData([24, 6]);
const y = labels(24, 3);

/** Initial weights, shuffles and dropout all come from the seed. */
async function train(seed: number, stepsPerExecution = 1): Promise<Model> {
  setRandomSeed(seed);
  const model = sequential([
    input({ shape: [6] }),
    layers.dense({ units: 8, activation: 'relu' }),
    layers.dropout({ rate: 0.5 }),
    layers.gaussianNoise({ stddev: 0.1 }),
    layers.dense({ units: 3, activation: 'softmax' }),
  ]);
  const optimizer = { type: 'adam', learningRate: 0.01 };
  model.compile({ optimizer, loss: 'sparseCategoricalCrossentropy', threads: 1, stepsPerExecution });
  await model.fit(x, y, { verbose: 0, epochs: 3, batchSize: 5, validationSplit: 0.2 });
  return model;
}

describe('randomness', () => {
  test('the same seed twice: bit-identical weights; another seed, others', async () => {
    const hashes = [];
    for (const seed of [7, 7, 8]) hashes.push(hashWeights(await train(seed)));
    expect(hashes[0]).toBe(hashes[1]);
    expect(hashes[2]).not.toBe(hashes[0]);
  });

  test('several steps in a native call draw the same numbers', async () => {
    const [one, three] = [await train(7), await train(7, 3)];
    const [a, b] = [one.getWeights(), three.getWeights()].map((list) => list.flatMap((t) => [...t.data]));
    const worst = Math.max(...(a ?? []).map((v, i) => Math.abs(Number(v) - Number(b?.[i]))));
    expect(worst).toBeLessThan(1e-5);
  });

  /** The order in which samples came: sample `n` has the loss `n^2`, and the logs are running means. */
  async function order(seed: number, shuffle: boolean, epochs = 2): Promise<number[]> {
    setRandomSeed(seed);
    const model = oneWeight(0, { loss: 'mse' });
    const seen: number[] = [];
    let sum = 0;
    const watch = callbacks.lambda({
      onEpochBegin: () => {
        sum = 0;
      },
      onTrainBatchEnd: (batch, logs) => {
        const total = (logs.loss as number) * (batch + 1);
        seen.push(Math.round(Math.sqrt(total - sum)));
        sum = total;
      },
    });
    model.compile({ optimizer: { type: 'sgd', learningRate: 0 }, loss: 'mse', threads: 1 });
    const targets = column(1, 2, 3, 4, 5, 6, 7, 8);
    await model.fit(targets, targets, { verbose: 0, batchSize: 1, epochs, shuffle, callbacks: [watch] });
    return seen;
  }

  test('shuffle: every sample once an epoch, each epoch in another order, given by the seed', async () => {
    const seen = await order(1, true);
    const [first, second] = [seen.slice(0, 8), seen.slice(8)];
    expect(first.toSorted()).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(second.toSorted()).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(second).not.toEqual(first);
    expect(await order(1, true)).toEqual(seen);
    expect(await order(2, true)).not.toEqual(seen);
    expect(await order(1, false, 1)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  });

  test('data is not changed by shuffling', async () => {
    const before = [...x.data];
    await train(3);
    expect([...x.data]).toEqual(before);
  });

  test('dropout drops while training, anew for each step, and never in evaluate and predict', async () => {
    const model = sequential([input({ shape: [1000] }), layers.dropout({ rate: 0.25 })]);
    model.compile({ optimizer: 'sgd', loss: 'mae', threads: 1 });
    const [ones, zeros] = [normalData([1, 1000]), normalData([1, 1000])];
    (ones.data as Float32Array).fill(1);
    (zeros.data as Float32Array).fill(0);
    expect(((await model.predict(ones)) as Tensor).data.every((v) => v === 1)).toBe(true);
    expect((await model.testOnBatch(ones, zeros)).loss).toBe(1);
    const found = [await model.trainOnBatch(ones, zeros), await model.trainOnBatch(ones, zeros)];
    for (const { loss } of found) expect(Math.abs((loss as number) - 1)).toBeLessThan(0.15);
    expect(found[0]?.loss).not.toBe(found[1]?.loss);
  });

  test('a layer with a seed of its own draws the same, whatever the global seed', async () => {
    const loss = async (seed: number): Promise<number> => {
      setRandomSeed(seed);
      const model = sequential([input({ shape: [50] }), layers.dropout({ rate: 0.5, seed: 11 })]);
      model.compile({ optimizer: 'sgd', loss: 'mae', threads: 1 });
      const data = normalData([2, 50]);
      return (await model.trainOnBatch(data, data)).loss as number;
    };
    expect(await loss(1)).toBe(await loss(2));
  });

  test('evaluate and predict between epochs change nothing', async () => {
    const run = async (look: boolean): Promise<string> => {
      setRandomSeed(5);
      const model = sequential([
        input({ shape: [6] }),
        layers.dropout({ rate: 0.5 }),
        layers.dense({ units: 3, activation: 'softmax' }),
      ]);
      model.compile({ optimizer: 'adam', loss: 'sparseCategoricalCrossentropy', threads: 1 });
      const watch = callbacks.lambda({
        onEpochEnd: async () => {
          if (look) await model.evaluate(x, y, { verbose: 0, batchSize: 7 });
          if (look) await model.predict(x);
        },
      });
      await model.fit(x, y, { verbose: 0, epochs: 3, batchSize: 10, callbacks: [watch] });
      return hashWeights(model);
    };
    expect(await run(true)).toBe(await run(false));
  });
});
