import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import * as z from 'zod';
import * as tfk from '../../src/index.ts';
import { normalData } from '../helpers/small-models.ts';

const { layers, ops } = tfk;

const perceptronSchema = tfk.modelOptions.extend({ units: z.int().min(1) });

/** Two dense layers with a shortcut, which a chain cannot have. */
class Perceptron extends tfk.Model<typeof perceptronSchema, tfk.Tensor> {
  static override readonly className = 'Perceptron';
  static override readonly schema = perceptronSchema;
  readonly hidden = this.track(layers.dense({ units: this.options.units, activation: 'tanh' }));
  readonly out = this.track(layers.dense({ units: 1 }));
  readonly drop = this.track(layers.dropout({ rate: 0.1, seed: 1 }));

  call([x]: tfk.Values, options: tfk.CallOptions): readonly tfk.Value[] {
    const [h] = this.hidden.invoke([x], options) as tfk.Values;
    const [dropped] = this.drop.invoke([h], options) as tfk.Values;
    return this.out.invoke([ops.concat([x, dropped])], options);
  }
}

/** Both outputs of one input. */
class Twins extends tfk.Model {
  static override readonly className = 'Twins';
  readonly a = this.track(layers.dense({ units: 1 }));
  readonly b = this.track(layers.dense({ units: 2 }));
  call([x, y]: tfk.Values, options: tfk.CallOptions): readonly tfk.Value[] {
    return [...this.a.invoke([x], options), ...this.b.invoke([y as tfk.Value], options)];
  }
}

class Quartic extends tfk.losses.Loss {
  static override readonly className = 'Quartic';
  call(yTrue: tfk.Value, yPred: tfk.Value): tfk.Value {
    return ops.reduceMean(ops.square(ops.square(ops.sub(yTrue, yPred))), [-1]);
  }
}

class Within extends tfk.metrics.MeanMetric<typeof Within.schema> {
  static override readonly className = 'Within';
  static override readonly schema = tfk.metricOptions.extend({ distance: z.number().default(1) });
  protected values(yTrue: tfk.Value, yPred: tfk.Value): tfk.Value {
    return ops.cast(ops.less(ops.abs(ops.sub(yTrue, yPred)), this.options.distance), 'float32');
  }
}

const signSchema = z.strictObject({ ...tfk.optimizers.commonOptions(0.01), damping: z.number().default(1) });
class SignDescent extends tfk.optimizers.Optimizer<typeof signSchema> {
  static override readonly className = 'SignDescent';
  static override readonly schema = signSchema;
  protected readonly ruleSlots = [[{ name: 'momentum', initial: 0 }]];
  protected update({ weight, gradient, learningRate, slot }: tfk.optimizers.UpdateInputs) {
    const momentum = ops.add(ops.mul(slot('momentum'), 0.5), gradient);
    const step = ops.mul(ops.sign(momentum), ops.mul(learningRate, this.options.damping));
    return { weight: ops.sub(weight, step), slots: { momentum } };
  }
}

class Ramp extends tfk.initializers.Initializer<typeof Ramp.schema> {
  static override readonly className = 'Ramp';
  static override readonly schema = z.strictObject({ step: z.number().default(0.1) });
  generate(shape: tfk.Shape): Float32Array {
    return Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => i * this.options.step);
  }
}

class Count extends tfk.callbacks.Callback {
  static override readonly className = 'Count';
  epochs = 0;
  override onEpochEnd(): void {
    this.epochs++;
  }
}

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'custom-'));
  for (const type of [Perceptron, Quartic, Within, SignDescent, Ramp, Count]) tfk.register(type);
});
afterAll(() => rm(folder, { recursive: true }));
beforeEach(() => tfk.setRandomSeed(1)); // with some weights, eight epochs of steps of one length end no lower

const [x, y] = [normalData([12, 3]), normalData([12, 1])];
const quiet = { verbose: 0, batchSize: 4 } as const;

describe('a model with a call of its own', () => {
  const made = (): Perceptron => {
    const model = new Perceptron({ units: 4 });
    const optimizer = { type: 'signDescent', damping: 0.5 };
    model.compile({ optimizer, loss: 'quartic', metrics: [{ type: 'within', distance: 3 }], threads: 1 });
    return model;
  };

  test('trains, is measured and predicts', async () => {
    const model = made();
    const count = new Count();
    const { loss = [], within } = await model.fit(x, y, { ...quiet, epochs: 8, callbacks: [count] });
    expect(loss.at(-1)).toBeLessThan(loss[0] as number);
    expect([within?.length, count.epochs]).toEqual([8, 8]);
    const figures = await model.evaluate(x, y, quiet);
    expect(Object.keys(figures)).toEqual(['loss', 'within']);
    expect((await model.predict(x, { batchSize: 5 })).shape).toEqual([12, 1]);
    expect(model.countParams()).toBe(4 * 4 + 8);
    expect(model.summary({ print: null })).toContain('dense');
  });

  test('is saved and loaded, with all that was registered and the state of the optimizer', async () => {
    const model = made();
    await model.fit(x, y, { ...quiet, epochs: 1 });
    await model.save(join(folder, 'own.keras'));
    const again = await tfk.loadModel(join(folder, 'own.keras'));
    expect(again).toBeInstanceOf(Perceptron);
    expect(await again.predict(x)).toEqual(await model.predict(x));
    expect(again.compiled?.compiled.optimizer).toBeInstanceOf(SignDescent);
    expect(await again.evaluate(x, y, quiet)).toEqual(await model.evaluate(x, y, quiet));
    await model.save(join(folder, 'own.weights.h5'));
    const third = made();
    await third.fit(x, y, { ...quiet, epochs: 1 });
    await third.loadWeights(join(folder, 'own.weights.h5'));
    expect(third.getWeights()).toEqual(model.getWeights());
  });

  test('may have several inputs and outputs', async () => {
    const model = new Twins({});
    model.compile({ optimizer: 'sgd', loss: ['mse', 'mae'], metrics: [], threads: 1 });
    const logs = await model.trainOnBatch([x, y], [y, normalData([12, 2])]);
    expect(Object.keys(logs)).toEqual(['loss', 'output_1_loss', 'output_2_loss']);
    const outputs = (await model.predict([x, y])) as tfk.Tensor[];
    expect(outputs.map((t) => t.shape)).toEqual([
      [12, 1],
      [12, 2],
    ]);
  });

  test('that no file can name is refused', async () => {
    const model = new Twins({});
    await expect(model.save(join(folder, 'twins.keras'))).rejects.toThrow('Call tfk.register(MyClass)');
  });
});

describe('registered classes', () => {
  test('stand in options by name, and are checked as ours are', () => {
    const layer = layers.dense({ units: 2, kernelInitializer: { type: 'ramp', step: 1 } });
    layer.ensureBuilt([[null, 2]]);
    expect(layer.getWeights()[0]?.array()).toEqual([
      [0, 1],
      [2, 3],
    ]);
    expect(() => new Perceptron({ units: 0 })).toThrow('Perceptron: option "units"');
    expect(() => layers.dense({ units: 2, kernelInitializer: { type: 'ramp', stp: 1 } })).toThrow(
      'Did you mean "step"?',
    );
    expect(() => tfk.losses.losses.make('quartik')).toThrow('Did you mean "quartic"?');
  });

  test('have names of their own', () => {
    class Dense extends tfk.Layer {
      static override readonly className = 'Dense';
      call([v]: tfk.Values): tfk.Value {
        return v;
      }
    }
    expect(() => tfk.register(Dense)).toThrow('"Dense" is a layer of this library');
    class Unnamed extends tfk.losses.Loss {
      call(yTrue: tfk.Value): tfk.Value {
        return yTrue;
      }
    }
    expect(() => tfk.register(Unnamed)).toThrow('static "className"');
  });
});

test('a metric may be a function', async () => {
  const far = (t: tfk.Value, p: tfk.Value): tfk.Value =>
    ops.cast(ops.greater(ops.abs(ops.sub(t, p)), 1), 'float32');
  const model = tfk.sequential([tfk.input({ shape: [1] }), layers.identity()]);
  const metric = tfk.metrics.meanMetricWrapper({ fn: far, name: 'far' });
  model.compile({ loss: 'mse', metrics: [metric] });
  const logs = await model.evaluate([[0], [0], [0], [0]], [[0], [2], [1], [-3]], { verbose: 0 });
  expect(logs).toMatchObject({ far: 0.5 });
  tfk.registerFunction('far', far);
  const again = tfk.metrics.metrics.make({ className: 'MeanMetricWrapper', config: metric.getConfig() });
  expect(again.options).toEqual(metric.options);
});

test('a lambda is saved by the name of its function', async () => {
  const shift = ([v]: tfk.Values): tfk.Value => ops.add(v, 1);
  const model = tfk.sequential([tfk.input({ shape: [3] }), layers.lambda({ function: shift })]);
  await expect(model.save(join(folder, 'lambda.keras'))).rejects.toThrow('tfk.registerFunction("shift", f)');
  tfk.registerFunction('shift', shift);
  await model.save(join(folder, 'lambda.keras'));
  const again = await tfk.loadModel(join(folder, 'lambda.keras'));
  expect(await again.predict(x)).toEqual(await model.predict(x));
});
