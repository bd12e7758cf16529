import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import * as tfk from '../../src/index.ts';
import { type AttributeProto, decodeModel, type NodeProto, type TensorProto } from '../../src/onnx/proto.ts';
import { protoFromTensor } from '../../src/onnx/tensors.ts';
import { expectClose } from '../helpers/close.ts';
import { floats, node, onnxFile } from '../helpers/onnx-files.ts';
import { normalData } from '../helpers/small-models.ts';

const folder = mkdtempSync(join(tmpdir(), 'tfk-fold-'));
afterAll(() => rmSync(folder, { recursive: true }));
const path = join(folder, 'model.onnx');

const stored = (name: string, shape: number[], seed: number): TensorProto =>
  protoFromTensor(name, normalData(shape, seed));

/** The five inputs of a normalization of `channels` channels, the variances positive. */
function normalization(
  x: string,
  y: string,
  channels: number,
): { node: NodeProto; initializers: TensorProto[] } {
  const names = ['scale', 'shift', 'mean', 'variance'].map((name) => `${y}.${name}`);
  const initializers = names.map((name, i) => {
    const { shape, data } = normalData([channels], i + 7);
    return protoFromTensor(
      name,
      tfk.tensor(Float32Array.from(data as Float32Array, i === 3 ? Math.exp : (v) => v), shape),
    );
  });
  const attributes: AttributeProto[] = [{ name: 'epsilon', type: 'float', value: 0.01 }];
  return { node: node('BatchNormalization', [x, ...names], [y], attributes), initializers };
}

interface Case {
  readonly name: string;
  readonly x: number[];
  readonly nodes: NodeProto[];
  readonly weights: TensorProto[];
  readonly channels: number;
  /** Weights that are left. */
  readonly left: readonly string[];
}

const group: AttributeProto = { name: 'group', type: 'int', value: 4 };
const transB: AttributeProto = { name: 'transB', type: 'int', value: 1 };
const cases: readonly Case[] = [
  {
    name: 'a convolution',
    x: [3, 5, 5],
    nodes: [node('Conv', ['x', 'w', 'b'], ['z'])],
    weights: [stored('w', [4, 3, 2, 2], 1), stored('b', [4], 2)],
    channels: 4,
    left: ['w', 'b'],
  },
  {
    name: 'a depthwise convolution without a bias',
    x: [4, 5, 5],
    nodes: [node('Conv', ['x', 'w'], ['z'], [group])],
    weights: [stored('w', [4, 1, 2, 2], 1)],
    channels: 4,
    left: ['w', 'y.shift'],
  },
  {
    name: 'a transposed convolution',
    x: [3, 5, 5],
    nodes: [node('ConvTranspose', ['x', 'w'], ['z'])],
    weights: [stored('w', [3, 4, 2, 2], 1)],
    channels: 4,
    left: ['w', 'y.shift'],
  },
  {
    name: 'a matrix product with a transposed weight',
    x: [3],
    nodes: [node('Gemm', ['x', 'w', 'b'], ['z'], [transB])],
    weights: [stored('w', [4, 3], 1), stored('b', [4], 2)],
    channels: 4,
    left: ['w', 'b'],
  },
  {
    name: 'a matrix product and a sum',
    x: [3],
    nodes: [node('MatMul', ['x', 'w'], ['product']), node('Add', ['b', 'product'], ['z'])],
    weights: [stored('w', [3, 4], 1), stored('b', [4], 2)],
    channels: 4,
    left: ['w', 'b'],
  },
  {
    name: 'a matrix product alone',
    x: [3],
    nodes: [node('MatMul', ['x', 'w'], ['z'])],
    weights: [stored('w', [3, 4], 1)],
    channels: 4,
    left: ['w', 'y.shift'],
  },
  {
    name: 'not a product along another axis',
    x: [4, 3],
    nodes: [node('MatMul', ['x', 'w'], ['z'])],
    weights: [stored('w', [3, 4], 1)],
    channels: 4,
    left: ['w', 'y.scale', 'y.shift', 'y.mean', 'y.variance'],
  },
  {
    name: 'not a weight that is read twice',
    x: [4, 5, 5],
    nodes: [node('Conv', ['x', 'w'], ['first']), node('Conv', ['first', 'w'], ['z'])],
    weights: [stored('w', [4, 4, 2, 2], 1)],
    channels: 4,
    left: ['w', 'y.scale', 'y.shift', 'y.mean', 'y.variance'],
  },
];

test.each(cases)('folded: $name', async ({ x, nodes, weights, channels, left }) => {
  const { node: normalize, initializers } = normalization('z', 'y', channels);
  const graph = {
    inputs: [floats('x', 'n', ...x)],
    initializers: [...weights, ...initializers],
    nodes: [...nodes, normalize],
    outputs: [floats('y')],
  };
  writeFileSync(path, onnxFile(graph));
  const [plain, folded] = [
    await tfk.loadModel(path, { onnx: { batchNormalization: 'fixed' } }),
    await tfk.loadModel(path, { onnx: { batchNormalization: 'folded' } }),
  ];
  expect(folded.weights.map((weight) => weight.name)).toEqual(left);
  const data = normalData([4, ...x], 3);
  const [expected, actual] = [await plain.predict(data), await folded.predict(data)] as tfk.Tensor[];
  expectClose((actual as tfk.Tensor).data, (expected as tfk.Tensor).data, { rtol: 1e-5, atol: 1e-5 }, 'y');
});

test('a model that was exported, trained on afterwards', async () => {
  const original = tfk.sequential([
    tfk.input({ shape: [8, 8, 3] }),
    tfk.layers.conv2d({ filters: 4, kernelSize: 3, useBias: false }),
    tfk.layers.batchNormalization(),
    tfk.layers.depthwiseConv2d({ kernelSize: 3, activation: 'relu' }),
    tfk.layers.batchNormalization(),
    tfk.layers.flatten(),
    tfk.layers.dense({ units: 5 }),
    tfk.layers.batchNormalization(),
  ]);
  original.compile({ optimizer: 'sgd', loss: 'mse' });
  const [x, y] = [normalData([6, 8, 8, 3]), normalData([6, 5], 2)];
  await original.trainOnBatch(x, y); // so that statistics are not 0 and 1
  await original.export(path);
  const live = await tfk.loadModel(path);
  expect(live.trainableWeights).toHaveLength(original.trainableWeights.length);
  expect(live.weights).toHaveLength(original.weights.length);
  expect(
    decodeModel(readFileSync(path)).graph.nodes.filter((n) => n.opType === 'BatchNormalization'),
  ).toHaveLength(3);
  const folded = await tfk.loadModel(path, { onnx: { batchNormalization: 'folded' } });
  // relu stands between the second pair
  expect(folded.weights).toHaveLength(2 + 2 + 4 + 2);
  const [expected, actual] = [await original.predict(x), await folded.predict(x)] as tfk.Tensor[];
  expectClose((actual as tfk.Tensor).data, (expected as tfk.Tensor).data, { rtol: 1e-4, atol: 1e-5 }, 'y');
  folded.compile({ optimizer: 'sgd', loss: 'mse' });
  const losses = [await folded.trainOnBatch(x, y), await folded.trainOnBatch(x, y)].map(({ loss }) => loss);
  expect(losses[1]).toBeLessThan(losses[0] as number);
});
