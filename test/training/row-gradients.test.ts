import { expect, test } from '@jest/globals';
import * as tfk from '../../src/index.ts';
import type { Optimizer } from '../../src/optimizers/index.ts';
import { expectClose, float32Tolerance } from '../helpers/close.ts';

const { dense, embedding, flatten } = tfk.layers;

/** Words that come back within a batch and from one batch to the next; rows that no batch has. */
const words = Int32Array.from([1, 1, 4, 0, 1, 6, 2, 2, 2, 5, 5, 1, 0, 6, 6, 3]);
const x = new tfk.Tensor('int32', [8, 2], words);
const y = tfk.tensor([1, 0, 2, -1, 0.5, 1, 0, -2], [8, 1]);

async function trained(stepsPerExecution: number, optimizer: Optimizer): Promise<tfk.Tensor[]> {
  tfk.setRandomSeed(3);
  const table = embedding({ inputDim: 9, outputDim: 3 });
  const model = tfk.sequential([
    tfk.input({ shape: [2], dtype: 'int32' }),
    table,
    flatten(),
    dense({ units: 1 }),
  ]);
  model.compile({ optimizer, loss: 'mse', stepsPerExecution });
  await model.fit(x, y, { epochs: 3, batchSize: 2, shuffle: false, verbose: 0 });
  return model.getWeights();
}

test.each(['sgd', 'adam'] as const)(
  'an embedding learns by its rows as by its whole gradient: %s',
  async (name) => {
    const make = (): Optimizer => tfk.optimizers[name]({ learningRate: 0.1, globalClipnorm: 0.5 });
    const byRows = await trained(1, make());
    const whole = await trained(2, make()); // a loop in the graph, where gradients are dense
    byRows.forEach((weights, i) => {
      expectClose(
        Array.from(weights.data as Float32Array),
        Array.from(whole[i]?.data as Float32Array),
        float32Tolerance,
        `weight ${i}`,
      );
    });
    const start = (await trained(1, tfk.optimizers.sgd({ learningRate: 0 })))[0]?.array() as number[][];
    const table = byRows[0]?.array() as number[][];
    expect(table[7]).toEqual(start[7]);
    expect(table[1]).not.toEqual(start[1]);
  },
);
