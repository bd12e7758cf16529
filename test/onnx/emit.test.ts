import { describe, expect, test } from '@jest/globals';
import { scalar, tensor } from '../../src/core/tensor.ts';
import { InternalError } from '../../src/errors.ts';
import { constant, type Graph, input, type Value, withScope } from '../../src/ir/graph.ts';
import { apply, defineOp, noAttrs } from '../../src/ir/op.ts';
import { normal } from '../../src/ir/samples.ts';
import { emitModel } from '../../src/onnx/emit.ts';
import { decodeModel } from '../../src/onnx/proto.ts';
import { add, clip, relu } from '../../src/ops/index.ts';

const float2 = { dtype: 'float32', shape: [2] } as const;
const graphOf = (inputs: Value[], outputs: Record<string, Value>): Graph => ({
  name: 'g',
  inputs,
  outputs: Object.entries(outputs).map(([name, value]) => ({ name, value })),
});
const emitted = (graph: Graph) => {
  const model = emitModel(graph, { target: 'standard' });
  return { ...model, proto: decodeModel(model.bytes).graph };
};

describe('emitModel', () => {
  test('names nodes by layer path and computes outputs under their own names', () => {
    const x = input('x', float2);
    const y = withScope('model', () => withScope('dense', () => relu(add(relu(x), x))));
    const { proto, nodeScopes } = emitted(graphOf([x], { y }));
    expect(proto.nodes.map((node) => node.name)).toEqual([
      'model/dense/Relu',
      'model/dense/Add',
      'model/dense/Relu_1',
    ]);
    expect(proto.nodes.at(-1)?.outputs).toEqual(['y']);
    expect([...new Set(nodeScopes.values())]).toEqual(['model/dense']);
  });

  test('routes outputs that are inputs, constants or used twice through Identity', () => {
    const x = input('x', float2);
    const y = relu(x);
    const { proto, inputNames, outputNames } = emitted(
      graphOf([x], { x, y, again: y, c: constant(tensor([1, 2])) }),
    );
    expect(inputNames).toEqual(['x']);
    expect(outputNames).toEqual(['x_1', 'y', 'again', 'c']);
    expect(proto.nodes.map((node) => [node.opType, node.outputs[0]])).toEqual([
      ['Relu', 'y'],
      ['Identity', 'x_1'],
      ['Identity', 'again'],
      ['Identity', 'c'],
    ]);
  });

  test('shares equal constants of lowerings, but not 0 and -0', () => {
    const x = input('x', float2);
    const { proto } = emitted(graphOf([x], { a: clip(x, 0, 1), b: clip(x, 0, 2), c: clip(x, -0, 3) }));
    expect(proto.initializers.map((t) => new Float32Array(t.data.buffer)[0])).toEqual([0, 1, 2, -0, 3]);
  });

  test('stores constants byte for byte', () => {
    const weights = tensor(Float32Array.from({ length: 5000 }, (_, i) => i));
    const { proto } = emitted(graphOf([], { w: constant(weights), s: constant(scalar(3, 'int64')) }));
    expect(proto.initializers.map((t) => t.dims)).toEqual([[5000], []]);
    expect(new Float32Array(proto.initializers[0]?.data.buffer ?? new ArrayBuffer(0))).toEqual(weights.data);
  });

  test('writes subgraphs with names of their own and imports domains', () => {
    const inner = input('x', float2);
    const body = graphOf([inner], { y: relu(inner) });
    const host = defineOp({
      name: 'test.subgraph',
      inputs: { x: { dtypes: ['float32'], differentiable: false } },
      attrs: noAttrs,
      infer: ({ x }) => x,
      lower: ({ x }, _attrs, emit) => emit.op('Apply', [x, undefined], { body: { graph: body } }, 'com.test'),
      vjp: 'nondifferentiable',
      reference: ({ x }) => x.data,
      samples: [{ inputs: { x: normal([2]) } }],
    });
    const x = input('x', float2);
    const graph = graphOf([x], { y: apply(host, { x }, {}) });
    const { graph: proto, opsetImports } = decodeModel(emitModel(graph, { target: 'runtime' }).bytes);
    const [node] = proto.nodes;
    expect(node?.inputs).toEqual(['x']);
    const attribute = node?.attributes[0];
    if (attribute?.type !== 'graph') throw new Error('no subgraph was written');
    expect(attribute.value.inputs[0]?.name).toBe('g/x');
    expect(attribute.value.nodes[0]).toMatchObject({ inputs: ['g/x'], outputs: ['g/y'] });
    expect(opsetImports).toEqual([
      { domain: '', version: 17 },
      { domain: 'com.test', version: 1 },
    ]);
    expect(() => emitModel(graph, { target: 'standard' })).toThrow(InternalError);
  });
});
