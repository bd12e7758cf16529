import { beforeAll, describe, expect, test } from '@jest/globals';
import { graphSpecs } from '../../src/backend/backend.ts';
import { findChannelBlock, knownChannelBlock } from '../../src/backend/ort/channel-block.ts';
import type { Driver } from '../../src/backend/ort/driver.ts';
import { openDriver } from '../../src/backend/ort/open.ts';
import { Random } from '../../src/core/random.ts';
import { sizeOf } from '../../src/core/shape.ts';
import { gradient } from '../../src/ir/autodiff.ts';
import { type Graph, input } from '../../src/ir/graph.ts';
import { emitModel } from '../../src/onnx/emit.ts';
import { decodeModel } from '../../src/onnx/proto.ts';
import { type ConvOptions, conv } from '../../src/ops/conv.ts';
import '../../src/ops/index.ts';

interface Case {
  readonly x: readonly number[];
  readonly w: readonly number[];
  readonly options?: ConvOptions;
  /** Blocked convolutions among forward pass and two gradients. */
  readonly blocked: number;
}

// Large enough for the blocked kernels to be chosen; the plain ones have been compared with the references.
const cases: Readonly<Record<string, Case>> = {
  'without padding': { x: [16, 16, 13, 11], w: [32, 16, 3, 3], blocked: 3 },
  'same padding': { x: [16, 16, 12, 12], w: [16, 16, 3, 3], options: { pads: 1 }, blocked: 3 },
  'uneven padding': { x: [16, 16, 12, 12], w: [16, 16, 5, 2], options: { pads: [3, 0, 1, 1] }, blocked: 3 },
  strides: { x: [16, 16, 17, 16], w: [32, 16, 3, 3], options: { strides: [2, 3], pads: 1 }, blocked: 2 },
  'strides and places left over': {
    x: [16, 16, 18, 17],
    w: [32, 16, 3, 3],
    options: { strides: 2 },
    blocked: 2,
  },
  'one block of images': { x: [8, 16, 20, 20], w: [32, 16, 3, 3], options: { pads: 1 }, blocked: 3 },
  dilations: { x: [16, 16, 14, 14], w: [16, 16, 3, 3], options: { dilations: [2, 1] }, blocked: 3 },
  depthwise: { x: [16, 32, 20, 20], w: [32, 1, 3, 3], options: { pads: 1, group: 32 }, blocked: 3 },
  'depthwise with strides': {
    x: [16, 48, 31, 32],
    w: [48, 1, 3, 3],
    options: { strides: 2, pads: [0, 1, 1, 0], group: 48 },
    blocked: 3,
  },
  'depthwise with strides and places left over': {
    x: [16, 48, 33, 32],
    w: [48, 1, 3, 2],
    options: { strides: [3, 2], pads: [0, 1, 1, 0], group: 48 },
    blocked: 2,
  },
  'batches that fill no block': { x: [5, 16, 20, 20], w: [32, 16, 3, 3], blocked: 2 },
  'channels that fill no block': { x: [16, 12, 20, 20], w: [32, 12, 3, 3], blocked: 1 },
  groups: { x: [16, 32, 16, 16], w: [32, 16, 3, 3], options: { group: 2 }, blocked: 0 },
};

let driver: Driver;
let block: number | undefined;

beforeAll(async () => {
  driver = await openDriver();
  await findChannelBlock(driver);
  block = knownChannelBlock(driver);
});

/** The convolution and both of its gradients. */
function graphOf({ x: xShape, w: wShape, options }: Case): Graph {
  const x = input('x', { dtype: 'float32', shape: xShape });
  const w = input('w', { dtype: 'float32', shape: wShape });
  const bias = input('bias', { dtype: 'float32', shape: [wShape[0] as number] });
  const y = conv(x, w, { ...options, bias });
  const dy = input('dy', y.type);
  const [dx, dw] = gradient(y, [x, w], dy);
  const outputs = [y, dx, dw].map((value, i) => ({ name: `out${i}`, value: value as typeof y }));
  return { name: 'conv', inputs: [x, w, bias, dy], outputs };
}

async function run(graph: Graph, channelBlock: number | undefined): Promise<Float32Array[]> {
  const { bytes, inputNames, outputNames } = emitModel(graph, { target: 'runtime', channelBlock });
  const { inputs, outputs } = graphSpecs(graph, inputNames, outputNames);
  const session = await driver.createSession(bytes, inputs, outputs, { device: 'cpu', threads: 1 });
  const random = new Random(5);
  const feeds = inputs.map(({ shape }) =>
    Float32Array.from({ length: sizeOf(shape) }, () => random.normal()),
  );
  const results = outputs.map(({ shape }) => new Float32Array(sizeOf(shape)));
  session.bind(feeds, results).runSync();
  session.dispose();
  return results;
}

describe.each(Object.entries(cases))('convolutions in blocks of channels: %s', (_name, given) => {
  test('equal the plain ones', async () => {
    const graph = graphOf(given);
    const [found, wanted] = [await run(graph, block), await run(graph, undefined)];
    found.forEach((values, i) => {
      const largest = (list: Float32Array): number => list.reduce((m, v) => Math.max(m, Math.abs(v)), 0);
      const plain = wanted[i] as Float32Array;
      const differences = values.map((v, k) => v - (plain[k] as number));
      expect(largest(differences) / largest(plain)).toBeLessThan(1e-5);
    });
  });

  test('are chosen where they apply', () => {
    const { graph } = decodeModel(emitModel(graphOf(given), { target: 'runtime', channelBlock: 8 }).bytes);
    const blocked = graph.nodes.filter((node) => node.opType === 'ReorderOutput');
    expect(blocked).toHaveLength(given.blocked);
  });
});
