import type { Workload } from './workload.ts';

/** 784-512-256-10: matrix products, and an optimizer with half a million parameters. */
export const mlp: Workload = {
  name: 'mlp',
  mode: 'train',
  batchSize: 128,
  batches: 200,
  sampleShape: [784],
  classes: 10,
  optimizer: 'adam',
  build({ input, layers, model }) {
    const inputs = input({ shape: [784] });
    let x = layers.dense({ units: 512, activation: 'relu' }).apply(inputs);
    x = layers.dense({ units: 256, activation: 'relu' }).apply(x);
    return model({ inputs, outputs: layers.dense({ units: 10, activation: 'softmax' }).apply(x) });
  },
};
