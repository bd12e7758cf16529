import type * as z from 'zod';
import { conv2d } from '../layers/conv.ts';
import { dense } from '../layers/dense.ts';
import { maxPooling2d } from '../layers/pooling.ts';
import { flatten } from '../layers/reshaping.ts';
import { type Application, application, applicationOptions } from './assemble.ts';
import { chain, pooled, predictions } from './blocks.ts';

/**
 * VGG with 16 layers.
 * @source Simonyan and Zisserman 2014, arXiv 1409.1556; keras/src/applications/vgg16.py
 */
export const vgg16 = vgg(16, [2, 2, 3, 3, 3]);
/** VGG with 19 layers. @see {@link vgg16} */
export const vgg19 = vgg(19, [2, 2, 4, 4, 4]);

/** @param counts - number of convolutions in each block */
function vgg(depth: number, counts: readonly number[]): Application<z.input<typeof applicationOptions>> {
  return application({
    schema: applicationOptions,
    name: `vgg${depth}`,
    size: 224,
    pixels: 'caffe',
    wire: (image, options) => {
      let x = image;
      counts.forEach((count, i) => {
        const block = `block${i + 1}`;
        const conv = {
          filters: Math.min(64 * 2 ** i, 512),
          kernelSize: 3,
          padding: 'same',
          activation: 'relu',
        } as const;
        for (let j = 1; j <= count; j++) x = conv2d({ ...conv, name: `${block}_conv${j}` }).apply(x);
        x = maxPooling2d({ poolSize: 2, strides: 2, name: `${block}_pool` }).apply(x);
      });
      if (!options.includeTop) return pooled(x, options);
      const units = { units: 4096, activation: 'relu' };
      return chain(
        x,
        flatten({ name: 'flatten' }),
        dense({ ...units, name: 'fc1' }),
        dense({ ...units, name: 'fc2' }),
        predictions(options),
      );
    },
  });
}
