import type { SymbolicTensor } from '../../src/index.ts';
import type { Kit, Workload } from './workload.ts';

const blocks = 3;

/** ResNet-20 for 32x32 images: 3 x 3 blocks of 16, 32 and 64 channels. @source He et al. 2015, section 4.2 */
export const resnet20: Workload = {
  name: 'resnet20',
  mode: 'train',
  batchSize: 64,
  batches: 20,
  sampleShape: [32, 32, 3],
  classes: 10,
  optimizer: 'momentum',
  build({ input, layers, model }) {
    const relu = (x: SymbolicTensor) => layers.activation({ activation: 'relu' }).apply(x);
    const normalized = convolver(layers);
    const inputs = input({ shape: [32, 32, 3] });
    let x = relu(normalized(inputs, 16, 3, 1));
    for (const filters of [16, 32, 64]) {
      for (let block = 0; block < blocks; block++) {
        const strides = filters > 16 && block === 0 ? 2 : 1;
        const inner = relu(normalized(x, filters, 3, strides));
        const outer = normalized(inner, filters, 3, 1);
        const shortcut = strides === 2 ? normalized(x, filters, 1, strides) : x;
        x = relu(layers.add().apply([shortcut, outer]));
      }
    }
    const features = layers.globalAveragePooling2d({}).apply(x);
    return model({ inputs, outputs: layers.dense({ units: 10, activation: 'softmax' }).apply(features) });
  },
};

/** A convolution with its normalization. */
const convolver =
  (layers: Kit['layers']) =>
  (x: SymbolicTensor, filters: number, kernelSize: number, strides: number): SymbolicTensor => {
    const options = { filters, kernelSize, strides, padding: 'same', useBias: false } as const;
    return layers.batchNormalization({}).apply(layers.conv2d(options).apply(x));
  };
