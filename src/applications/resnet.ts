import type * as z from 'zod';
import { activation } from '../layers/activation.ts';
import { batchNormalization } from '../layers/batch-normalization.ts';
import { conv2d } from '../layers/conv.ts';
import type { Layer } from '../layers/layer.ts';
import { add } from '../layers/merging.ts';
import { zeroPadding2d } from '../layers/padding.ts';
import { maxPooling2d } from '../layers/pooling.ts';
import type { SymbolicTensor } from '../layers/symbolic.ts';
import { type Application, application, applicationOptions } from './assemble.ts';
import { chain, poolNames, top } from './blocks.ts';

type ResNet = Application<z.input<typeof applicationOptions>>;

/** Number of blocks in each of the four stacks. */
const depths = { 50: [3, 4, 6, 3], 101: [3, 4, 23, 3], 152: [3, 8, 36, 3] } as const;
type Depth = keyof typeof depths;

/**
 * ResNet with 50 layers.
 * @source He et al. 2015, arXiv 1512.03385; keras/src/applications/resnet.py
 */
export const resNet50 = resNet(50);
/** ResNet with 101 layers. @see {@link resNet50} */
export const resNet101 = resNet(101);
/** ResNet with 152 layers. @see {@link resNet50} */
export const resNet152 = resNet(152);

/**
 * ResNet with 50 layers, activation before convolution.
 * @source He et al. 2016, arXiv 1603.05027; keras/src/applications/resnet_v2.py
 */
export const resNet50V2 = resNetV2(50);
/** ResNet V2 with 101 layers. @see {@link resNet50V2} */
export const resNet101V2 = resNetV2(101);
/** ResNet V2 with 152 layers. @see {@link resNet50V2} */
export const resNet152V2 = resNetV2(152);

const normalized = (name: string): Layer => batchNormalization({ epsilon: 1.001e-5, name: `${name}_bn` });
const rectified = (name: string): Layer => activation({ activation: 'relu', name });
const stem = (image: SymbolicTensor): SymbolicTensor =>
  chain(
    image,
    zeroPadding2d({ padding: 3, name: 'conv1_pad' }),
    conv2d({ filters: 64, kernelSize: 7, strides: 2, name: 'conv1_conv' }),
  );
const stemPool = (): Layer[] => [
  zeroPadding2d({ padding: 1, name: 'pool1_pad' }),
  maxPooling2d({ poolSize: 3, strides: 2, name: 'pool1_pool' }),
];
const pool = { pool: 'avg_pool', names: poolNames };

function resNet(depth: Depth): ResNet {
  return application({
    schema: applicationOptions,
    name: `resnet${depth}`,
    size: 224,
    pixels: 'caffe',
    wire: (image, options) => {
      let x = chain(stem(image), normalized('conv1'), rectified('conv1_relu'), ...stemPool());
      depths[depth].forEach((blocks, stack) => {
        for (let i = 0; i < blocks; i++) {
          const strides = i === 0 && stack > 0 ? 2 : 1;
          x = block(x, 64 * 2 ** stack, strides, i === 0, `conv${stack + 2}_block${i + 1}`);
        }
      });
      return top(x, options, pool);
    },
  });
}

/** Three convolutions and a way around them, which is a convolution where the shape changes. */
function block(
  x: SymbolicTensor,
  filters: number,
  strides: number,
  widens: boolean,
  name: string,
): SymbolicTensor {
  const conv = (n: number, kernelSize: number, part: number, step = 1): Layer[] => [
    conv2d({
      filters: n,
      kernelSize,
      strides: step,
      padding: kernelSize === 1 ? 'valid' : 'same',
      name: `${name}_${part}_conv`,
    }),
    normalized(`${name}_${part}`),
  ];
  const shortcut = widens ? chain(x, ...conv(4 * filters, 1, 0, strides)) : x;
  const y = chain(
    x,
    ...conv(filters, 1, 1, strides),
    rectified(`${name}_1_relu`),
    ...conv(filters, 3, 2),
    rectified(`${name}_2_relu`),
    ...conv(4 * filters, 1, 3),
  );
  return rectified(`${name}_out`).apply(add({ name: `${name}_add` }).apply([shortcut, y]));
}

function resNetV2(depth: Depth): ResNet {
  return application({
    schema: applicationOptions,
    name: `resnet${depth}v2`,
    size: 224,
    pixels: 'unit',
    wire: (image, options) => {
      let x = chain(stem(image), ...stemPool());
      depths[depth].forEach((blocks, stack) => {
        for (let i = 0; i < blocks; i++) {
          const strides = i === blocks - 1 && stack < 3 ? 2 : 1;
          x = blockV2(x, 64 * 2 ** stack, strides, i === 0, `conv${stack + 2}_block${i + 1}`);
        }
      });
      return top(chain(x, normalized('post'), rectified('post_relu')), options, pool);
    },
  });
}

/** As {@link block}, with normalization and activation first and nothing after the sum. */
function blockV2(
  x: SymbolicTensor,
  filters: number,
  strides: number,
  widens: boolean,
  name: string,
): SymbolicTensor {
  const ready = chain(x, normalized(`${name}_preact`), rectified(`${name}_preact_relu`));
  const around = (): SymbolicTensor => {
    if (widens)
      return conv2d({ filters: 4 * filters, kernelSize: 1, strides, name: `${name}_0_conv` }).apply(ready);
    return strides > 1 ? maxPooling2d({ poolSize: 1, strides }).apply(x) : x;
  };
  const shortcut = around();
  const y = chain(
    ready,
    conv2d({ filters, kernelSize: 1, useBias: false, name: `${name}_1_conv` }),
    normalized(`${name}_1`),
    rectified(`${name}_1_relu`),
    zeroPadding2d({ padding: 1, name: `${name}_2_pad` }),
    conv2d({ filters, kernelSize: 3, strides, useBias: false, name: `${name}_2_conv` }),
    normalized(`${name}_2`),
    rectified(`${name}_2_relu`),
    conv2d({ filters: 4 * filters, kernelSize: 1, name: `${name}_3_conv` }),
  );
  return add({ name: `${name}_out` }).apply([shortcut, y]);
}
