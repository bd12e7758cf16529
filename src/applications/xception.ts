import { activation } from '../layers/activation.ts';
import { batchNormalization } from '../layers/batch-normalization.ts';
import { conv2d } from '../layers/conv.ts';
import type { Layer } from '../layers/layer.ts';
import { add } from '../layers/merging.ts';
import { maxPooling2d } from '../layers/pooling.ts';
import { separableConv2d } from '../layers/separable-conv.ts';
import type { SymbolicTensor } from '../layers/symbolic.ts';
import { application, applicationOptions } from './assemble.ts';
import { chain, top } from './blocks.ts';

/**
 * Xception: separable convolutions with residual connections.
 * @source Chollet 2016, arXiv 1610.02357; keras/src/applications/xception.py
 */
export const xception = application({
  schema: applicationOptions,
  name: 'xception',
  size: 299,
  smallest: 71,
  pixels: 'unit',
  wire: (image, options) => {
    let x = chain(
      image,
      conv2d({ filters: 32, kernelSize: 3, strides: 2, useBias: false, name: 'block1_conv1' }),
      ...active('block1_conv1'),
      conv2d({ filters: 64, kernelSize: 3, useBias: false, name: 'block1_conv2' }),
      ...active('block1_conv2'),
    );
    x = halved(x, 'block2', 128, 128, false);
    x = halved(x, 'block3', 256, 256);
    x = halved(x, 'block4', 728, 728);
    for (let i = 5; i <= 12; i++) {
      const inner = [1, 2, 3].flatMap((j) => [
        rectified(`block${i}_sepconv${j}`),
        ...separable(728, `block${i}_sepconv${j}`),
      ]);
      x = add().apply([chain(x, ...inner), x]);
    }
    x = halved(x, 'block13', 728, 1024);
    x = chain(
      x,
      ...separable(1536, 'block14_sepconv1'),
      rectified('block14_sepconv1'),
      ...separable(2048, 'block14_sepconv2'),
      rectified('block14_sepconv2'),
    );
    return top(x, options, { pool: 'avg_pool' });
  },
});

const rectified = (name: string): Layer => activation({ activation: 'relu', name: `${name}_act` });
const active = (name: string): Layer[] => [batchNormalization({ name: `${name}_bn` }), rectified(name)];
const separable = (filters: number, name: string): Layer[] => [
  separableConv2d({ filters, kernelSize: 3, padding: 'same', useBias: false, name }),
  batchNormalization({ name: `${name}_bn` }),
];

/** Two separable convolutions and a pooling, beside a convolution; the first `relu` may be there already. */
function halved(
  x: SymbolicTensor,
  name: string,
  inner: number,
  filters: number,
  rectifies = true,
): SymbolicTensor {
  const around = chain(
    x,
    conv2d({ filters, kernelSize: 1, strides: 2, padding: 'same', useBias: false }),
    batchNormalization(),
  );
  const y = chain(
    x,
    ...(rectifies ? [rectified(`${name}_sepconv1`)] : []),
    ...separable(inner, `${name}_sepconv1`),
    rectified(`${name}_sepconv2`),
    ...separable(filters, `${name}_sepconv2`),
    maxPooling2d({ poolSize: 3, strides: 2, padding: 'same', name: `${name}_pool` }),
  );
  return add().apply([y, around]);
}
