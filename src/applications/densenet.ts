import type * as z from 'zod';
import { activation } from '../layers/activation.ts';
import { batchNormalization } from '../layers/batch-normalization.ts';
import { conv2d } from '../layers/conv.ts';
import type { Layer } from '../layers/layer.ts';
import { concatenate } from '../layers/merging.ts';
import { zeroPadding2d } from '../layers/padding.ts';
import { averagePooling2d, maxPooling2d } from '../layers/pooling.ts';
import type { SymbolicTensor } from '../layers/symbolic.ts';
import { type Application, application, applicationOptions } from './assemble.ts';
import { chain, channelsOf, poolNames, top } from './blocks.ts';

/**
 * DenseNet with 121 layers: each block sees the results of all before it.
 * @source Huang et al. 2016, arXiv 1608.06993; keras/src/applications/densenet.py
 */
export const denseNet121 = denseNet('densenet121', [6, 12, 24, 16]);
/** DenseNet with 169 layers. @see {@link denseNet121} */
export const denseNet169 = denseNet('densenet169', [6, 12, 32, 32]);
/** DenseNet with 201 layers. @see {@link denseNet121} */
export const denseNet201 = denseNet('densenet201', [6, 12, 48, 32]);

/** @param counts - number of blocks in each stack */
function denseNet(name: string, counts: readonly number[]): Application<z.input<typeof applicationOptions>> {
  return application({
    schema: applicationOptions,
    name,
    size: 224,
    pixels: 'torch',
    wire: (image, options) => {
      let x = chain(
        image,
        zeroPadding2d({ padding: 3 }),
        conv2d({ filters: 64, kernelSize: 7, strides: 2, useBias: false, name: 'conv1_conv' }),
        ...rectified('conv1'),
        zeroPadding2d({ padding: 1 }),
        maxPooling2d({ poolSize: 3, strides: 2, name: 'pool1' }),
      );
      counts.forEach((count, stack) => {
        if (stack > 0) x = halved(x, `pool${stack + 1}`);
        for (let i = 1; i <= count; i++) x = grown(x, `conv${stack + 2}_block${i}`);
      });
      x = chain(x, normalized('bn'), activation({ activation: 'relu', name: 'relu' }));
      return top(x, options, { pool: 'avg_pool', names: poolNames });
    },
  });
}

const normalized = (name: string): Layer => batchNormalization({ epsilon: 1.001e-5, name });
const rectified = (name: string): Layer[] => [
  normalized(`${name}_bn`),
  activation({ activation: 'relu', name: `${name}_relu` }),
];

/** Half the channels, half the height and width. */
const halved = (x: SymbolicTensor, name: string): SymbolicTensor =>
  chain(
    x,
    ...rectified(name),
    conv2d({ filters: Math.trunc(channelsOf(x) / 2), kernelSize: 1, useBias: false, name: `${name}_conv` }),
    averagePooling2d({ poolSize: 2, strides: 2, name: `${name}_pool` }),
  );

/** 32 more channels. */
function grown(x: SymbolicTensor, name: string): SymbolicTensor {
  const more = chain(
    x,
    ...rectified(`${name}_0`),
    conv2d({ filters: 128, kernelSize: 1, useBias: false, name: `${name}_1_conv` }),
    ...rectified(`${name}_1`),
    conv2d({ filters: 32, kernelSize: 3, padding: 'same', useBias: false, name: `${name}_2_conv` }),
  );
  return concatenate({ name: `${name}_concat` }).apply([x, more]);
}
