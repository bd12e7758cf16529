import type { Workload } from './workload.ts';

/** The network of Keras's "Simple MNIST convnet" example. */
export const mnistConvnet: Workload = {
  name: 'mnist-convnet',
  mode: 'train',
  batchSize: 128,
  batches: 50,
  sampleShape: [28, 28, 1],
  classes: 10,
  optimizer: 'adam',
  build({ input, layers, model }) {
    const inputs = input({ shape: [28, 28, 1] });
    let x = layers.conv2d({ filters: 32, kernelSize: 3, activation: 'relu' }).apply(inputs);
    x = layers.maxPooling2d({ poolSize: 2 }).apply(x);
    x = layers.conv2d({ filters: 64, kernelSize: 3, activation: 'relu' }).apply(x);
    x = layers.maxPooling2d({ poolSize: 2 }).apply(x);
    x = layers.dropout({ rate: 0.5 }).apply(layers.flatten().apply(x));
    return model({ inputs, outputs: layers.dense({ units: 10, activation: 'softmax' }).apply(x) });
  },
};
