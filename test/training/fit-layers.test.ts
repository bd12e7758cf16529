import { describe, expect, test } from '@jest/globals';
import * as z from 'zod';
import {
  callbacks,
  input,
  Layer,
  layerOptions,
  layers,
  type Model,
  model,
  ops,
  type PartialShapes,
  regularizers,
  schedules,
  sequential,
  type Tensor,
  tensor,
  type Value,
  type Values,
  type Weight,
} from '../../src/index.ts';
import { ones } from '../../src/layers/initializers.ts';
import { expectClose } from '../helpers/close.ts';
import { column, descend, labels, normalData, oneWeight, quiet, weightOf } from '../helpers/small-models.ts';

const sgd = { type: 'sgd', learningRate: 0.1 };
const dataOf = (t: Tensor | undefined): number[] => [...(t?.data ?? [])].map(Number);

describe('batch normalization', () => {
  const x = column(1, 2, 3, 6);
  const make = (trainable = true): Model => {
    const made = sequential([
      input({ shape: [1] }),
      layers.batchNormalization({ momentum: 0.9, epsilon: 0.001, trainable }),
    ]);
    made.compile({ optimizer: { type: 'sgd', learningRate: 0 }, loss: 'mse', threads: 1 });
    return made;
  };

  test('training moves the averages and uses the batch; inference uses the averages', async () => {
    const norm = make();
    const { loss } = await norm.trainOnBatch(x, column(0, 0, 0, 0));
    const variance = (4 + 1 + 0 + 9) / 4; // about the mean 3
    expect(loss).toBeCloseTo(variance / (variance + 0.001), 5);
    const [gamma, beta, mean, moving] = norm.getWeights().map((t) => t.item());
    expect([gamma, beta]).toEqual([1, 0]);
    expect(mean).toBeCloseTo(0.1 * 3, 6);
    expect(moving).toBeCloseTo(0.9 + 0.1 * variance, 6);
    const y = (await norm.predict(column(5))) as Tensor;
    expect(y.item()).toBeCloseTo((5 - 0.3) / Math.sqrt(0.9 + 0.1 * variance + 0.001), 5);
    await norm.evaluate(x, x, { verbose: 0 });
    expect(norm.getWeights()[2]?.item()).toBeCloseTo(0.3, 6);
  });

  test('frozen it keeps its averages and uses them while training, too', async () => {
    const norm = make(false);
    const { loss } = await norm.trainOnBatch(x, column(0, 0, 0, 0));
    expect(loss).toBeCloseTo((1 + 4 + 9 + 36) / 4 / 1.001, 4);
    expect(norm.getWeights().map((t) => t.item())).toEqual([1, 0, 0, 1]);
  });

  test('the averages follow every step of an epoch', async () => {
    const norm = make();
    await norm.fit(x, x, { ...quiet, batchSize: 2, epochs: 2 });
    let mean = 0;
    for (const batch of [1.5, 4.5, 1.5, 4.5]) mean = 0.9 * mean + 0.1 * batch;
    expect(norm.getWeights()[2]?.item()).toBeCloseTo(mean, 5);
  });
});

describe('frozen layers', () => {
  const x = normalData([8, 3]);
  const y = labels(8, 2);
  const make = (): Model =>
    sequential([
      input({ shape: [3] }),
      layers.dense({ units: 4, activation: 'tanh', name: 'body' }),
      layers.dense({ units: 2, activation: 'softmax', name: 'head' }),
    ]);
  const compile = (made: Model): void =>
    made.compile({ optimizer: 'adam', loss: 'sparseCategoricalCrossentropy', threads: 1 });

  test('do not change; the others do; thawed and compiled again they change', async () => {
    const made = make();
    made.getLayer('body').trainable = false;
    compile(made);
    const trained = ['kernel', 'bias'].map((name) => `${made.name}/head/${name}`);
    expect(made.trainableWeights.map((w) => w.path)).toEqual(trained);
    const before = made.getWeights().map(dataOf);
    await made.fit(x, y, { ...quiet, epochs: 2 });
    const after = made.getWeights().map(dataOf);
    expect(after.slice(0, 2)).toEqual(before.slice(0, 2));
    expect(after[2]).not.toEqual(before[2]);
    made.getLayer('body').trainable = true;
    await expect(made.fit(x, y, quiet)).rejects.toThrow(/frozen, thawed.*Call model.compile\(\) again/);
    compile(made);
    await made.fit(x, y, quiet);
    expect(dataOf(made.getWeights()[0])).not.toEqual(after[0]);
  });

  test('keep weights that are set between two fits', async () => {
    const made = make();
    made.getLayer('body').trainable = false;
    compile(made);
    await made.fit(x, y, quiet);
    const fresh = normalData([3, 4], 99);
    made.setWeights([fresh, ...made.getWeights().slice(1)]);
    await made.fit(x, y, quiet);
    expect(dataOf(made.getWeights()[0])).toEqual(dataOf(fresh));
  });

  test('a whole model: nothing is trained, and its sublayers are frozen', async () => {
    const made = make();
    made.trainable = false;
    compile(made);
    const before = made.getWeights().map(dataOf);
    const { loss } = await made.fit(x, y, { ...quiet, epochs: 2 });
    expect(loss?.[0]).toBe(loss?.[1]);
    expect(made.getWeights().map(dataOf)).toEqual(before);
    expect(made.getLayer('head').trainable).toBe(false);
  });
});

describe('wiring', () => {
  test('a shared layer has one set of weights and the sum of both gradients', async () => {
    const shared = layers.dense({ units: 1, useBias: false, kernelInitializer: 'ones' });
    const [a, b] = [input({ shape: [1], name: 'a' }), input({ shape: [1], name: 'b' })];
    const made = model({ inputs: [a, b], outputs: layers.add().apply([shared.apply(a), shared.apply(b)]) });
    expect(made.countParams()).toBe(1);
    made.compile({ optimizer: sgd, loss: 'mse', threads: 1 });
    await made.trainOnBatch([column(1, 2), column(3, -1)], column(0, 0));
    // y = w (a + b)
    expect(weightOf(made)).toBeCloseTo(
      descend(1, [
        [
          [4, 0],
          [1, 0],
        ],
      ]).w,
      5,
    );
  });

  test('nested models train as if their layers stood in the outer one', async () => {
    const x = normalData([6, 3]);
    const y = labels(6, 2);
    const build = (nested: boolean): Model => {
      const body = [layers.dense({ units: 4, activation: 'tanh' }), layers.dropout({ rate: 0 })];
      const head = layers.dense({ units: 2, activation: 'softmax' });
      const data = input({ shape: [3] });
      if (!nested) return sequential([data, ...body, head]);
      const inner = sequential([input({ shape: [3] }), ...body], { name: 'inner' });
      return model({ inputs: data, outputs: head.apply(inner.apply(data)) });
    };
    const [flat, nested] = [build(false), build(true)];
    nested.setWeights(flat.getWeights());
    for (const made of [flat, nested]) {
      made.compile({ optimizer: 'adam', loss: 'sparseCategoricalCrossentropy', threads: 1 });
      await made.fit(x, y, { ...quiet, epochs: 3, batchSize: 4 });
    }
    expect(nested.getWeights().map(dataOf)).toEqual(flat.getWeights().map(dataOf));
  });

  test('a layer that two models share trains in turns, and each optimizer goes on where it was', async () => {
    const momentum = { type: 'sgd', learningRate: 0.01, momentum: 0.9 };
    const [x, y] = [column(1, 2), column(2, 4)];
    const build = (): Model[] => {
      const shared = layers.dense({ units: 1, useBias: false, kernelInitializer: 'ones' });
      return [0, 1].map(() => {
        const data = input({ shape: [1] });
        const made = model({ inputs: data, outputs: shared.apply(data) });
        made.compile({ optimizer: momentum, loss: 'mse', threads: 1 });
        return made;
      });
    };
    const [first, second] = build() as [Model, Model];
    let [w, v1, v2] = [1, 0, 0];
    const slope = (): number => ((w - 2) * 2 * 1 + (2 * w - 4) * 2 * 2) / 2;
    for (let i = 0; i < 3; i++) {
      await first.trainOnBatch(x, y);
      v1 = 0.9 * v1 - 0.01 * slope();
      w += v1;
      await second.trainOnBatch(x, y);
      v2 = 0.9 * v2 - 0.01 * slope();
      w += v2;
    }
    expect(weightOf(first)).toBeCloseTo(w, 5);
    expect(weightOf(second)).toBe(weightOf(first));
  });

  const scaleSchema = layerOptions.extend({ start: z.number().default(1) });
  /** `y = s x` with a weight of its own, and a loss of its own. */
  class Scale extends Layer<typeof scaleSchema> {
    static override readonly className = 'Scale';
    static override readonly schema = scaleSchema;
    #scale!: Weight;
    override build([shape]: PartialShapes): void {
      this.#scale = this.addWeight('scale', [shape.at(-1) as number], {
        initializer: ones(),
        regularizer: regularizers.l2({ l2: 0.5 }),
      });
    }
    call([x]: Values): Value {
      return ops.mul(x, this.#scale.value);
    }
  }

  test('a layer of the user: shapes are found, weights trained, its regularizer counts', async () => {
    const made = sequential([input({ shape: [2] }), new Scale({})]);
    expect(made.outputs[0]?.shape).toEqual([null, 2]);
    made.compile({ optimizer: sgd, loss: 'mse', threads: 1 });
    const { loss } = await made.trainOnBatch(tensor([[1, 2]]), tensor([[0, 0]]));
    expect(loss).toBeCloseTo((1 + 4) / 2 + 0.5 * 2, 6);
    expectClose(
      dataOf(made.getWeights()[0]),
      [1 - 0.1 * (1 + 1), 1 - 0.1 * (4 + 1)],
      { rtol: 1e-6, atol: 1e-6 },
      's',
    );
  });
});

describe('penalties, constraints, learning rates', () => {
  test('regularizers count in training and evaluation, for trained weights only', async () => {
    const build = (trainable: boolean): Model => {
      const line = layers.dense({
        units: 1,
        kernelInitializer: { type: 'constant', value: 2 },
        kernelRegularizer: { type: 'l2', l2: 0.1 },
        biasInitializer: 'ones',
        biasRegularizer: { type: 'l1', l1: 0.3 },
        trainable,
      });
      const made = sequential([input({ shape: [1] }), line]);
      made.compile({ optimizer: sgd, loss: 'mse', threads: 1 });
      return made;
    };
    const [x, y] = [column(1), column(0)];
    expect((await build(true).evaluate(x, y, { verbose: 0 })).loss).toBeCloseTo(9 + 0.4 + 0.3, 5);
    expect((await build(false).evaluate(x, y, { verbose: 0 })).loss).toBeCloseTo(9, 5);
    const made = build(true);
    await made.trainOnBatch(x, y);
    expect(made.getWeights()[0]?.item()).toBeCloseTo(2 - 0.1 * (6 + 0.4), 5);
    expect(made.getWeights()[1]?.item()).toBeCloseTo(1 - 0.1 * (6 + 0.3), 5);
  });

  test('activityRegularizer: the penalty on the outputs, divided by the batch size', async () => {
    const made = sequential([
      input({ shape: [2] }),
      layers.activation({ activation: 'relu', activityRegularizer: { type: 'l1', l1: 0.5 } }),
    ]);
    made.compile({ optimizer: sgd, loss: 'mse', threads: 1 });
    const x = tensor([
      [1, -2],
      [3, 4],
    ]);
    const { loss } = await made.testOnBatch(
      x,
      tensor([
        [1, 0],
        [3, 4],
      ]),
    );
    expect(loss).toBeCloseTo((0.5 * (1 + 3 + 4)) / 2, 6);
  });

  test.each([1, 3])('constraints hold after every step (%i in a native call)', async (stepsPerExecution) => {
    const made = sequential([
      input({ shape: [3] }),
      layers.dense({
        units: 2,
        kernelConstraint: { type: 'maxNorm', maxValue: 0.5 },
        biasConstraint: 'nonNeg',
        biasInitializer: 'ones',
      }),
    ]);
    made.compile({
      optimizer: { type: 'sgd', learningRate: 0.5 },
      loss: 'mse',
      threads: 1,
      stepsPerExecution,
    });
    let steps = 0;
    const check = callbacks.lambda({
      onTrainBatchEnd: () => {
        steps++;
        const [kernel, bias] = made.getWeights().map(dataOf) as [number[], number[]];
        for (const unit of [0, 1]) {
          const norm = Math.hypot(...kernel.filter((_, i) => i % 2 === unit));
          expect(norm).toBeLessThanOrEqual(0.5001);
        }
        expect(Math.min(...bias)).toBeGreaterThanOrEqual(0);
      },
    });
    const options = { ...quiet, batchSize: 4, epochs: 2, callbacks: [check] };
    await made.fit(normalData([24, 3]), normalData([24, 2], 3), options);
    expect(steps).toBe(12 / stepsPerExecution);
  });

  test('a schedule gives the rate of each step, over epochs and fits', async () => {
    const learningRate = schedules.exponentialDecay({
      initialLearningRate: 0.1,
      decaySteps: 1,
      decayRate: 0.5,
    });
    const one = oneWeight(1, { optimizer: { type: 'sgd', learningRate } });
    const [x, y] = [column(1, 1), column(0, 0)];
    await one.fit(x, y, { ...quiet, batchSize: 1 });
    await one.fit(x, y, { ...quiet, batchSize: 1 });
    let w = 1;
    for (const rate of [0.1, 0.05, 0.025, 0.0125]) w -= rate * 2 * w;
    expect(weightOf(one)).toBeCloseTo(w, 6);
    const set = callbacks.learningRateScheduler(() => 0.1);
    await expect(one.fit(x, y, { ...quiet, callbacks: [set] })).rejects.toThrow(/follows a schedule/);
  });

  test('clipping: no step is longer than the learning rate times clipnorm', async () => {
    const one = oneWeight(1, { optimizer: { type: 'sgd', learningRate: 0.1, clipnorm: 1 } });
    await one.trainOnBatch(column(100), column(0));
    expect(weightOf(one)).toBeCloseTo(0.9, 5);
  });

  test('useEma: fit ends with the running means', async () => {
    const optimizer = { type: 'sgd', learningRate: 0.1, useEma: true, emaMomentum: 0.5 };
    const one = oneWeight(1, { optimizer });
    const [x, y] = [column(1, 1), column(0, 0)];
    await one.fit(x, y, { ...quiet, batchSize: 1 });
    const [w1, w2] = [0.8, 0.64];
    expect(weightOf(one)).toBeCloseTo(0.5 * w1 + 0.5 * w2, 5);
  });
});
