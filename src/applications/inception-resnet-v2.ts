import { activation } from '../layers/activation.ts';
import { batchNormalization } from '../layers/batch-normalization.ts';
import { conv2d } from '../layers/conv.ts';
import { concatenate } from '../layers/merging.ts';
import { averagePooling2d, maxPooling2d } from '../layers/pooling.ts';
import type { SymbolicTensor } from '../layers/symbolic.ts';
import { application, applicationOptions } from './assemble.ts';
import { chain, channelsOf, top } from './blocks.ts';
import { type Branch, branched, stem } from './inception.ts';
import { CustomScaleLayer } from './scaling-layers.ts';

/** Blocks of one kind: how many, how much of them is added, their branches. */
interface Kind {
  readonly name: string;
  readonly count: number;
  readonly scale: number;
  readonly branches: readonly Branch[];
}

const block35: Kind = {
  name: 'block35',
  count: 10,
  scale: 0.17,
  branches: [
    [[32, 1]],
    [
      [32, 1],
      [32, 3],
    ],
    [
      [32, 1],
      [48, 3],
      [64, 3],
    ],
  ],
};
const block17: Kind = {
  name: 'block17',
  count: 20,
  scale: 0.1,
  branches: [
    [[192, 1]],
    [
      [128, 1],
      [160, [1, 7]],
      [192, [7, 1]],
    ],
  ],
};
const block8: Kind = {
  name: 'block8',
  count: 10,
  scale: 0.2,
  branches: [
    [[192, 1]],
    [
      [192, 1],
      [224, [1, 3]],
      [256, [3, 1]],
    ],
  ],
};

/** Branches before the blocks; `half`: a convolution that halves the image. */
const branches5b: readonly Branch[] = [
  [[96, 1]],
  [
    [48, 1],
    [64, 5],
  ],
  [
    [64, 1],
    [96, 3],
    [96, 3],
  ],
];
const branches6a: readonly Branch[] = [
  [[384, 'half']],
  [
    [256, 1],
    [256, 3],
    [384, 'half'],
  ],
];
const branches7a: readonly Branch[] = [
  [
    [256, 1],
    [384, 'half'],
  ],
  [
    [256, 1],
    [288, 'half'],
  ],
  [
    [256, 1],
    [288, 3],
    [320, 'half'],
  ],
];

/**
 * Inception-ResNet V2: Inception blocks that are added to what comes in.
 * @source Szegedy et al. 2016, arXiv 1602.07261; keras/src/applications/inception_resnet_v2.py
 */
export const inceptionResNetV2 = application({
  schema: applicationOptions,
  name: 'inception_resnet_v2',
  size: 299,
  smallest: 75,
  pixels: 'unit',
  wire: (image, options) => {
    const branches = (x: SymbolicTensor, list: readonly Branch[]) =>
      list.map((branch) => branched(x, branch));
    const halved = (x: SymbolicTensor, list: readonly Branch[], name: string) =>
      concatenate({ name }).apply([...branches(x, list), maxPooling2d({ poolSize: 3, strides: 2 }).apply(x)]);
    let x = stem(image);
    const first = branches(x, branches5b);
    const means = averagePooling2d({ poolSize: 3, strides: 1, padding: 'same' }).apply(x);
    x = concatenate({ name: 'mixed_5b' }).apply([...first, branched(means, [[64, 1]])]);
    x = halved(repeated(x, block35), branches6a, 'mixed_6a');
    x = halved(repeated(x, block17), branches7a, 'mixed_7a');
    x = chain(
      repeated(x, block8),
      conv2d({ filters: 1536, kernelSize: 1, padding: 'same', useBias: false, name: 'conv_7b' }),
      batchNormalization({ scale: false, name: 'conv_7b_bn' }),
      activation({ activation: 'relu', name: 'conv_7b_ac' }),
    );
    return top(x, options, { pool: 'avg_pool' });
  },
});

function repeated(x: SymbolicTensor, kind: Kind): SymbolicTensor {
  let y = x;
  for (let i = 1; i <= kind.count; i++) y = residual(y, kind, i);
  return y;
}

/** Branches, brought to the channels that came in, scaled and added. The very last block is added whole, without `relu`. */
function residual(x: SymbolicTensor, { name, count, scale, branches }: Kind, i: number): SymbolicTensor {
  const prefix = `${name}_${i}`;
  const all = branches.map((branch) => branched(x, branch));
  const up = chain(
    concatenate({ name: `${prefix}_mixed` }).apply(all),
    conv2d({ filters: channelsOf(x), kernelSize: 1, padding: 'same', name: `${prefix}_conv` }),
  );
  if (name === 'block8' && i === count) return new CustomScaleLayer({ scale: 1 }).apply([x, up]);
  const sum = new CustomScaleLayer({ scale }).apply([x, up]);
  return activation({ activation: 'relu', name: `${prefix}_ac` }).apply(sum);
}
