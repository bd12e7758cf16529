import { describe, expect, test } from '@jest/globals';
import { referenceModels } from '../../models/index.ts';
import * as tfk from '../../src/index.ts';
import { Compiled } from '../../src/training/compile.ts';
import { expectClose, float32Tolerance, type Tolerance } from '../helpers/close.ts';

type Value = tfk.Value;
type Values = readonly Value[];

/** Weights move by the gradient times the learning rate, 1; the difference of two float32 numbers has their rounding. */
const gradientTolerance: Tolerance = { rtol: 1e-3, atol: 1e-5 };

/** The model with nothing random in it. */
function quiet(model: tfk.Model): tfk.Model {
  const visit = (layer: tfk.Layer): void => {
    const { options } = layer as { readonly options: object };
    for (const name of ['rate', 'dropout']) if (name in options) Object.assign(options, { [name]: 0 });
    layer.sublayers.forEach(visit);
  };
  visit(model);
  return model;
}

/** What `compile` makes of these options, by hand: losses of the outputs and of the regularizers. */
function totalLoss(model: tfk.Model, compile: tfk.CompileOptions) {
  const compiled = new Compiled(compile);
  const losses = compiled.losses(model.outputNames);
  const factors = compiled.lossWeights(model.outputNames);
  return (x: Values, y: Values): Value => {
    const outputs = tfk.callMulti(model, x, { training: true });
    const parts = losses.map((loss, i) => {
      const value = (loss as tfk.losses.Loss).compute(y[i] as Value, outputs[i] as Value);
      return tfk.ops.mul(value, factors[i] as number);
    });
    const penalties = model.trainableWeights.flatMap((w) => w.regularizer?.call(w.value) ?? []);
    return [...parts, ...penalties].reduce((a, b) => tfk.ops.add(a, b));
  };
}

describe.each(Object.entries(referenceModels))('%s', (_name, reference) => {
  const build = (): tfk.Model => {
    tfk.clearSession();
    tfk.setRandomSeed(1);
    return quiet(reference.build());
  };
  const { x, y } = reference.batch(2);

  test('gives the same called, compiled and by predict', async () => {
    const model = build();
    const called = tfk.callMulti(model, x);
    const compiled = tfk.jit((xs: Values) => tfk.callMulti(model, xs))(x);
    const predicted = [await model.predict(x)].flat() as tfk.Tensor[];
    expect(predicted).toHaveLength(model.outputNames.length);
    predicted.forEach(({ data }, i) => {
      expectClose(called[i]?.data ?? [], data, float32Tolerance, `output ${i}, called`);
      expectClose(compiled[i]?.data ?? [], data, float32Tolerance, `output ${i}, compiled`);
    });
  });

  test('has the loss and the gradients of the first step of fit', async () => {
    const model = build();
    const before = model.getWeights();
    const lossOf = totalLoss(model, reference.compile);
    const [loss, gradients] = tfk.valueAndGrad(lossOf, { wrt: model })(x, y);
    model.setWeights(before);
    const start = model.trainableWeights.map((w) => w.read());
    model.compile({ ...reference.compile, metrics: [], optimizer: { type: 'sgd', learningRate: 1 } });
    const history = await model.fit(x, y, { batchSize: 2, verbose: 0 });
    expectClose([loss.item()], history.loss as number[], float32Tolerance, 'loss');
    model.trainableWeights.forEach((weight, i) => {
      const moved = tfk.ops.sub(start[i] as tfk.Tensor, weight.read());
      expectClose(gradients[i]?.data ?? [], moved.data, gradientTolerance, weight.path);
    });
    model.dispose();
  });
});
