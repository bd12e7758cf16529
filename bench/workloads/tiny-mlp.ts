import { input, layers, sequential } from '../../src/index.ts';
import { threads, type Workload } from './workload.ts';

/** The size of a network for the iris data: what is measured is the cost of a step around its arithmetic. */
export const tinyMlp: Workload = {
  name: 'tiny-mlp',
  batchSize: 32,
  batches: 1000,
  sampleShape: [4],
  classes: 3,
  model() {
    const model = sequential([
      input({ shape: [4] }),
      layers.dense({ units: 16, activation: 'relu' }),
      layers.dense({ units: 16, activation: 'relu' }),
      layers.dense({ units: 3, activation: 'softmax' }),
    ]);
    model.compile({ optimizer: 'adam', loss: 'sparseCategoricalCrossentropy', threads });
    return model;
  },
};
