import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { referenceModels } from '../../models/index.ts';
import * as tfk from '../../src/index.ts';
import { type AttributeProto, type DimProto, decodeModel, encodeModel } from '../../src/onnx/proto.ts';
import { protoFromTensor } from '../../src/onnx/tensors.ts';
import { expectClose } from '../helpers/close.ts';
import { emptyGraph, floats, node, onnxFile } from '../helpers/onnx-files.ts';
import { normalData } from '../helpers/small-models.ts';

const folder = mkdtempSync(join(tmpdir(), 'tfk-import-'));
afterAll(() => rmSync(folder, { recursive: true }));
const at = (name: string): string => join(folder, name);

const predictions = async (model: tfk.Model, x: readonly tfk.Tensor[]): Promise<tfk.Tensor[]> =>
  [await model.predict(x, { verbose: 0 })].flat();

async function expectSame(a: tfk.Model, b: tfk.Model, x: readonly tfk.Tensor[], atol = 1e-5): Promise<void> {
  const [ours, theirs] = [await predictions(a, x), await predictions(b, x)];
  for (const [i, y] of ours.entries()) {
    expect(theirs[i]?.shape).toEqual(y.shape);
    expectClose((theirs[i] as tfk.Tensor).data, y.data, { rtol: 1e-4, atol }, `output ${i}`);
  }
}

describe('ONNX as a model', () => {
  const small = Object.entries(referenceModels).filter(([name]) => name !== 'resnet20');
  test.each(small)('%s comes back, can be trained, saved and exported again', async (name, reference) => {
    const original = reference.build();
    await original.export(at(`${name}.onnx`));
    const model = await tfk.loadModel(at(`${name}.onnx`));
    const { x, y } = reference.batch(4);
    await expectSame(original, model, x);
    expect(model.inputNames).toEqual(original.inputNames);
    expect(model.outputNames).toEqual(original.outputNames);
    expect(model.inputs.map(({ shape }) => shape)).toEqual(original.inputs.map(({ shape }) => shape));
    model.compile({ ...reference.compile, optimizer: { type: 'sgd', learningRate: 1e-3 } });
    const first = await model.trainOnBatch(x, y);
    expect(Number.isFinite(first.loss)).toBe(true);
    await model.save(at(`${name}.keras`));
    const again = await tfk.loadModel(at(`${name}.keras`));
    await expectSame(model, again, x, 0);
    await again.export(at(`${name}-again.onnx`));
    await expectSame(model, await tfk.loadModel(at(`${name}-again.onnx`)), x);
    for (const m of [original, model, again]) m.dispose();
  });

  test('cut at a named value, with a new head on a frozen body', async () => {
    const original = tfk.sequential([
      tfk.input({ shape: [4], name: 'x' }),
      tfk.layers.dense({ units: 5, activation: 'tanh', name: 'body' }),
      tfk.layers.dense({ units: 2, name: 'head' }),
    ]);
    await original.export(at('cut.onnx'));
    const { graph } = decodeModel(readFileSync(at('cut.onnx')));
    const tanh = graph.nodes.find(({ opType }) => opType === 'Tanh')?.outputs[0] as string;
    const body = await tfk.loadModel(at('cut.onnx'), { onnx: { outputs: [tanh], freeze: ['/kernel$'] } });
    expect(
      body.weights.map(({ name, trainable }) => [name.split('/').slice(-2).join('/'), trainable]),
    ).toEqual([
      ['body/kernel', false],
      ['body/bias', true],
    ]);
    const y = tfk.layers.dense({ units: 3 }).apply(body.outputs[0] as tfk.SymbolicTensor);
    const model = tfk.model({ inputs: [...body.inputs], outputs: y });
    expect(model.summary({ print: null })).toContain('(OnnxGraph)');
    const [kernel, bias] = model.getWeights().map(({ data }) => data);
    model.compile({ optimizer: 'sgd', loss: 'mse' });
    await model.trainOnBatch(normalData([6, 4]), normalData([6, 3], 2));
    const after = model.getWeights().map(({ data }) => data);
    expect(after[0]).toEqual(kernel);
    expect(after[1]).not.toEqual(bias);
    await model.save(at('cut.keras'));
    const again = await tfk.loadModel(at('cut.keras'));
    expect(again.trainableWeights).toHaveLength(3);
    await expect(tfk.loadModel(at('cut.onnx'), { onnx: { outputs: ['nothing'] } })).rejects.toThrow(
      /"nothing"/,
    );
  });

  test('batch normalization is live, as in Keras, unless asked or frozen', async () => {
    const file = onnxFile({
      inputs: [floats('x', 'n', 2)],
      initializers: ['scale', 'offset', 'mean', 'variance'].map((name, i) =>
        protoFromTensor(name, tfk.tensor(i % 2 === 0 ? [1, 2] : [3, 4])),
      ),
      nodes: [node('BatchNormalization', ['x', 'scale', 'offset', 'mean', 'variance'], ['y'])],
      outputs: [floats('y')],
    });
    await writeFile(at('bn.onnx'), file);
    const x = tfk.tensor([
      [1, 2],
      [3, 6],
    ]);
    const statistics = async (onnx: object, freeze = false) => {
      const model = await tfk.loadModel(at('bn.onnx'), { onnx });
      expect(model.trainableWeights.map(({ name }) => name).slice(0, 2)).toEqual(['scale', 'offset']);
      if (freeze) model.trainable = false;
      model.compile({ optimizer: { type: 'sgd', learningRate: 0 }, loss: 'mse' });
      await model.trainOnBatch(x, x);
      return model.weights.filter(({ name }) => /mean|variance/.test(name)).map((w) => [...w.read().data]);
    };
    // 0.9 old + 0.1 of the batch, whose means are 2 and 4, variances 1 and 4
    const moved = await statistics({});
    expectClose(
      Float32Array.from(moved.flat().map(Number)),
      [1.1, 2.2, 2.8, 4],
      { rtol: 1e-6, atol: 0 },
      'moved',
    );
    expect(await statistics({ batchNormalization: 'fixed' })).toEqual([
      [1, 2],
      [3, 4],
    ]);
    expect(await statistics({}, true)).toEqual([
      [1, 2],
      [3, 4],
    ]);
  });

  test('a batch size that the file fixes is opened, reshapes that name it included', async () => {
    const file = onnxFile({
      inputs: [floats('x', 2, 6)],
      initializers: [
        protoFromTensor('shape', tfk.tensor([2n, 3n, 2n])),
        protoFromTensor('w', tfk.tensor([[1], [2]])),
        protoFromTensor('flat', tfk.tensor([2n, -1n])),
      ],
      nodes: [
        node('Reshape', ['x', 'shape'], ['folded']),
        node('MatMul', ['folded', 'w'], ['product']),
        node('Reshape', ['product', 'flat'], ['y']),
      ],
      outputs: [floats('y', 2, 3)],
    });
    await writeFile(at('fixed.onnx'), file);
    const model = await tfk.loadModel(at('fixed.onnx'));
    expect(model.inputs[0]?.shape).toEqual([null, 6]);
    const y = (await model.predict(
      [
        [1, 1, 1, 1, 1, 1],
        [0, 1, 0, 1, 0, 1],
        [1, 0, 0, 0, 0, 2],
      ],
      { verbose: 0 },
    )) as tfk.Tensor;
    expect(y.array()).toEqual([
      [3, 3, 3],
      [2, 2, 2],
      [1, 0, 4],
    ]);
    await model.save(at('fixed.keras'));
    expect((await tfk.loadModel(at('fixed.keras'))).inputs[0]?.shape).toEqual([null, 6]);
  });

  test('a batch size that the graph needs stays', async () => {
    const file = onnxFile({
      inputs: [floats('x', 2, 3)],
      initializers: [protoFromTensor('w', tfk.tensor([[1, 2]]))],
      nodes: [node('MatMul', ['w', 'x'], ['y'])],
      outputs: [floats('y', 1, 3)],
    });
    await writeFile(at('needed.onnx'), file);
    expect((await tfk.loadModel(at('needed.onnx'))).inputs[0]?.shape).toEqual([2, 3]);
  });

  test('single numbers and constants that shapes depend on stay as they are; other constant nodes are weights', async () => {
    const constantNode = (name: string, value: tfk.Tensor) =>
      node('Constant', [], [name], [{ name: 'value', type: 'tensor', value: protoFromTensor('', value) }]);
    const file = onnxFile({
      inputs: [floats('x', 'n', 1, 2, 2)],
      nodes: [
        constantNode('scales', tfk.tensor([1, 1, 2, 2])),
        constantNode('roi', tfk.tensor(new Float32Array(0), [0])),
        constantNode('factor', tfk.tensor([3, 4, 5, 6])),
        constantNode('one', tfk.tensor([1])),
        node('Resize', ['x', 'roi', 'scales'], ['large']),
        node('Mul', ['large', 'factor'], ['z']),
        node('Add', ['z', 'one'], ['y']),
      ],
      outputs: [floats('y')],
    });
    await writeFile(at('resize.onnx'), file);
    const model = await tfk.loadModel(at('resize.onnx'));
    expect(model.weights.map(({ name }) => name)).toEqual(['factor']);
    expect(model.outputs[0]?.shape).toEqual([null, 1, 4, 4]);
  });

  test('a branch whose condition is known is taken in place', async () => {
    const branch = (name: string, opType: string): AttributeProto => ({
      name,
      type: 'graph',
      value: { ...emptyGraph, nodes: [node(opType, ['x', 'w'], ['inner'])], outputs: [floats('inner')] },
    });
    const file = onnxFile({
      inputs: [floats('x', 'n', 3)],
      initializers: [
        protoFromTensor('w', tfk.tensor([2, 3, 4])),
        protoFromTensor('three', tfk.tensor(3n, [])),
        protoFromTensor('axis', tfk.tensor(1n, [])),
      ],
      nodes: [
        node('Shape', ['x'], ['shape']),
        node('Gather', ['shape', 'axis'], ['width']),
        node('Equal', ['width', 'three'], ['isThree']),
        node('If', ['isThree'], ['y'], [branch('then_branch', 'Mul'), branch('else_branch', 'Unheard')]),
      ],
      outputs: [floats('y')],
    });
    await writeFile(at('if.onnx'), file);
    const model = await tfk.loadModel(at('if.onnx'));
    expect(((await model.predict([[1, 1, 2]], { verbose: 0 })) as tfk.Tensor).array()).toEqual([[2, 3, 8]]);
    expect(model.countParams()).toBe(3);
  });

  test('a branch that the data choose is trained where it is taken', async () => {
    const branch = (name: string, opType: string): AttributeProto => ({
      name,
      type: 'graph',
      value: { ...emptyGraph, nodes: [node(opType, ['x', 'w'], ['inner'])], outputs: [floats('inner')] },
    });
    const file = onnxFile({
      inputs: [floats('x', 'n', 1)],
      initializers: [protoFromTensor('w', tfk.tensor([2])), protoFromTensor('zero', tfk.tensor(0, []))],
      nodes: [
        node('ReduceSum', ['x'], ['sum'], [{ name: 'keepdims', type: 'int', value: 0n }]),
        node('Greater', ['sum', 'zero'], ['isPositive']),
        node('If', ['isPositive'], ['y'], [branch('then_branch', 'Mul'), branch('else_branch', 'Add')]),
      ],
      outputs: [floats('y', 'n', 1)],
    });
    await writeFile(at('choice.onnx'), file);
    const model = await tfk.loadModel(at('choice.onnx'));
    model.compile({ optimizer: { type: 'sgd', learningRate: 0.1 }, loss: 'mse' });
    const weight = () => model.getWeights()[0]?.data[0];
    await model.trainOnBatch(tfk.tensor([[3]]), tfk.tensor([[0]])); // 2 - 0.1 * 2 (3 * 2) 3
    expect(weight()).toBeCloseTo(-1.6, 5);
    await model.trainOnBatch(tfk.tensor([[-1]]), tfk.tensor([[0]])); // -1.6 - 0.1 * 2 (-1.6 - 1)
    expect(weight()).toBeCloseTo(-1.08, 5);
  });

  test('weights beside the file are read, but nothing outside of its folder', async () => {
    const model = tfk.sequential([tfk.input({ shape: [64] }), tfk.layers.dense({ units: 33 })]);
    await model.export(at('apart.onnx'), { externalData: true });
    await expectSame(model, await tfk.loadModel(at('apart.onnx')), [normalData([2, 64])]);
    const proto = decodeModel(readFileSync(at('apart.onnx')));
    for (const external of [
      { location: '../apart.onnx.data' },
      { location: '/etc/passwd' },
      { location: '.' },
      { location: 'apart.onnx.data', offset: '99999999' },
    ]) {
      const initializers = proto.graph.initializers.map((t) => (t.external ? { ...t, external } : t));
      await writeFile(at('escape.onnx'), encodeModel({ ...proto, graph: { ...proto.graph, initializers } }));
      await expect(tfk.loadModel(at('escape.onnx'))).rejects.toThrow(tfk.TfkError);
    }
  });

  test('options that fit no input, and inputs that no model has, are refused', async () => {
    const file = (shape: DimProto[] | undefined) =>
      onnxFile({
        inputs: [{ name: 'x', type: { kind: 'tensor', elementType: 1, ...(shape && { shape }) } }],
        nodes: [node('Relu', ['x'], ['y'])],
        outputs: [floats('y')],
      });
    await writeFile(at('relu.onnx'), file(undefined));
    await expect(tfk.loadModel(at('relu.onnx'))).rejects.toThrow(/inputShapes/);
    const model = await tfk.loadModel(at('relu.onnx'), { onnx: { inputShapes: { x: [null, 2] } } });
    expect(model.outputs[0]?.shape).toEqual([null, 2]);
    await expect(tfk.loadModel(at('relu.onnx'), { onnx: { inputShapes: { z: [1] } } })).rejects.toThrow(
      /no input "z"/,
    );
    await writeFile(at('relu.onnx'), file([]));
    await expect(tfk.loadModel(at('relu.onnx'))).rejects.toThrow(/scalar/);
    await writeFile(at('text.onnx'), 'no model');
    await expect(tfk.loadModel(at('text.onnx'))).rejects.toThrow(tfk.FormatError);
  });
});
