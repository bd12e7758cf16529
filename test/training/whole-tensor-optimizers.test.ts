import { describe, expect, test } from '@jest/globals';
import { input, layers, type Model, model, optimizers, type Tensor } from '../../src/index.ts';
import { expectClose } from '../helpers/close.ts';
import { column, normalData, quiet } from '../helpers/small-models.ts';

const x = normalData([16, 4]);
const y = normalData([16, 2]);

/** Two dense layers with fixed weights. */
function small(optimizer: optimizers.Optimizer, stepsPerExecution: number): Model {
  const data = input({ shape: [4] });
  const hidden = layers.dense({
    units: 5,
    activation: 'tanh',
    kernelInitializer: { type: 'glorotUniform', seed: 1 },
  });
  const out = layers.dense({ units: 2, name: 'head', kernelInitializer: { type: 'glorotUniform', seed: 2 } });
  const made = model({ inputs: data, outputs: out.apply(hidden.apply(data)) });
  made.compile({ optimizer, loss: 'mse', threads: 1, stepsPerExecution });
  return made;
}

describe('optimizers that look at whole tensors', () => {
  test.each([
    ['lamb', () => optimizers.lamb({ learningRate: 0.05 })],
    ['adafactor', () => optimizers.adafactor({ learningRate: 0.1, useEma: true, emaMomentum: 0.5 })],
    ['muon', () => optimizers.muon({ learningRate: 0.05, excludeLayers: ['head'] })],
    ['scheduleFreeAdamW', () => optimizers.scheduleFreeAdamW({ learningRate: 0.05 })],
  ] as const)('%s lowers the loss, several steps in a native call or one', async (_name, make) => {
    const weights: (readonly Tensor[])[] = [];
    for (const steps of [1, 2]) {
      const made = small(make(), steps);
      const { loss = [] } = await made.fit(x, y, { ...quiet, batchSize: 4, epochs: 6 });
      expect(loss.at(-1)).toBeLessThan(loss[0] as number);
      weights.push(made.getWeights());
      made.dispose();
    }
    const [single, repeated] = weights;
    for (const [i, w] of (single ?? []).entries()) {
      expectClose(repeated?.[i]?.data ?? [], w.data, { rtol: 1e-4, atol: 1e-5 }, `weight ${i}`);
    }
  });
});

test.each([1, 2])('weights that no loss depends on are left alone (%i in a native call)', async (steps) => {
  const data = input({ shape: [1] });
  const make = (name: string) => layers.dense({ units: 1, name, kernelInitializer: 'ones' });
  const made = model({ inputs: data, outputs: [make('used').apply(data), make('unused').apply(data)] });
  made.compile({
    optimizer: optimizers.adamW({ learningRate: 0.1, weightDecay: 0.5, useEma: true }),
    loss: { used: 'mse' },
    metrics: [],
    stepsPerExecution: steps,
    threads: 1,
  });
  await made.fit(
    column(1, 2),
    { used: column(3, 4), unused: column(0, 0) },
    { ...quiet, batchSize: 1, epochs: 2 },
  );
  expect(made.getLayer('unused').getWeights()[0]?.item()).toBe(1);
  expect(made.getLayer('used').getWeights()[0]?.item()).not.toBe(1);
});
