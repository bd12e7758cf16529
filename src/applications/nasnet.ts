import type * as z from 'zod';
import { activation } from '../layers/activation.ts';
import { batchNormalization } from '../layers/batch-normalization.ts';
import { conv2d } from '../layers/conv.ts';
import type { Layer } from '../layers/layer.ts';
import { add, concatenate } from '../layers/merging.ts';
import { cropping2d, zeroPadding2d } from '../layers/padding.ts';
import { averagePooling2d, maxPooling2d } from '../layers/pooling.ts';
import { separableConv2d } from '../layers/separable-conv.ts';
import type { SymbolicTensor } from '../layers/symbolic.ts';
import { type Application, application, applicationOptions } from './assemble.ts';
import { chain, channelsOf, padForStride2, top } from './blocks.ts';

/** How large a NASNet is. */
interface Size {
  readonly image: number;
  readonly stem: number;
  /** Filters of the first normal cells; twice as many after each reduction. */
  readonly filters: number;
  /** Normal cells in each of three rows. */
  readonly cells: number;
  /** Whether the cell after a reduction looks two cells back past it. */
  readonly skipsReduction: boolean;
}

/**
 * NASNet-A, small: cells found by search.
 * @source Zoph et al. 2017, arXiv 1707.07012; keras/src/applications/nasnet.py
 */
export const nasNetMobile = nasNet('nasnet_mobile', {
  image: 224,
  stem: 32,
  filters: 44,
  cells: 4,
  skipsReduction: false,
});
/** NASNet-A, large. @see {@link nasNetMobile} */
export const nasNetLarge = nasNet('nasnet_large', {
  image: 331,
  stem: 96,
  filters: 168,
  cells: 6,
  skipsReduction: true,
});

function nasNet(name: string, size: Size): Application<z.input<typeof applicationOptions>> {
  const { filters, cells } = size;
  return application({
    schema: applicationOptions,
    name,
    size: size.image,
    fixedSize: 'always',
    pixels: 'unit',
    wire: (image, options) => {
      const start = chain(image, conv(size.stem, 'stem_conv1', 3, 2), normalized('stem_bn1'));
      let x = reductionCell(start, start, filters / 4, 'stem_1');
      let before = start;
      [x, before] = [reductionCell(x, before, filters / 2, 'stem_2'), x];
      for (let row = 0; row < 3; row++) {
        const width = filters * 2 ** row;
        if (row > 0) {
          const reduced = reductionCell(x, before, width, `reduce_${row * cells}`);
          if (!size.skipsReduction) before = x;
          x = reduced;
        }
        for (let i = 0; i < cells; i++) {
          [x, before] = [normalCell(x, before, width, `${row * cells + i + Math.min(row, 1)}`), x];
        }
      }
      return top(rectified().apply(x), options);
    },
  });
}

const rectified = (): Layer => activation({ activation: 'relu' });
const normalized = (name: string): Layer => batchNormalization({ momentum: 0.9997, name });
const conv = (filters: number, name: string, kernelSize = 1, strides = 1): Layer =>
  conv2d({
    filters,
    kernelSize,
    strides,
    padding: kernelSize === 1 ? 'same' : 'valid',
    useBias: false,
    kernelInitializer: 'heNormal',
    name,
  });
const sum = (name: string, a: SymbolicTensor, b: SymbolicTensor): SymbolicTensor =>
  add({ name }).apply([a, b]);
const mean3 = (x: SymbolicTensor, name: string): SymbolicTensor =>
  averagePooling2d({ poolSize: 3, strides: 1, padding: 'same', name }).apply(x);

/** Two separable convolutions, the first with the given strides. */
function separable(
  x: SymbolicTensor,
  filters: number,
  kernelSize: number,
  id: string,
  strides = 1,
): SymbolicTensor {
  let y = rectified().apply(x);
  if (strides === 2) {
    const padding = padForStride2(y, kernelSize);
    y = zeroPadding2d({ padding, name: `separable_conv_1_pad_${id}` }).apply(y);
  }
  const same = { filters, kernelSize, padding: 'same', useBias: false } as const;
  const first = strides === 2 ? ({ ...same, strides, padding: 'valid' } as const) : same;
  return chain(
    y,
    separableConv2d({ ...first, name: `separable_conv_1_${id}` }),
    normalized(`separable_conv_1_bn_${id}`),
    rectified(),
    separableConv2d({ ...same, name: `separable_conv_2_${id}` }),
    normalized(`separable_conv_2_bn_${id}`),
  );
}

/** What came before `x`, brought to its height and width and to `filters` channels. */
function adjusted(before: SymbolicTensor, x: SymbolicTensor, filters: number, id: string): SymbolicTensor {
  if (before === x) return x;
  if (before.shape.at(-2) !== x.shape.at(-2)) return shrunk(before, filters, id);
  if (channelsOf(before) === filters) return before;
  return chain(
    before,
    rectified(),
    conv(filters, `adjust_conv_projection_${id}`),
    normalized(`adjust_bn_${id}`),
  );
}

/** Half the height and width: every other pixel, and those one further down and right, side by side. */
function shrunk(x: SymbolicTensor, filters: number, id: string): SymbolicTensor {
  const everyOther = (i: number): Layer[] => [
    averagePooling2d({ poolSize: 1, strides: 2, name: `adjust_avg_pool_${i}_${id}` }),
    conv(Math.floor(filters / 2), `adjust_conv_${i}_${id}`),
  ];
  const y = activation({ activation: 'relu', name: `adjust_relu_1_${id}` }).apply(x);
  const even = chain(y, ...everyOther(1));
  const after: [number, number] = [0, 1];
  const first: [number, number] = [1, 0];
  const shift = [zeroPadding2d({ padding: [after, after] }), cropping2d({ cropping: [first, first] })];
  const odd = chain(y, ...shift, ...everyOther(2));
  return normalized(`adjust_bn_${id}`).apply(concatenate().apply([even, odd]));
}

function normalCell(x: SymbolicTensor, before: SymbolicTensor, filters: number, id: string): SymbolicTensor {
  const p = adjusted(before, x, filters, id);
  const h = chain(x, rectified(), conv(filters, `normal_conv_1_${id}`), normalized(`normal_bn_1_${id}`));
  const branch = (y: SymbolicTensor, window: number, name: string) =>
    separable(y, filters, window, `normal_${name}_${id}`);
  const sums = [
    sum(`normal_add_1_${id}`, branch(h, 5, 'left1'), branch(p, 3, 'right1')),
    sum(`normal_add_2_${id}`, branch(p, 5, 'left2'), branch(p, 3, 'right2')),
    sum(`normal_add_3_${id}`, mean3(h, `normal_left3_${id}`), p),
    sum(`normal_add_4_${id}`, mean3(p, `normal_left4_${id}`), mean3(p, `normal_right4_${id}`)),
    sum(`normal_add_5_${id}`, branch(h, 3, 'left5'), h),
  ];
  return concatenate({ name: `normal_concat_${id}` }).apply([p, ...sums]);
}

function reductionCell(
  x: SymbolicTensor,
  before: SymbolicTensor,
  filters: number,
  id: string,
): SymbolicTensor {
  const p = adjusted(before, x, filters, id);
  const h = chain(
    x,
    rectified(),
    conv(filters, `reduction_conv_1_${id}`),
    normalized(`reduction_bn_1_${id}`),
  );
  const padded = zeroPadding2d({ padding: padForStride2(h, 3), name: `reduction_pad_1_${id}` }).apply(h);
  const branch = (y: SymbolicTensor, window: number, name: string, strides = 2) =>
    separable(y, filters, window, `reduction_${name}_${id}`, strides);
  const window = { poolSize: 3, strides: 2 };
  const maximum = (name: string) =>
    maxPooling2d({ ...window, name: `reduction_${name}_${id}` }).apply(padded);
  const first = sum(`reduction_add_1_${id}`, branch(h, 5, 'left1'), branch(p, 7, 'right1'));
  const second = sum(`reduction_add_2_${id}`, maximum('left2'), branch(p, 7, 'right2'));
  const means = averagePooling2d({ ...window, name: `reduction_left3_${id}` }).apply(padded);
  const third = sum(`reduction_add3_${id}`, means, branch(p, 5, 'right3'));
  const fourth = add().apply([second, mean3(first, `reduction_left4_${id}`)]);
  const fifth = sum(`reduction_add4_${id}`, branch(first, 3, 'left4', 1), maximum('right5'));
  return concatenate({ name: `reduction_concat_${id}` }).apply([second, third, fourth, fifth]);
}
