import * as z from 'zod';
import { deferred } from '../core/deferred.ts';
import { activation } from '../layers/activation.ts';
import { batchNormalization } from '../layers/batch-normalization.ts';
import { conv2d } from '../layers/conv.ts';
import { zeroPadding2d } from '../layers/padding.ts';
import { normalization } from '../layers/preprocessing/normalization.ts';
import { rescaling } from '../layers/rescaling.ts';
import { type Application, application, applicationOptions } from './assemble.ts';
import { chain, padForStride2, poolNames, roundToMultiple, top } from './blocks.ts';
import { convInitializer, denseInitializer, MobileBlocks } from './mobile-blocks.ts';

const schema = deferred(() =>
  applicationOptions.extend({
    /**
     * Divides the normalized pixels by the root of ImageNet's deviation: Keras adds this step where it loads the published
     * weights, and they need it.
     */
    imagenetScaling: z.boolean().default(false),
  }),
);
type EfficientNet = Application<z.input<typeof schema>>;

/** Window, number of blocks, filters before and after, expansion and strides of each stage. */
const stages = [
  [3, 1, 32, 16, 1, 1],
  [3, 2, 16, 24, 6, 2],
  [5, 2, 24, 40, 6, 2],
  [3, 3, 40, 80, 6, 2],
  [5, 3, 80, 112, 6, 1],
  [5, 4, 112, 192, 6, 2],
  [3, 1, 192, 320, 6, 1],
] as const;
/** ImageNet's deviation of each channel. */
const deviations = [0.229, 0.224, 0.225];

/**
 * EfficientNet B0: depth, width and size of the images grow together, from B0 to B7.
 * @source Tan and Le 2019, arXiv 1905.11946; keras/src/applications/efficientnet.py
 */
export const efficientNetB0 = efficientNet('b0', 1, 1, 224, 0.2);
/** EfficientNet B1. @see {@link efficientNetB0} */
export const efficientNetB1 = efficientNet('b1', 1, 1.1, 240, 0.2);
/** EfficientNet B2. @see {@link efficientNetB0} */
export const efficientNetB2 = efficientNet('b2', 1.1, 1.2, 260, 0.3);
/** EfficientNet B3. @see {@link efficientNetB0} */
export const efficientNetB3 = efficientNet('b3', 1.2, 1.4, 300, 0.3);
/** EfficientNet B4. @see {@link efficientNetB0} */
export const efficientNetB4 = efficientNet('b4', 1.4, 1.8, 380, 0.4);
/** EfficientNet B5. @see {@link efficientNetB0} */
export const efficientNetB5 = efficientNet('b5', 1.6, 2.2, 456, 0.4);
/** EfficientNet B6. @see {@link efficientNetB0} */
export const efficientNetB6 = efficientNet('b6', 1.8, 2.6, 528, 0.5);
/** EfficientNet B7. @see {@link efficientNetB0} */
export const efficientNetB7 = efficientNet('b7', 2, 3.1, 600, 0.5);

function efficientNet(
  variant: string,
  width: number,
  depth: number,
  size: number,
  dropout: number,
): EfficientNet {
  const filters = (n: number): number => roundToMultiple(n * width);
  const repeats = (n: number): number => Math.ceil(depth * n);
  const blockCount = stages.reduce((sum, stage) => sum + repeats(stage[1]), 0);
  const conv = { useBias: false, kernelInitializer: convInitializer };
  return application({
    schema,
    name: `efficientnet${variant}`,
    size,
    pixels: 'raw',
    wire: (image, options) => {
      let x = chain(image, rescaling({ scale: 1 / 255 }), normalization());
      if (options.imagenetScaling) x = rescaling({ scale: deviations.map((v) => 1 / Math.sqrt(v)) }).apply(x);
      x = chain(
        x,
        zeroPadding2d({ padding: padForStride2(x, 3), name: 'stem_conv_pad' }),
        conv2d({ ...conv, filters: filters(32), kernelSize: 3, strides: 2, name: 'stem_conv' }),
        batchNormalization({ name: 'stem_bn' }),
        activation({ activation: 'swish', name: 'stem_activation' }),
      );
      const blocks = new MobileBlocks({
        momentum: 0.99,
        depthwise: 'dwconv',
        pads: true,
        dropStep: 0.2 / blockCount,
      });
      stages.forEach(([kernelSize, count, before, after, expansion, strides], i) => {
        const stage = { kernelSize, before: filters(before), after: filters(after), expansion, strides };
        x = blocks.stage(x, stage, repeats(count), `block${i + 1}`);
      });
      x = chain(
        x,
        conv2d({ ...conv, filters: filters(1280), kernelSize: 1, padding: 'same', name: 'top_conv' }),
        batchNormalization({ name: 'top_bn' }),
        activation({ activation: 'swish', name: 'top_activation' }),
      );
      return top(x, options, {
        pool: 'avg_pool',
        names: poolNames,
        dropout,
        kernelInitializer: denseInitializer,
      });
    },
  });
}
