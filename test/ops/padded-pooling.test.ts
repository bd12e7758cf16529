import { expect, test } from '@jest/globals';
import { input, layers, model, tensor } from '../../src/index.ts';

// ONNX Runtime would fuse the padding into the pool behind it, where it is less than any number
test.each(['valid', 'same'] as const)(
  'zeros around negative numbers count in a pool, padding %s',
  async (padding) => {
    const image = input({ shape: [4, 4, 1] });
    const scaled = layers
      .conv2d({ filters: 1, kernelSize: 1, kernelInitializer: 'ones', useBias: false })
      .apply(image);
    const padded = layers.zeroPadding2d({ padding: 1 }).apply(scaled);
    const pooled = layers.maxPooling2d({ poolSize: 3, strides: 1, padding }).apply(padded);
    const y = await model({ inputs: image, outputs: pooled }).predict(
      tensor(new Float32Array(16).fill(-1), [1, 4, 4, 1]),
    );
    const size = padding === 'valid' ? 4 : 6;
    // the four pixels in the middle see none of the zeros
    const middle = (i: number): boolean => [size / 2 - 1, size / 2].includes(i);
    const expected = Array.from({ length: size * size }, (_, i) =>
      middle(Math.floor(i / size)) && middle(i % size) ? -1 : 0,
    );
    expect(Array.from(y.data as Float32Array, (v) => v + 0)).toEqual(expected);
  },
);
