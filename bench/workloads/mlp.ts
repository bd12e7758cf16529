import { input, layers, sequential } from '../../src/index.ts';
import { threads, type Workload } from './workload.ts';

/** 784-512-256-10: matrix products, and an optimizer with half a million parameters. */
export const mlp: Workload = {
  name: 'mlp',
  batchSize: 128,
  batches: 200,
  sampleShape: [784],
  classes: 10,
  model() {
    const model = sequential([
      input({ shape: [784] }),
      layers.dense({ units: 512, activation: 'relu' }),
      layers.dense({ units: 256, activation: 'relu' }),
      layers.dense({ units: 10, activation: 'softmax' }),
    ]);
    model.compile({ optimizer: 'adam', loss: 'sparseCategoricalCrossentropy', threads });
    return model;
  },
};
