import { build } from '../../models/mnist-convnet/model.ts';
import { threads, type Workload } from './workload.ts';

/** The network of Keras's "Simple MNIST convnet" example. */
export const mnistConvnet: Workload = {
  name: 'mnist-convnet',
  batchSize: 128,
  batches: 50,
  sampleShape: [28, 28, 1],
  classes: 10,
  model() {
    const model = build();
    model.compile({ optimizer: 'adam', loss: 'sparseCategoricalCrossentropy', threads });
    return model;
  },
};
