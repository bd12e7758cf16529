import * as z from 'zod';
import { deferred } from '../core/deferred.ts';
import { batchNormalization } from '../layers/batch-normalization.ts';
import { conv2d } from '../layers/conv.ts';
import { depthwiseConv2d } from '../layers/depthwise-conv.ts';
import type { Layer } from '../layers/layer.ts';
import { add } from '../layers/merging.ts';
import { zeroPadding2d } from '../layers/padding.ts';
import { relu } from '../layers/rectifiers.ts';
import type { SymbolicTensor } from '../layers/symbolic.ts';
import { application, applicationOptions } from './assemble.ts';
import { chain, channelsOf, padForStride2, roundToMultiple, top } from './blocks.ts';

const schema = deferred(() =>
  applicationOptions.extend({
    /** Width: all numbers of filters are multiplied by it. */
    alpha: z.number().positive().default(1),
  }),
);

/** Filters, strides and number of the blocks of each stage. */
const stages = [
  [16, 1, 1],
  [24, 2, 2],
  [32, 2, 3],
  [64, 2, 4],
  [96, 1, 3],
  [160, 2, 3],
  [320, 1, 1],
] as const;

/**
 * MobileNetV2: residual blocks that are wide inside and narrow between.
 * @source Sandler et al. 2018, arXiv 1801.04381; keras/src/applications/mobilenet_v2.py
 */
export const mobileNetV2 = application({
  schema,
  name: ({ alpha }, [rows]) => `mobilenetv2_${alpha.toFixed(2)}_${rows ?? 'None'}`,
  size: 224,
  pixels: 'unit',
  wire: (image, options) => {
    const { alpha } = options;
    const stem = {
      filters: roundToMultiple(32 * alpha),
      kernelSize: 3,
      strides: 2,
      padding: 'same',
    } as const;
    let x = chain(
      image,
      conv2d({ ...stem, useBias: false, name: 'Conv1' }),
      normalized('bn_Conv1'),
      relu6('Conv1_relu'),
    );
    let id = 0;
    for (const [filters, strides, count] of stages) {
      for (let i = 0; i < count; i++) {
        x = invertedResidual(x, roundToMultiple(Math.trunc(filters * alpha)), i === 0 ? strides : 1, id++);
      }
    }
    const last = alpha > 1 ? roundToMultiple(1280 * alpha) : 1280;
    x = chain(x, pointwise(last, 'Conv_1', 'valid'), normalized('Conv_1_bn'), relu6('out_relu'));
    return top(x, options);
  },
});

const normalized = (name: string): Layer => batchNormalization({ momentum: 0.999, name });
const relu6 = (name: string): Layer => relu({ maxValue: 6, name });
const pointwise = (filters: number, name: string, padding: 'same' | 'valid' = 'same'): Layer =>
  conv2d({ filters, kernelSize: 1, padding, useBias: false, name });

/** Expansion to six times the channels, depthwise convolution, projection; with a way around where shapes agree. */
function invertedResidual(x: SymbolicTensor, filters: number, strides: number, id: number): SymbolicTensor {
  const channels = channelsOf(x);
  const prefix = id === 0 ? 'expanded_conv_' : `block_${id}_`;
  let y = x;
  if (id > 0) {
    const name = `${prefix}expand`;
    y = chain(x, pointwise(6 * channels, name), normalized(`${name}_BN`), relu6(`${name}_relu`));
  }
  if (strides === 2) y = zeroPadding2d({ padding: padForStride2(y, 3), name: `${prefix}pad` }).apply(y);
  const name = `${prefix}depthwise`;
  const padding = strides === 1 ? 'same' : 'valid';
  y = chain(
    y,
    depthwiseConv2d({ kernelSize: 3, strides, padding, useBias: false, name }),
    normalized(`${name}_BN`),
    relu6(`${name}_relu`),
    pointwise(filters, `${prefix}project`),
    normalized(`${prefix}project_BN`),
  );
  return channels === filters && strides === 1 ? add({ name: `${prefix}add` }).apply([x, y]) : y;
}
