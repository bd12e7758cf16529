import * as z from 'zod';
import { deferred } from '../core/deferred.ts';
import { activation } from '../layers/activation.ts';
import { batchNormalization } from '../layers/batch-normalization.ts';
import { conv2d } from '../layers/conv.ts';
import { depthwiseConv2d } from '../layers/depthwise-conv.ts';
import { dropout } from '../layers/dropout.ts';
import { globalAveragePooling2d } from '../layers/global-pooling.ts';
import { positiveInteger } from '../layers/options.ts';
import { zeroPadding2d } from '../layers/padding.ts';
import { relu } from '../layers/rectifiers.ts';
import { reshape } from '../layers/reshaping.ts';
import type { SymbolicTensor } from '../layers/symbolic.ts';
import { application, applicationOptions } from './assemble.ts';
import { chain, pooled } from './blocks.ts';

const schema = deferred(() =>
  applicationOptions.extend({
    /** Width: all numbers of filters are multiplied by it. */
    alpha: z.number().positive().default(1),
    /** Depthwise filters for each channel. */
    depthMultiplier: positiveInteger.default(1),
    /** Fraction that is dropped before the classifier. */
    dropout: z.number().min(0).lt(1).default(1e-3),
  }),
);
type Options = z.output<typeof schema>;

/** Filters and strides of the separable blocks. */
const blocks = [
  [64, 1],
  [128, 2],
  [128, 1],
  [256, 2],
  [256, 1],
  [512, 2],
  ...Array.from({ length: 5 }, () => [512, 1] as const),
  [1024, 2],
  [1024, 1],
] as const;

/**
 * MobileNet: depthwise and pointwise convolutions in turns.
 * @source Howard et al. 2017, arXiv 1704.04861; keras/src/applications/mobilenet.py
 */
export const mobileNet = application({
  schema,
  name: ({ alpha }, [rows]) => `mobilenet_${alpha.toFixed(2)}_${rows ?? 'None'}`,
  size: 224,
  pixels: 'unit',
  wire: (image, options) => {
    const filters = (n: number) => Math.trunc(n * options.alpha);
    const stem = {
      filters: filters(32),
      kernelSize: 3,
      strides: 2,
      padding: 'same',
      useBias: false,
    } as const;
    let x = chain(image, conv2d({ ...stem, name: 'conv1' }), ...rectified('conv1'));
    blocks.forEach(([n, strides], i) => {
      x = separable(x, filters(n), strides, options.depthMultiplier, i + 1);
    });
    return options.includeTop ? classified(x, options) : pooled(x, options);
  },
});

const rectified = (name: string) => [
  batchNormalization({ name: `${name}_bn` }),
  relu({ maxValue: 6, name: `${name}_relu` }),
];

/** One row or column of zeros after the others. */
const after: [number, number] = [0, 1];

function separable(
  x: SymbolicTensor,
  filters: number,
  strides: number,
  depthMultiplier: number,
  id: number,
): SymbolicTensor {
  const padding: [number, number][] = [after, after];
  const padded = strides === 1 ? x : zeroPadding2d({ padding, name: `conv_pad_${id}` }).apply(x);
  const depthwise = depthwiseConv2d({
    kernelSize: 3,
    padding: strides === 1 ? 'same' : 'valid',
    depthMultiplier,
    strides,
    useBias: false,
    name: `conv_dw_${id}`,
  });
  const pointwise = { filters, kernelSize: 1, padding: 'same', useBias: false } as const;
  return chain(
    padded,
    depthwise,
    ...rectified(`conv_dw_${id}`),
    conv2d({ ...pointwise, name: `conv_pw_${id}` }),
    ...rectified(`conv_pw_${id}`),
  );
}

const classified = (x: SymbolicTensor, o: Options): SymbolicTensor =>
  chain(
    x,
    globalAveragePooling2d({ keepdims: true }),
    dropout({ rate: o.dropout, name: 'dropout' }),
    conv2d({ filters: o.classes, kernelSize: 1, padding: 'same', name: 'conv_preds' }),
    reshape({ targetShape: [o.classes], name: 'reshape_2' }),
    activation({ activation: o.classifierActivation, name: 'predictions' }),
  );
