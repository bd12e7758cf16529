import type { Workload } from './workload.ts';

/** An LSTM over 80 words of a vocabulary of 20,000, as for reviews of films. */
export const lstm: Workload = {
  name: 'lstm',
  mode: 'train',
  batchSize: 32,
  batches: 50,
  sampleShape: [80],
  vocabulary: 20_000,
  classes: 2,
  optimizer: 'adam',
  build({ input, layers, model }) {
    const inputs = input({ shape: [80], dtype: 'int32' });
    const words = layers.embedding({ inputDim: 20_000, outputDim: 128 }).apply(inputs);
    const last = layers.lstm({ units: 128, recurrentActivation: 'sigmoid' }).apply(words);
    return model({ inputs, outputs: layers.dense({ units: 2, activation: 'softmax' }).apply(last) });
  },
};
