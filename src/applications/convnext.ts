import * as z from 'zod';
import { deferred } from '../core/deferred.ts';
import { activation } from '../layers/activation.ts';
import { conv2d } from '../layers/conv.ts';
import { dense } from '../layers/dense.ts';
import { globalAveragePooling2d } from '../layers/global-pooling.ts';
import type { Layer } from '../layers/layer.ts';
import { layerNormalization } from '../layers/layer-normalization.ts';
import { add } from '../layers/merging.ts';
import { normalization } from '../layers/preprocessing/normalization.ts';
import type { SymbolicTensor } from '../layers/symbolic.ts';
import { sequential } from '../models/sequential.ts';
import { type Application, type ApplicationOptions, application, applicationOptions } from './assemble.ts';
import { chain, channelsOf, named, pooled } from './blocks.ts';
import { LayerScale } from './scaling-layers.ts';

const schema = deferred(() =>
  applicationOptions.extend({
    /** Takes pixels from 0 to 255 (of three channels); else they have to be normalized as ImageNet is. */
    includePreprocessing: z.boolean().default(true),
  }),
);

/**
 * ConvNeXt, tiny: convolutions alone, arranged like a vision transformer.
 * @source Liu et al. 2022, arXiv 2201.03545; keras/src/applications/convnext.py
 */
export const convNeXtTiny = convNeXt('convnext_tiny', 9, 96);
/** ConvNeXt, small. @see {@link convNeXtTiny} */
export const convNeXtSmall = convNeXt('convnext_small', 27, 96);
/** ConvNeXt, base. @see {@link convNeXtTiny} */
export const convNeXtBase = convNeXt('convnext_base', 27, 128);
/** ConvNeXt, large. @see {@link convNeXtTiny} */
export const convNeXtLarge = convNeXt('convnext_large', 27, 192);
/** ConvNeXt, extra large. @see {@link convNeXtTiny} */
export const convNeXtXLarge = convNeXt('convnext_xlarge', 27, 256);

/** @param blocks - in the third stage; the others have three. @param width - channels of the first stage, then doubled */
function convNeXt(byDefault: string, blocks: number, width: number): Application<z.input<typeof schema>> {
  return application({
    schema,
    name: byDefault,
    size: 224,
    pixels: 'raw',
    wire: (image, options) => {
      const name = options.name ?? byDefault;
      let x = image;
      if (options.includePreprocessing && channelsOf(image) === 3) x = normalizer(name).apply(x);
      [3, 3, blocks, 3].forEach((count, stage) => {
        const filters = width * 2 ** stage;
        x = (stage === 0 ? stem(filters, name) : downsampling(filters, name, stage - 1)).apply(x);
        for (let i = 0; i < count; i++) x = block(x, filters, `${name}_stage_${stage}_block_${i}`);
      });
      if (options.includeTop) return head(x, options, name);
      return normalized().apply(pooled(x, options));
    },
  });
}

/** ImageNet's mean and variance of pixels from 0 to 255. */
const normalizer = (name: string): Layer =>
  normalization({
    mean: [0.485, 0.456, 0.406].map((mean) => mean * 255),
    variance: [0.229, 0.224, 0.225].map((deviation) => (deviation * 255) ** 2),
    name: `${name}_prestem_normalization`,
  });

const normalized = (name?: string): Layer => layerNormalization({ epsilon: 1e-6, ...named(name) });

const stem = (filters: number, name: string): Layer =>
  sequential(
    [
      conv2d({ filters, kernelSize: 4, strides: 4, name: `${name}_stem_conv` }),
      normalized(`${name}_stem_layernorm`),
    ],
    { name: `${name}_stem` },
  );

const downsampling = (filters: number, name: string, i: number): Layer =>
  sequential(
    [
      normalized(`${name}_downsampling_layernorm_${i}`),
      conv2d({ filters, kernelSize: 2, strides: 2, name: `${name}_downsampling_conv_${i}` }),
    ],
    { name: `${name}_downsampling_block_${i}` },
  );

/** A wide depthwise window, then a network of two layers at every place; scaled and added. */
function block(x: SymbolicTensor, filters: number, name: string): SymbolicTensor {
  const y = chain(
    x,
    conv2d({ filters, kernelSize: 7, padding: 'same', groups: filters, name: `${name}_depthwise_conv` }),
    normalized(`${name}_layernorm`),
    dense({ units: 4 * filters, name: `${name}_pointwise_conv_1` }),
    activation({ activation: 'gelu', name: `${name}_gelu` }),
    dense({ units: filters, name: `${name}_pointwise_conv_2` }),
    new LayerScale({ initValues: 1e-6, projectionDim: filters, name: `${name}_layer_scale` }),
    activation({ activation: 'linear', name: `${name}_identity` }),
  );
  return add().apply([x, y]);
}

const head = (x: SymbolicTensor, options: ApplicationOptions, name: string): SymbolicTensor =>
  chain(
    x,
    globalAveragePooling2d({ name: `${name}_head_gap` }),
    normalized(`${name}_head_layernorm`),
    dense({ units: options.classes, activation: options.classifierActivation, name: `${name}_head_dense` }),
  );
