import type { SymbolicTensor } from '../../src/index.ts';
import type { Workload } from './workload.ts';

/** A U-Net of three levels (32, 64 and 128 channels) with a class for each pixel. @source Ronneberger et al. 2015 */
export const unet: Workload = {
  name: 'unet',
  mode: 'train',
  batchSize: 8,
  batches: 10,
  sampleShape: [64, 64, 3],
  classes: 3,
  labelShape: [64, 64],
  optimizer: 'adam',
  build({ input, layers, model }) {
    const convolve = (x: SymbolicTensor, filters: number) =>
      layers.conv2d({ filters, kernelSize: 3, padding: 'same', activation: 'relu' }).apply(x);
    const level = (x: SymbolicTensor, filters: number) => convolve(convolve(x, filters), filters);
    const pool = (x: SymbolicTensor) => layers.maxPooling2d({ poolSize: 2 }).apply(x);
    const enlarge = (x: SymbolicTensor, filters: number) =>
      layers.conv2dTranspose({ filters, kernelSize: 2, strides: 2 }).apply(x);
    const join = (x: SymbolicTensor, y: SymbolicTensor) => layers.concatenate().apply([x, y]);

    const inputs = input({ shape: [64, 64, 3] });
    const fine = level(inputs, 32);
    const middle = level(pool(fine), 64);
    const coarse = level(pool(middle), 128);
    const upper = level(join(enlarge(coarse, 64), middle), 64);
    const top = level(join(enlarge(upper, 32), fine), 32);
    const classify = layers.conv2d({ filters: 3, kernelSize: 1, activation: 'softmax' });
    return model({ inputs, outputs: classify.apply(top) });
  },
};
