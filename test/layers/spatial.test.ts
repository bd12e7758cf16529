import { describe, expect, test } from '@jest/globals';
import type { PartialShape } from '../../src/core/shape.ts';
import { ConfigError, ShapeError } from '../../src/errors.ts';
import { input, nodesOf, type Value } from '../../src/ir/graph.ts';
import { optimize } from '../../src/ir/passes.ts';
import * as layers from '../../src/layers/index.ts';
import type { Layer } from '../../src/layers/layer.ts';
import { Trace, withTrace } from '../../src/layers/trace.ts';

const kernelSize = 3;
const filters = 4;

describe('options that are refused', () => {
  test.each([
    [
      'steps and dilation',
      () => layers.conv2d({ filters, kernelSize, strides: 2, dilationRate: 2 }),
      /strides \[2,2\]/,
    ],
    [
      'filters in unequal groups',
      () => layers.conv1d({ filters, kernelSize, groups: 3 }),
      /divisor.*4\. Received 3/,
    ],
    [
      'a step of 0',
      () => layers.conv2d({ filters, kernelSize, strides: 0 }),
      /"strides": .*at least 1\. Received 0/,
    ],
    ['too few sizes', () => layers.conv3d({ filters, kernelSize: [3, 3] }), /"kernelSize": .*or 3 of them/],
    [
      'steps instead of strides',
      () => layers.maxPooling2d({ stride: 1 } as object),
      /Did you mean "strides"/,
    ],
    ['a negative rim', () => layers.zeroPadding2d({ padding: [1, -1] }), /"padding\.1": .*at least 0/],
    ['a rim for other axes', () => layers.cropping2d({ cropping: [1, 1, 1] }), /2 entries/],
    [
      'output padding above the stride',
      () => layers.conv2dTranspose({ filters, kernelSize, strides: [1, 2], outputPadding: 1 }),
      /less than the strides \[1,2\]/,
    ],
    [
      'causal images',
      // @ts-expect-error: only one axis has a before and an after
      () => layers.conv2d({ filters, kernelSize, padding: 'causal' }),
      /"valid"\|"same"\. Received "causal"/,
    ],
  ])('%s', (_name, make, message) => {
    expect(make).toThrow(ConfigError);
    expect(make).toThrow(message);
  });
});

const images = [null, 8, 8, 3];

describe('inputs that are refused', () => {
  const cases: [string, Layer, PartialShape, typeof ConfigError, RegExp][] = [
    [
      'images without channels',
      layers.conv2d({ filters, kernelSize }),
      [null, 8, 8],
      ShapeError,
      /4-D .*reshape/,
    ],
    [
      'unknown channels first',
      layers.conv2d({ filters, kernelSize, dataFormat: 'channelsFirst' }),
      [null, null, 8, 8],
      ShapeError,
      /number of channels must be known/,
    ],
    [
      'channels in unequal groups',
      layers.conv2d({ filters, kernelSize, groups: 2 }),
      images,
      ConfigError,
      /3\. Received 2/,
    ],
    [
      'images below the window',
      layers.maxPooling2d({ poolSize: 9 }),
      images,
      ShapeError,
      /larger than the input/,
    ],
    ['images below the rim', layers.cropping2d({ cropping: 4 }), images, ShapeError, /at least one element/],
    [
      'images for a series',
      layers.globalMaxPooling1d(),
      images,
      ShapeError,
      /3-D input \[batch, steps, channels\]/,
    ],
  ];
  test.each(cases)('%s', (_name, layer, shape, kind, message) => {
    const infer = () => layer.inferOutputs([{ shape, dtype: 'float32' }]);
    expect(infer).toThrow(kind);
    expect(infer).toThrow(message);
  });
});

test('zero padding and cropping keep the type of the input', () => {
  for (const layer of [layers.zeroPadding2d(), layers.cropping2d({ cropping: 1 })]) {
    expect(layer.inferOutputs([{ shape: images, dtype: 'int32' }])[0]?.dtype).toBe('int32');
  }
});

test('channels last cost one transpose, of the input, however many layers follow', () => {
  const stack: Layer[] = [
    layers.zeroPadding2d(),
    layers.conv2d({ filters, kernelSize, activation: 'relu' }),
    layers.maxPooling2d(),
    layers.depthwiseConv2d({ kernelSize, padding: 'same' }),
    layers.upSampling2d(),
    layers.cropping2d({ cropping: 1 }),
    layers.conv2dTranspose({ filters: 2, kernelSize, strides: 2 }),
    layers.globalAveragePooling2d(),
  ];
  const x = input('x', { dtype: 'float32', shape: [2, 8, 8, 3] });
  const trace = new Trace(false);
  const value = withTrace(trace, () =>
    stack.reduce<Value>((y, layer) => layer.invoke([y], { training: false })[0] as Value, x),
  );
  const graph = optimize({
    name: 'stack',
    inputs: [x, ...trace.weights.values()],
    outputs: [{ name: 'y', value }],
  });
  const transposed = nodesOf(graph).filter(
    ({ kind }) => typeof kind !== 'string' && kind.name === 'transpose',
  );
  const weights = new Set(trace.weights.values());
  const ofData = transposed.filter(({ inputs: [from] }) => from === undefined || !weights.has(from));
  expect(ofData).toHaveLength(1);
});
