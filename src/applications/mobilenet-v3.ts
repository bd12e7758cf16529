import * as z from 'zod';
import { deferred } from '../core/deferred.ts';
import { activation } from '../layers/activation.ts';
import { batchNormalization } from '../layers/batch-normalization.ts';
import { conv2d } from '../layers/conv.ts';
import { depthwiseConv2d } from '../layers/depthwise-conv.ts';
import { dropout } from '../layers/dropout.ts';
import { globalAveragePooling2d } from '../layers/global-pooling.ts';
import { autoName, type Layer } from '../layers/layer.ts';
import { add, multiply } from '../layers/merging.ts';
import { zeroPadding2d } from '../layers/padding.ts';
import { relu } from '../layers/rectifiers.ts';
import { rescaling } from '../layers/rescaling.ts';
import { flatten } from '../layers/reshaping.ts';
import type { SymbolicTensor } from '../layers/symbolic.ts';
import { type Application, application, applicationOptions } from './assemble.ts';
import { chain, channelsOf, padForStride2, pooled, poolNames, roundToMultiple } from './blocks.ts';

const schema = deferred(() =>
  applicationOptions.extend({
    /** Width: all numbers of filters are multiplied by it. */
    alpha: z.number().positive().default(1),
    /** Leaves out what some devices lack: 5 x 5 windows, squeeze and excitation, `hardSwish`. */
    minimalistic: z.boolean().default(false),
    /** Fraction that is dropped before the classifier. */
    dropoutRate: z.number().min(0).lt(1).default(0.2),
    /** Takes pixels from 0 to 255; else they have to be from -1 to 1. */
    includePreprocessing: z.boolean().default(true),
  }),
);
type Options = z.output<typeof schema>;

/** Expansion, filters, window (`5`: 3 where minimalistic), strides; letters: `s`queeze, `h`ardSwish. */
type Block = readonly [number, number, 3 | 5, number, '' | 's' | 'h' | 'sh'];

const small: readonly Block[] = [
  [1, 16, 3, 2, 's'],
  [72 / 16, 24, 3, 2, ''],
  [88 / 24, 24, 3, 1, ''],
  [4, 40, 5, 2, 'sh'],
  [6, 40, 5, 1, 'sh'],
  [6, 40, 5, 1, 'sh'],
  [3, 48, 5, 1, 'sh'],
  [3, 48, 5, 1, 'sh'],
  [6, 96, 5, 2, 'sh'],
  [6, 96, 5, 1, 'sh'],
  [6, 96, 5, 1, 'sh'],
];
const large: readonly Block[] = [
  [1, 16, 3, 1, ''],
  [4, 24, 3, 2, ''],
  [3, 24, 3, 1, ''],
  [3, 40, 5, 2, 's'],
  [3, 40, 5, 1, 's'],
  [3, 40, 5, 1, 's'],
  [6, 80, 3, 2, 'h'],
  [2.5, 80, 3, 1, 'h'],
  [2.3, 80, 3, 1, 'h'],
  [2.3, 80, 3, 1, 'h'],
  [6, 112, 3, 1, 'sh'],
  [6, 112, 3, 1, 'sh'],
  [6, 160, 5, 2, 'sh'],
  [6, 160, 5, 1, 'sh'],
  [6, 160, 5, 1, 'sh'],
];

/** MobileNetV3, small. @see {@link mobileNetV3Large} */
export const mobileNetV3Small = mobileNetV3('MobileNetV3Small', small, 1024);
/**
 * MobileNetV3: blocks of MobileNetV2, found by search, with squeeze and excitation.
 * @source Howard et al. 2019, arXiv 1905.02244; keras/src/applications/mobilenet_v3.py
 */
export const mobileNetV3Large = mobileNetV3('MobileNetV3Large', large, 1280);

function mobileNetV3(
  name: string,
  blocks: readonly Block[],
  units: number,
): Application<z.input<typeof schema>> {
  return application({
    schema,
    name,
    size: 224,
    fixedSize: 'never',
    pixels: 'raw',
    wire: (image, options) => {
      const act = options.minimalistic ? rectifier : hardSwish;
      let x = image;
      if (options.includePreprocessing) x = rescaling({ scale: 1 / 127.5, offset: -1 }).apply(x);
      const stem = { filters: 16, kernelSize: 3, strides: 2, padding: 'same', useBias: false } as const;
      x = chain(x, conv2d({ ...stem, name: 'conv' }), normalized('conv_bn'), act());
      blocks.forEach((block, id) => {
        x = invertedResidual(x, block, options, id);
      });
      const last = roundToMultiple(channelsOf(x) * 6);
      x = chain(x, pointwise(last, 'conv_1', false), normalized('conv_1_bn'), act());
      if (!options.includeTop) return pooled(x, options, poolNames);
      const wide = options.alpha > 1 ? roundToMultiple(units * options.alpha) : units;
      return classified(x, wide, act, options);
    },
  });
}

const rectifier = (): Layer => relu();
const hardSwish = (): Layer => activation({ activation: 'hardSwish' });
const normalized = (name: string): Layer => batchNormalization({ momentum: 0.999, name });
const pointwise = (filters: number, name: string, useBias: boolean): Layer =>
  conv2d({ filters, kernelSize: 1, padding: 'same', useBias, name });

function classified(x: SymbolicTensor, units: number, act: () => Layer, options: Options): SymbolicTensor {
  const { dropoutRate, classes, classifierActivation } = options;
  const features = chain(
    x,
    globalAveragePooling2d({ keepdims: true }),
    pointwise(units, 'conv_2', true),
    act(),
  );
  const kept = dropoutRate > 0 ? dropout({ rate: dropoutRate }).apply(features) : features;
  return chain(
    kept,
    pointwise(classes, 'logits', true),
    flatten(),
    activation({ activation: classifierActivation, name: 'predictions' }),
  );
}

function invertedResidual(
  x: SymbolicTensor,
  [expansion, width, window, strides, extras]: Block,
  { alpha, minimalistic }: Options,
  id: number,
): SymbolicTensor {
  const act = extras.includes('h') && !minimalistic ? hardSwish : rectifier;
  const channels = channelsOf(x);
  const filters = roundToMultiple(width * alpha);
  const wide = roundToMultiple(channels * expansion);
  const prefix = id === 0 ? 'expanded_conv_' : `expanded_conv_${id}_`;
  const kernelSize = minimalistic ? 3 : window;
  let y = x;
  if (id > 0) {
    y = chain(x, pointwise(wide, `${prefix}expand`, false), normalized(`${prefix}expand_bn`), act());
  }
  const name = `${prefix}depthwise`;
  if (strides === 2)
    y = zeroPadding2d({ padding: padForStride2(y, kernelSize), name: `${name}_pad` }).apply(y);
  const padding = strides === 1 ? 'same' : 'valid';
  const depthwise = depthwiseConv2d({ kernelSize, strides, padding, useBias: false, name });
  y = chain(y, depthwise, normalized(`${name}_bn`), act());
  if (extras.includes('s') && !minimalistic) y = squeezeExcite(y, wide, `${prefix}squeeze_excite`);
  y = chain(y, pointwise(filters, `${prefix}project`, false), normalized(`${prefix}project_bn`));
  return strides === 1 && channels === filters ? add({ name: `${prefix}add` }).apply([x, y]) : y;
}

/** Factors for the channels: `x * relu6(f(mean(x)) + 3) / 6`. The sums are operations in Keras, named like layers. */
function squeezeExcite(x: SymbolicTensor, filters: number, name: string): SymbolicTensor {
  const gate = chain(
    x,
    globalAveragePooling2d({ keepdims: true, name: `${name}_avg_pool` }),
    pointwise(roundToMultiple(filters * 0.25), `${name}_conv`, true),
    relu({ name: `${name}_relu` }),
    pointwise(filters, `${name}_conv_1`, true),
  );
  const six = relu({ maxValue: 6 });
  const factors = chain(
    gate,
    rescaling({ scale: 1, offset: 3, name: autoName('Add') }),
    six,
    rescaling({ scale: 1 / 6, name: autoName('Multiply') }),
  );
  return multiply({ name: `${name}_mul` }).apply([x, factors]);
}
