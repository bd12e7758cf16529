import { describe, expect, test } from '@jest/globals';
import type { PartialShape } from '../../src/core/shape.ts';
import { ConfigError, ShapeError, type TfkError } from '../../src/errors.ts';
import * as layers from '../../src/layers/index.ts';
import type { Layer } from '../../src/layers/layer.ts';

const infer = (layer: Layer, ...shapes: readonly PartialShape[]): unknown =>
  layer.inferOutputs(shapes.map((shape) => ({ shape, dtype: 'float32' })));

const thrownBy = (body: () => unknown): TfkError => {
  try {
    body();
  } catch (error) {
    return error as TfkError;
  }
  throw new Error('nothing was thrown');
};

describe('options', () => {
  const misspelled = { inputDim: 3, outputDim: 2, embeddingInitializer: 'zeros' };
  test.each([
    ['a misspelled option', () => layers.embedding(misspelled), /Did you mean "embeddingsInitializer"/],
    [
      "Keras's spelling",
      () => layers.leakyRelu({ negative_slope: 1 } as object),
      /Did you mean "negativeSlope"/,
    ],
    ['a rate of 1', () => layers.alphaDropout({ rate: 1 }), /AlphaDropout: option "rate"/],
    ['a permutation with a hole', () => layers.permute({ dims: [1, 3] }), /each of 1, 2, \.\.\. once/],
    ['two sizes of -1', () => layers.reshape({ targetShape: [-1, -1] }), /only one size can be -1/],
    ['a size of 0', () => layers.reshape({ targetShape: [0] }), /at least 1, or -1/],
    ['no groups', () => layers.groupNormalization({ groups: 0 }), /groups/],
    ['an unknown initializer', () => layers.prelu({ alphaInitializer: 'zeroes' }), /Did you mean "zeros"/],
    ['no equation', () => layers.einsumDense({ equation: 'ab->c', outputShape: 2 }), /expected an equation/],
  ])('%s', (_name, body, message) => {
    expect(thrownBy(body)).toBeInstanceOf(ConfigError);
    expect(thrownBy(body).message).toMatch(message);
  });
});

describe('shapes', () => {
  const einsum = layers.einsumDense({ equation: 'abc,cd->abd', outputShape: [null, 4, 5] });
  test.each([
    [
      'too few axes',
      layers.spatialDropout2d({ rate: 0.5 }),
      [[null, 3, 3]],
      /expected a 4-D input \[batch, height/,
    ],
    [
      'too many axes',
      layers.repeatVector({ n: 2 }),
      [[null, 3, 3]],
      /expected a 2-D input \[batch, features\]/,
    ],
    ['another rank', layers.permute({ dims: [2, 1] }), [[null, 3]], /3-D input \[batch, axis1, axis2\]/],
    [
      'elements left over',
      layers.reshape({ targetShape: [-1, 4] }),
      [[null, 6]],
      /targetShape \[-1,4\].*\[6\]/,
    ],
    [
      'sizes that do not broadcast',
      layers.add(),
      [
        [null, 3],
        [null, 4],
      ],
      /,3\] and \[.*,4\] do not broadcast/,
    ],
    [
      'different batch sizes',
      layers.multiply(),
      [
        [2, 3],
        [4, 3],
      ],
      /different batch sizes/,
    ],
    ['one input', layers.subtract(), [[null, 3]], /takes 2 inputs. Received 1/],
    [
      'sizes beside the axis',
      layers.concatenate(),
      [
        [null, 2, 3],
        [null, 4, 3],
      ],
      /concat/,
    ],
    [
      'sizes along axes',
      layers.dot({ axes: 1 }),
      [
        [null, 2],
        [null, 3],
      ],
      /equal sizes along axes/,
    ],
    [
      'the batch axis',
      layers.dot({ axes: 0 }),
      [
        [null, 2],
        [null, 2],
      ],
      /axes must not be 0/,
    ],
    ['groups', layers.groupNormalization({ groups: 3 }), [[null, 4]], /3 groups do not divide 4 channels/],
    [
      'an axis that is not there',
      layers.layerNormalization({ axis: 2 }),
      [[null, 4]],
      /axis 2 is out of range/,
    ],
    ['an unknown size', layers.rmsNormalization(), [[null, null]], /size of axis 1 must be known/],
    ['letters of an equation', einsum, [[null, 2, 3]], /expected 2 sizes, of "bd"/],
  ] as const)('%s', (_name, layer, shapes, message) => {
    const error = thrownBy(() => infer(layer as Layer, ...shapes));
    expect(error).toBeInstanceOf(ShapeError);
    expect(error.message).toMatch(message);
    expect(error.message).toContain(`${layer.className} "${layer.name}"`);
  });
});
