import * as z from 'zod';
import { deferred } from '../core/deferred.ts';
import { activation } from '../layers/activation.ts';
import { batchNormalization } from '../layers/batch-normalization.ts';
import { conv2d } from '../layers/conv.ts';
import { normalization } from '../layers/preprocessing/normalization.ts';
import { rescaling } from '../layers/rescaling.ts';
import type { SymbolicTensor } from '../layers/symbolic.ts';
import { type Application, application, applicationOptions } from './assemble.ts';
import { chain, channelsOf, poolNames, top } from './blocks.ts';
import { convInitializer, denseInitializer, MobileBlocks } from './mobile-blocks.ts';

const schema = deferred(() =>
  applicationOptions.extend({
    /** Takes pixels from 0 to 255; else they have to be as the weights want them. */
    includePreprocessing: z.boolean().default(true),
  }),
);
type EfficientNetV2 = Application<z.input<typeof schema>>;

/** Number of blocks, filters before and after, expansion and strides; the first three stages are fused. */
type Stages = readonly (readonly [number, number, number, number, number])[];
const base: Stages = [
  [1, 32, 16, 1, 1],
  [2, 16, 32, 4, 2],
  [2, 32, 48, 4, 2],
  [3, 48, 96, 4, 2],
  [5, 96, 112, 6, 1],
  [8, 112, 192, 6, 2],
];
const small: Stages = [
  [2, 24, 24, 1, 1],
  [4, 24, 48, 4, 2],
  [4, 48, 64, 4, 2],
  [6, 64, 128, 4, 2],
  [9, 128, 160, 6, 1],
  [15, 160, 256, 6, 2],
];
const medium: Stages = [
  [3, 24, 24, 1, 1],
  [5, 24, 48, 4, 2],
  [5, 48, 80, 4, 2],
  [7, 80, 160, 4, 2],
  [14, 160, 176, 6, 1],
  [18, 176, 304, 6, 2],
  [5, 304, 512, 6, 1],
];
const large: Stages = [
  [4, 32, 32, 1, 1],
  [7, 32, 64, 4, 2],
  [7, 64, 96, 4, 2],
  [10, 96, 192, 4, 2],
  [19, 192, 224, 6, 1],
  [25, 224, 384, 6, 2],
  [7, 384, 640, 6, 1],
];

/**
 * EfficientNetV2 B0: EfficientNet whose first stages are fused.
 * @source Tan and Le 2021, arXiv 2104.00298; keras/src/applications/efficientnet_v2.py
 */
export const efficientNetV2B0 = efficientNetV2('b0', base, 224);
/** EfficientNetV2 B1. @see {@link efficientNetV2B0} */
export const efficientNetV2B1 = efficientNetV2('b1', base, 240, 1, 1.1);
/** EfficientNetV2 B2. @see {@link efficientNetV2B0} */
export const efficientNetV2B2 = efficientNetV2('b2', base, 260, 1.1, 1.2);
/** EfficientNetV2 B3. @see {@link efficientNetV2B0} */
export const efficientNetV2B3 = efficientNetV2('b3', base, 300, 1.2, 1.4);
/** EfficientNetV2, small. @see {@link efficientNetV2B0} */
export const efficientNetV2S = efficientNetV2('s', small, 384);
/** EfficientNetV2, medium. @see {@link efficientNetV2B0} */
export const efficientNetV2M = efficientNetV2('m', medium, 480);
/** EfficientNetV2, large. @see {@link efficientNetV2B0} */
export const efficientNetV2L = efficientNetV2('l', large, 480);

const momentum = 0.9;

function efficientNetV2(variant: string, stages: Stages, size: number, width = 1, depth = 1): EfficientNetV2 {
  const filters = (n: number): number => Math.max(8, Math.floor((n * width + 4) / 8) * 8);
  const blockCount = stages.reduce((sum, [count]) => sum + count, 0);
  return application({
    schema,
    name: `efficientnetv2-${variant}`,
    size,
    pixels: 'raw',
    wire: (image, options) => {
      let x = options.includePreprocessing ? preprocessed(image, variant.startsWith('b')) : image;
      x = convolved(x, filters((stages[0] as Stages[number])[1]), 3, 'stem');
      const style = { momentum, depthwise: 'dwconv2', pads: false, dropStep: 0.2 / blockCount };
      const blocks = new MobileBlocks(style);
      stages.forEach(([count, before, after, expansion, strides], i) => {
        const ends = { before: filters(before), after: filters(after) };
        const stage = { kernelSize: 3, ...ends, expansion, strides, fused: i < 3 };
        x = blocks.stage(x, stage, Math.ceil(depth * count), `block${i + 1}`);
      });
      x = convolved(x, filters(1280), 1, 'top');
      const about = { dropout: 0.2, kernelInitializer: denseInitializer };
      return top(x, options, { pool: 'avg_pool', names: poolNames, ...about });
    },
  });
}

/** The B models normalize as ImageNet does; the others, and pictures that are not RGB, to -1 .. 1. */
function preprocessed(image: SymbolicTensor, normalizes: boolean): SymbolicTensor {
  if (!normalizes || channelsOf(image) !== 3) return rescaling({ scale: 1 / 128, offset: -1 }).apply(image);
  const mean = [0.485, 0.456, 0.406];
  const variance = [0.229, 0.224, 0.225].map((deviation) => deviation ** 2);
  return chain(image, rescaling({ scale: 1 / 255 }), normalization({ mean, variance }));
}

/** The first convolution, which halves the image, and the last. */
const convolved = (x: SymbolicTensor, filters: number, kernelSize: 1 | 3, name: string): SymbolicTensor =>
  chain(
    x,
    conv2d({
      filters,
      kernelSize,
      strides: kernelSize === 3 ? 2 : 1,
      padding: 'same',
      useBias: false,
      kernelInitializer: convInitializer,
      name: `${name}_conv`,
    }),
    batchNormalization({ momentum, name: `${name}_bn` }),
    activation({ activation: 'swish', name: `${name}_activation` }),
  );
