import { beforeAll, describe, expect, test } from '@jest/globals';
import type { Backend, Executable } from '../../src/backend/backend.ts';
import { backendNames, getBackend, registerBackend } from '../../src/backend/registry.ts';
import { tensor } from '../../src/core/tensor.ts';
import { BackendError, ConfigError, DataError, DtypeError, ShapeError } from '../../src/errors.ts';
import { type Graph, input, withScope } from '../../src/ir/graph.ts';
import { apply, defineOp, noAttrs } from '../../src/ir/op.ts';
import { normal } from '../../src/ir/samples.ts';
import { add, matmul, mul } from '../../src/ops/index.ts';

/** `count' = count + x`, `y = count * 2`. */
function counter(): Graph {
  const count = input('count', { dtype: 'float32', shape: [2] });
  const x = input('x', { dtype: 'float32', shape: [2] });
  return {
    name: 'counter',
    inputs: [count, x],
    outputs: [
      { name: 'count', value: add(count, x) },
      { name: 'y', value: mul(count, 2) },
    ],
  };
}

/** Claims a shape that the native runtime disproves. */
const liar = defineOp({
  name: 'test.liar',
  inputs: { x: { dtypes: ['float32'], differentiable: false } },
  attrs: noAttrs,
  infer: () => ({ dtype: 'float32', shape: [3] }),
  lower: ({ x }, _attrs, emit) => emit.op('Relu', [x]),
  vjp: 'nondifferentiable',
  reference: () => new Float64Array(3),
  samples: [{ inputs: { x: normal([2]) } }],
});

describe.each(['onnxruntime', 'reference'])('backend %s', (name) => {
  let backend: Backend;
  let executable: Executable;
  beforeAll(async () => {
    backend = await getBackend(name);
    executable = await backend.compile(counter());
  });

  test('has a name and a CPU', () => {
    expect(backend.name).toBe(name);
    expect(backend.devices()).toContain('cpu');
  });

  test('runs on tensors', async () => {
    const [count, y] = await executable.run([tensor([1, 2]), tensor([10, 20])]);
    expect(count?.array()).toEqual([11, 22]);
    expect(y?.array()).toEqual([2, 4]);
    expect(executable.inputs.map((spec) => spec.name)).toEqual(['count', 'x']);
    expect(executable.outputs.map((spec) => spec.shape)).toEqual([[2], [2]]);
  });

  test('runs on bound arrays in place', async () => {
    const [x, next, y] = [Float32Array.of(1, 1), new Float32Array(2), new Float32Array(2)];
    const binding = executable.bind([Float32Array.of(5, 6), x], [next, y]);
    await binding.run();
    expect([...next]).toEqual([6, 7]);
    x.set([2, 3]);
    await binding.run();
    expect([...next]).toEqual([7, 9]);
    binding.dispose();
  });

  test('keeps residents from run to run', async () => {
    const unwritten = new Float32Array(2);
    const y = new Float32Array(2);
    const resident = new Map([[0, 0]]);
    const binding = executable.bind([Float32Array.of(1, 2), Float32Array.of(1, 1)], [unwritten, y], {
      resident,
    });
    await binding.run();
    await binding.run();
    const now = new Float32Array(2);
    binding.read(0, now);
    expect([...now]).toEqual([3, 4]);
    expect([...y]).toEqual([4, 6]);
    binding.write(0, Float32Array.of(7, 8));
    await binding.run();
    expect([...y]).toEqual([14, 16]);
    expect([...unwritten]).toEqual([0, 0]);
    expect(() => binding.read(1, now)).toThrow(BackendError);
    binding.dispose();
  });

  test('refuses tensors that do not fit', async () => {
    await expect(executable.run([tensor([1, 2])])).rejects.toThrow(DataError);
    await expect(executable.run([tensor([1, 2]), tensor([1])])).rejects.toThrow(ShapeError);
    await expect(executable.run([tensor([1, 2]), tensor([1n, 2n])])).rejects.toThrow(DtypeError);
    await expect(executable.run([tensor([1, 2]), tensor([1])])).rejects.toThrow(
      'run: input "x" is float32[2]. Received float32[1].',
    );
  });
});

describe('failures of the native runtime', () => {
  test('name the layer when a graph is refused', async () => {
    const x = input('x', { dtype: 'float32', shape: [2] });
    const lie = withScope('model/odd', () => apply(liar, { x }, {}));
    const w = input('w', { dtype: 'float32', shape: [3] });
    const value = withScope('model/head', () => matmul(lie, w));
    const graph = { name: 'g', inputs: [x, w], outputs: [{ name: 'y', value }] };
    const backend = await getBackend();
    const failure = backend.compile(graph).then((e) => e.run([tensor([1, 2]), tensor([1, 2, 3])]));
    await expect(failure).rejects.toThrow(BackendError);
    await expect(failure).rejects.toThrow(expect.objectContaining({ layerPath: 'model/head' }));
  });
});

describe('registry', () => {
  test('knows the backends and suggests a name', async () => {
    expect(backendNames()).toEqual(['onnxruntime', 'reference']);
    await expect(getBackend('onnxruntim')).rejects.toThrow(ConfigError);
    await expect(getBackend('onnxruntim')).rejects.toThrow('Did you mean "onnxruntime"?');
  });

  test('loads a backend once', async () => {
    let loads = 0;
    const reference = await getBackend('reference');
    registerBackend('counted', async () => {
      loads++;
      return reference;
    });
    await Promise.all([getBackend('counted'), getBackend('counted')]);
    expect(loads).toBe(1);
  });

  test('the reference has no device but the CPU', async () => {
    const backend = await getBackend('reference');
    await expect(backend.compile(counter(), { device: 'cuda' })).rejects.toThrow(BackendError);
  });
});
