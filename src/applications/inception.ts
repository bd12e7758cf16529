/** What both Inception networks begin with and consist of. */

import { activation } from '../layers/activation.ts';
import { batchNormalization } from '../layers/batch-normalization.ts';
import { conv2d } from '../layers/conv.ts';
import type { Layer } from '../layers/layer.ts';
import { maxPooling2d } from '../layers/pooling.ts';
import type { SymbolicTensor } from '../layers/symbolic.ts';
import { chain } from './blocks.ts';

/** Height and width of a window. */
type Kernel = number | readonly [number, number];

/** Convolutions one after another: filters and window; `half` is one of 3 x 3 that halves the image. */
export type Branch = readonly (readonly [number, Kernel | 'half'])[];

interface ConvolutionOptions {
  readonly strides?: number;
  readonly padding?: 'same' | 'valid';
}

/** Convolution, normalization, `relu`. */
const convolution = (filters: number, kernel: Kernel, more: ConvolutionOptions = {}): Layer[] => [
  conv2d({
    filters,
    kernelSize: typeof kernel === 'number' ? kernel : [...kernel],
    padding: 'same',
    useBias: false,
    ...more,
  }),
  batchNormalization({ scale: false }),
  activation({ activation: 'relu' }),
];

const halving = (filters: number): Layer[] => convolution(filters, 3, { strides: 2, padding: 'valid' });

/** The convolutions of a branch. */
export const branched = (x: SymbolicTensor, branch: Branch): SymbolicTensor =>
  chain(
    x,
    ...branch.flatMap(([filters, kernel]) =>
      kernel === 'half' ? halving(filters) : convolution(filters, kernel),
    ),
  );

/** From the image to 192 channels at an eighth of its height and width. */
export const stem = (image: SymbolicTensor): SymbolicTensor =>
  chain(
    image,
    ...halving(32),
    ...convolution(32, 3, { padding: 'valid' }),
    ...convolution(64, 3),
    maxPooling2d({ poolSize: 3, strides: 2 }),
    ...convolution(80, 1, { padding: 'valid' }),
    ...convolution(192, 3, { padding: 'valid' }),
    maxPooling2d({ poolSize: 3, strides: 2 }),
  );
