import { describe, expect, test } from '@jest/globals';
import * as tfk from '../../src/index.ts';
import { expectClose } from '../helpers/close.ts';

const { ops } = tfk;
const x = new tfk.Tensor(
  'float32',
  [8, 3],
  Float32Array.from({ length: 24 }, (_, i) => Math.sin(i)),
);
const y = new tfk.Tensor(
  'float32',
  [8, 1],
  Float32Array.from({ length: 8 }, (_, i) => Math.cos(i)),
);
const tolerance = { rtol: 1e-5, atol: 1e-6 };

function mlp(): tfk.Sequential {
  tfk.setRandomSeed(3);
  return tfk.sequential([
    tfk.input({ shape: [3] }),
    tfk.layers.dense({ units: 4, activation: 'tanh', kernelRegularizer: 'l2' }),
    tfk.layers.dense({ units: 1 }),
  ]);
}
const mse = (a: tfk.Value, b: tfk.Value): tfk.Value => ops.reduceMean(ops.square(ops.sub(a, b)));

describe('trainStep', () => {
  test.each([
    'sgd',
    'adam',
    { type: 'adam', clipnorm: 0.1 },
    { type: 'sgd', gradientAccumulationSteps: 2, momentum: 0.9 },
  ] as const)('does what fit does: %j', async (optimizer) => {
    const [own, fitted] = [mlp(), mlp()];
    fitted.compile({ optimizer, loss: 'mse' });
    const history = await fitted.fit(x, y, { epochs: 5, batchSize: 8, shuffle: false, verbose: 0 });
    const step = tfk.trainStep(own, optimizer, (a: tfk.Value, b: tfk.Value) =>
      mse(b, tfk.call(own, a, { training: true })),
    );
    const losses: number[] = [];
    for (let i = 0; i < 5; i++) losses.push((await step(x, y)).loss as number);
    expectClose(losses, history.loss as number[], tolerance, 'losses');
    own.getWeights().forEach((w, i) => {
      expectClose(w.data, fitted.getWeights()[i]?.data ?? [], tolerance, `weight ${i}`);
    });
    expect(step.iterations).toBe(5);
    step.dispose();
  });

  test('equals the same loss and gradients by hand', async () => {
    const model = mlp();
    const lossOf = (a: tfk.Value, b: tfk.Value) => mse(b, tfk.call(model, a));
    const before = model.getWeights();
    const [, gradients] = tfk.valueAndGrad(lossOf, { wrt: model.trainableWeights.slice(1) })(x, y);
    await tfk.trainStep(model, { type: 'sgd', learningRate: 0.5 }, lossOf)(x, y);
    gradients.forEach((g, i) => {
      const expected = ops.sub(before[i + 1] as tfk.Tensor, ops.mul(g, 0.5));
      expectClose(model.getWeights()[i + 1]?.data ?? [], expected.data, tolerance, `weight ${i + 1}`);
    });
  });

  test('reports several losses, takes records, and sets the learning rate', async () => {
    const model = mlp();
    const step = tfk.trainStep(model, 'sgd', (batch: { readonly x: tfk.Value; readonly y: tfk.Value }) => {
      const error = ops.sub(batch.y, tfk.call(model, batch.x));
      const [squared, absolute] = [ops.reduceMean(ops.square(error)), ops.reduceMean(ops.abs(error))];
      return { loss: ops.add(squared, absolute), squared, absolute };
    });
    step.learningRate = 0;
    const before = model.getWeights();
    const logs = await step({ x, y });
    expect(Object.keys(logs)).toEqual(['loss', 'squared', 'absolute']);
    expect(logs.loss).toBeGreaterThan((logs.squared as number) + (logs.absolute as number));
    expect(model.getWeights().every((w, i) => w.equals(before[i] as tfk.Tensor))).toBe(true);
    expect(step.learningRate).toBe(0);
  });

  test('goes on after the model was trained elsewhere', async () => {
    const model = mlp();
    const step = tfk.trainStep(model, 'sgd', (a: tfk.Value, b: tfk.Value) => mse(b, tfk.call(model, a)));
    await step(x, y);
    model.compile({ optimizer: 'sgd', loss: 'mse' });
    await model.fit(x, y, { epochs: 2, verbose: 0 });
    const before = (await step(x, y)).loss as number;
    expect((await step(x, y)).loss).toBeLessThan(before);
  });

  test('trains two models against each other, each with its own optimizer', async () => {
    const generator = tfk.sequential([tfk.input({ shape: [2] }), tfk.layers.dense({ units: 2 })]);
    const critic = tfk.sequential([
      tfk.input({ shape: [2] }),
      tfk.layers.dense({ units: 4, activation: 'relu' }),
      tfk.layers.batchNormalization(),
      tfk.layers.dense({ units: 1 }),
    ]);
    const training = { training: true };
    const criticStep = tfk.trainStep(critic, 'adam', (real: tfk.Value, noise: tfk.Value) => {
      const fake = tfk.call(generator, noise);
      const score = (v: tfk.Value) => ops.reduceMean(tfk.call(critic, v, training));
      return ops.sub(score(fake), score(real));
    });
    const generatorStep = tfk.trainStep(generator, 'rmsprop', (noise: tfk.Value) =>
      ops.neg(ops.reduceMean(tfk.call(critic, tfk.call(generator, noise), training))),
    );
    const [real, noise] = [x.reshape([12, 2]), ops.sin(x.reshape([12, 2]))];
    const weights = () => [...generator.getWeights(), ...critic.getWeights()];
    const changed = (a: tfk.Tensor[], b: tfk.Tensor[]) => a.map((w, i) => !w.equals(b[i] as tfk.Tensor));
    const start = weights();
    await criticStep(real, noise);
    const middle = weights();
    await generatorStep(noise);
    // kernel and bias of the generator, then the critic's: dense, gamma, beta, moving mean and variance, dense
    expect(changed(start, middle).slice(0, 2)).toEqual([false, false]);
    expect(changed(start, middle)[2]).toBe(true);
    expect(changed(middle, weights())).toEqual([true, true, ...new Array(8).fill(false)]);
  });

  test('refuses results that are no scalars, and a second call before the first is done', async () => {
    const model = mlp();
    const wrong = tfk.trainStep(model, 'sgd', (a: tfk.Value) => tfk.call(model, a));
    await expect(wrong(x)).rejects.toThrow(tfk.ShapeError);
    const nothing = tfk.trainStep(model, 'sgd', (() => undefined) as never);
    await expect(nothing()).rejects.toThrow(tfk.ConfigError);
    const step = tfk.trainStep(model, 'sgd', (a: tfk.Value) => ops.reduceSum(tfk.call(model, a)));
    const first = step(x);
    await expect(step(x)).rejects.toThrow(/await it first/);
    await first;
  });
});

/** An autoencoder with a loss of its own. */
class Autoencoder extends tfk.Model {
  static override readonly className = 'Autoencoder';
  readonly #encoder = this.track(tfk.layers.dense({ units: 2, name: 'encoder' }));
  readonly #decoder = this.track(tfk.layers.dense({ units: 3, name: 'decoder' }));

  call([a]: tfk.Values, options: tfk.CallOptions) {
    return this.#decoder.invoke(this.#encoder.invoke([a], options), options);
  }

  override trainStep({ x: [a] }: tfk.StepBatch): tfk.StepLosses {
    const [decoded] = this.invoke([a as tfk.Value], { training: true });
    const error = mse(a as tfk.Value, decoded as tfk.Value);
    return { loss: ops.mul(error, 2), error };
  }
}

describe('a model with a training step of its own', () => {
  test('is trained by fit, with callbacks and history', async () => {
    const model = new Autoencoder({});
    model.compile({ optimizer: 'adam' });
    const seen: number[] = [];
    const history = await model.fit(x, undefined, {
      epochs: 3,
      verbose: 0,
      callbacks: [tfk.callbacks.lambda({ onEpochEnd: (epoch: number) => void seen.push(epoch) })],
    });
    const [loss, error] = [history.loss as number[], history.error as number[]];
    expect(loss[0]).toBeCloseTo(2 * (error[0] as number), 5);
    expect(loss[2]).toBeLessThan(loss[0] as number);
    expect(seen).toEqual([0, 1, 2]);
    await expect(model.evaluate(x)).rejects.toThrow(/without a loss/);
  });
});
