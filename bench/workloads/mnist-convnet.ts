import { input, layers, sequential } from '../../src/index.ts';
import { threads, type Workload } from './workload.ts';

/** The network of Keras's "Simple MNIST convnet" example. */
export const mnistConvnet: Workload = {
  name: 'mnist-convnet',
  batchSize: 128,
  batches: 50,
  sampleShape: [28, 28, 1],
  classes: 10,
  model() {
    const model = sequential([
      input({ shape: [28, 28, 1] }),
      layers.conv2d({ filters: 32, kernelSize: 3, activation: 'relu' }),
      layers.maxPooling2d({ poolSize: 2 }),
      layers.conv2d({ filters: 64, kernelSize: 3, activation: 'relu' }),
      layers.maxPooling2d({ poolSize: 2 }),
      layers.flatten(),
      layers.dropout({ rate: 0.5 }),
      layers.dense({ units: 10, activation: 'softmax' }),
    ]);
    model.compile({ optimizer: 'adam', loss: 'sparseCategoricalCrossentropy', threads });
    return model;
  },
};
