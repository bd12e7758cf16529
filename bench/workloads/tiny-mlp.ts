import type { Workload } from './workload.ts';

/** The size of a network for the iris data: what is measured is the cost of a step around its arithmetic. */
export const tinyMlp: Workload = {
  name: 'tiny-mlp',
  mode: 'train',
  batchSize: 32,
  batches: 1000,
  sampleShape: [4],
  classes: 3,
  optimizer: 'adam',
  build({ input, layers, model }) {
    const inputs = input({ shape: [4] });
    let x = layers.dense({ units: 16, activation: 'relu' }).apply(inputs);
    x = layers.dense({ units: 16, activation: 'relu' }).apply(x);
    return model({ inputs, outputs: layers.dense({ units: 3, activation: 'softmax' }).apply(x) });
  },
};
