import { describe, expect, test } from '@jest/globals';
import { tensor } from '../../src/core/tensor.ts';
import { FormatError } from '../../src/errors.ts';
import { constantOf } from '../../src/ir/graph.ts';
import {
  type AttributeProto,
  type DimProto,
  encodeModel,
  type GraphProto,
  type NodeProto,
  type TypeProto,
} from '../../src/onnx/proto.ts';
import { readModel } from '../../src/onnx/read.ts';
import { protoFromTensor } from '../../src/onnx/tensors.ts';
import { onnxReaders } from '../../src/ops/onnx-readers.ts';
import { emptyGraph } from '../helpers/onnx-files.ts';

const readers = onnxReaders();

const node = (
  opType: string,
  inputs: string[],
  outputs: string[],
  attributes: AttributeProto[] = [],
): NodeProto => ({ name: `the ${opType}`, domain: '', opType, inputs, outputs, attributes });

const floats = (name: string, ...dims: DimProto[]) => ({
  name,
  type: { kind: 'tensor', elementType: 1, shape: dims } satisfies TypeProto,
});

const model = (graph: Partial<GraphProto>, version = 13): Uint8Array =>
  encodeModel({
    irVersion: 8,
    opsetImports: [{ domain: '', version }],
    producerName: '',
    producerVersion: '',
    domain: '',
    modelVersion: 0,
    graph: { ...emptyGraph, ...graph },
    metadataProps: [],
    functions: 0,
    trainingInfos: 0,
  });

const reshaped = model({
  inputs: [floats('x', 'batch', 4)],
  initializers: [protoFromTensor('shape', tensor([-1n, 2n])), protoFromTensor('w', tensor([1, 2]))],
  nodes: [
    node('Add', ['shape', 'shape'], ['twice']),
    node('Sub', ['twice', 'shape'], ['once']),
    node('Reshape', ['x', 'once'], ['pairs']),
    node('Mul', ['pairs', 'w'], ['y']),
  ],
  outputs: [floats('y')],
});

describe('readModel', () => {
  test('folds constant inputs, keeps initializers by name, sizes symbolic dimensions', () => {
    const { graph, initializers } = readModel(reshaped, readers, { dims: { batch: 3 } });
    expect(graph.outputs[0]?.value.shape).toEqual([6, 2]);
    expect([...initializers.keys()]).toEqual(['shape', 'w']);
    expect(constantOf(initializers.get('w') ?? graph.inputs[0] ?? never())?.array()).toEqual([1, 2]);
  });

  test('fixes inputs that shapes depend on', () => {
    const bytes = model({
      inputs: [floats('x', 4), { name: 's', type: { kind: 'tensor', elementType: 7, shape: [2] } }],
      nodes: [node('Reshape', ['x', 's'], ['y'])],
      outputs: [floats('y')],
    });
    expect(() => readModel(bytes, readers)).toThrow(expect.objectContaining({ argument: 's' }));
    const { graph } = readModel(bytes, readers, { constants: { s: tensor([2n, 2n]) } });
    expect(graph.inputs).toHaveLength(1);
    expect(graph.outputs[0]?.value.shape).toEqual([2, 2]);
  });

  const xy = { inputs: [floats('x', 2, 3)], outputs: [floats('y')] };
  test.each([
    ['a symbolic size that is not given', reshaped, /axis 0 of input "x" has no size.*"batch": 1/],
    ['an unnamed size', model({ inputs: [floats('x', null)] }), /"x\.0": 1/],
    [
      'all unknown node types at once',
      model({ ...xy, nodes: [node('Foo', ['x'], ['a']), node('Bar', ['a'], ['y'])] }),
      /Foo \(node "the Foo"\), Bar \(node "the Bar"\)/,
    ],
    [
      'an undefined value',
      model({ ...xy, nodes: [node('Relu', ['z'], ['y'])] }),
      /"z" before node "the Relu"/,
    ],
    [
      'a value defined twice',
      model({ ...xy, nodes: [node('Relu', ['x'], ['y']), node('Relu', ['x'], ['y'])] }),
      /"y" once/,
    ],
    ['an undefined output', model(xy), /"y" before the graph/],
    ['a missing input', model({ ...xy, nodes: [node('Relu', [''], ['y'])] }), /"the Relu" \(Relu\): input 0/],
    [
      'what an op refuses',
      model({ ...xy, nodes: [node('MatMul', ['x', 'x'], ['y'])] }),
      /node "the MatMul" \(MatMul\): matmul/,
    ],
    [
      'an attribute of the wrong type',
      model({
        ...xy,
        nodes: [node('Transpose', ['x'], ['y'], [{ name: 'perm', type: 'string', value: 'no' }])],
      }),
      /attribute "perm" must be of type ints, not string/,
    ],
    ['an old operator set', model(xy, 6), /operator set 7 to 21. Received 6/],
    ['data outside the file', model({ initializers: [external()] }), /stored outside the model, in "w.bin"/],
  ])('refuses %s', (_what, bytes, message) => {
    expect(() => readModel(bytes, readers)).toThrow(FormatError);
    expect(() => readModel(bytes, readers)).toThrow(message);
  });
});

function external() {
  return { ...protoFromTensor('w', tensor([1])), external: { location: 'w.bin' } };
}

function never(): never {
  throw new Error('the graph lost its values');
}
