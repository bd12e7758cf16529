import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Driver, Session, SessionOptions, TensorSpec } from '../../../src/backend/ort/driver.ts';
import { openDriver } from '../../../src/backend/ort/open.ts';
import { allocate, type DType, type TensorData } from '../../../src/core/dtype.ts';
import { BackendError, DtypeError, ShapeError } from '../../../src/errors.ts';
import { withFiles } from '../../data/files.ts';
import { modelBytes } from './models.ts';
import { wasmMemory } from './wasm-memory.ts';

const cpu: SessionOptions = { device: 'cpu', threads: 1 };
const spec = (name: string, dtype: DType, ...shape: number[]): TensorSpec => ({ name, dtype, shape });
const affineInputs = [spec('x', 'float32', 2, 3), spec('w', 'float32', 3, 4), spec('b', 'float32', 4)];
const affineOutputs = [spec('y', 'float32', 2, 4)];
const accumulateInputs = [spec('state', 'float32', 3), spec('delta', 'float32', 3)];
const accumulateOutputs = [spec('next', 'float32', 3), spec('twice', 'float32', 3)];
const [x, w, b] = [
  Float32Array.of(1, 2, 3, 4, 5, 6),
  new Float32Array(12).fill(1),
  Float32Array.of(0, 1, 2, 3),
];
const xwb = [6, 7, 8, 9, 15, 16, 17, 18];

describe.each(['c-api', 'js-api'] as const)('driver %s', (name) => {
  let driver: Driver;
  const open: Session[] = [];
  const load = async (
    model: Parameters<typeof modelBytes>[0],
    inputs: readonly TensorSpec[],
    outputs: readonly TensorSpec[],
    options: SessionOptions = cpu,
  ): Promise<Session> => {
    const session = await driver.createSession(modelBytes(model), inputs, outputs, options);
    open.push(session);
    return session;
  };
  const loadAffine = () => load('affine', affineInputs, affineOutputs);

  beforeAll(async () => {
    driver = await openDriver(name);
  });
  afterAll(() => {
    for (const session of open) session.dispose();
  });

  test('says what it is', () => {
    expect(driver.name).toBe(name);
    expect(driver.version()).toMatch(/^\d+\.\d+\.\d+/);
    expect(driver.devices()).toContain('cpu');
  });

  test('reads and writes the bound arrays at each run', async () => {
    const session = await loadAffine();
    const [input, y] = [x.slice(), new Float32Array(8)];
    const binding = session.bind([input, w, b], [y]);
    await binding.run();
    expect([...y]).toEqual(xwb);
    input.fill(0);
    await binding.run();
    expect([...y]).toEqual([0, 1, 2, 3, 0, 1, 2, 3]);
  });

  test.each([
    ['a view into a longer buffer', () => new Float32Array(new ArrayBuffer(80), 4, 8)],
    ['WebAssembly memory', () => new Float32Array(wasmMemory().buffer, 8, 8)],
    ['shared memory', () => new Float32Array(new SharedArrayBuffer(64), 16, 8)],
  ])('binds %s', async (_what, make) => {
    const session = await loadAffine();
    const [input, y] = [make().subarray(0, 6), make()];
    const binding = session.bind([input, w, b], [y]);
    input.set(x);
    await binding.run();
    expect([...y]).toEqual(xwb);
  });

  test('handles integers, booleans, scalars and empty tensors', async () => {
    const inputs = [
      spec('i64', 'int64', 2),
      spec('flag', 'bool', 3),
      spec('empty', 'float32', 0, 2),
      spec('f64', 'float64'),
      spec('u8', 'uint8', 2, 2),
    ];
    const outputs = inputs.map((input) => ({ ...input, name: `${input.name}Out` }));
    const values: TensorData[] = [
      BigInt64Array.of(-(2n ** 62n), 5n),
      Uint8Array.of(1, 0, 1),
      new Float32Array(0),
      Float64Array.of(1 / 3),
      Uint8Array.of(0, 1, 254, 255),
    ];
    const results = inputs.map(({ dtype }, i) => allocate(dtype, values[i]?.length ?? 0));
    const session = await load('copies', inputs, outputs);
    await session.bind(values, results).run();
    expect(results).toEqual(values);
  });

  test('computes only the outputs asked for', async () => {
    const session = await load('accumulate', accumulateInputs, accumulateOutputs.slice(1));
    const twice = new Float32Array(3);
    await session.bind([Float32Array.of(1, 2, 3), Float32Array.of(1, 1, 1)], [twice]).run();
    expect([...twice]).toEqual([4, 6, 8]);
  });

  test('keeps resident values from run to run', async () => {
    const session = await load('accumulate', accumulateInputs, accumulateOutputs);
    const [state, delta, twice] = [
      Float32Array.of(1, 2, 3),
      new Float32Array(3).fill(1),
      new Float32Array(3),
    ];
    const binding = session.bind([state, delta], [state, twice], { resident: new Map([[0, 0]]) });
    const now = () => {
      const into = new Float32Array(3);
      binding.read(0, into);
      return [...into];
    };
    expect(now()).toEqual([1, 2, 3]);
    for (const expected of [2, 3, 4]) {
      await binding.run();
      expect(now()[0]).toBe(expected);
      expect(twice[0]).toBe(2 * expected);
    }
    binding.write(0, Float32Array.of(10, 20, 30));
    await binding.run();
    expect(now()).toEqual([11, 21, 31]);
    expect([...state]).toEqual([1, 2, 3]);
    expect(() => binding.read(1, delta)).toThrow(/not resident/);
    expect(() => binding.write(0, new Float32Array(2))).toThrow(ShapeError);
  });

  test('refuses residents that do not fit', async () => {
    const session = await load('accumulate', accumulateInputs, accumulateOutputs);
    const bind = (...pairs: [number, number][]) =>
      session.bind([new Float32Array(3), new Float32Array(3)], [new Float32Array(3), new Float32Array(3)], {
        resident: new Map(pairs),
      });
    expect(() => bind([0, 2])).toThrow(/expected an input of the model/);
    expect(() => bind([0, 0], [1, 0])).toThrow(/fed by two outputs/);
  });

  test('refuses arrays that do not fit', async () => {
    const session = await loadAffine();
    expect(() => session.bind([x, w], [new Float32Array(8)])).toThrow(/expected 3 input arrays. Received 2/);
    expect(() => session.bind([x, w, b], [new Float32Array(7)])).toThrow(ShapeError);
    expect(() => session.bind([x, w, b], [new Int32Array(8)])).toThrow(DtypeError);
  });

  test('reports failures of the runtime', async () => {
    const create = driver.createSession(Uint8Array.of(1, 2, 3), [], [], cpu);
    await expect(create).rejects.toThrow(BackendError);
    await expect(create).rejects.toThrow(/ONNX Runtime failed in createSession: .*[Pp]rotobuf/);

    const session = await load(
      'gather',
      [spec('x', 'float32', 3), spec('i', 'int64', 1)],
      [spec('y', 'float32', 1)],
    );
    const [index, y] = [BigInt64Array.of(7n), new Float32Array(1)];
    const binding = session.bind([x.subarray(0, 3), index], [y]);
    await expect(binding.run()).rejects.toThrow(/indices element out of data bounds/);
    index[0] = 2n;
    await binding.run();
    expect(y[0]).toBe(3);
  });

  test('writes a trace', () =>
    withFiles({}, async (folder) => {
      const traced = { ...cpu, profilePrefix: join(folder, 'trace') };
      const session = await load('affine', affineInputs, affineOutputs, traced);
      await session.bind([x, w, b], [new Float32Array(8)]).run();
      const path = session.endProfiling() ?? '';
      expect(path).toMatch(/trace_.*\.json$/);
      const events: { name: string }[] = JSON.parse(readFileSync(path, 'utf8'));
      expect(events.map((e) => e.name)).toContain('model_run');
      expect((await loadAffine()).endProfiling()).toBeUndefined();
    }));

  test('keeps sums and normalizations apart, whose joint kernel is slower', () =>
    withFiles({}, async (folder) => {
      const inputs = [spec('a', 'float32', 1, 2, 2), spec('b', 'float32', 1, 2, 2)];
      const weights = [spec('scale', 'float32', 2), spec('bias', 'float32', 2)];
      const outputs = [spec('y', 'float32', 1, 2, 2)];
      const traced = { ...cpu, profilePrefix: join(folder, 'trace') };
      const session = await load('normalizedSum', [...inputs, ...weights], outputs, traced);
      const y = new Float32Array(4);
      const fed = [
        [1, 2, 0, -1],
        [0, 1, 1, -2],
        [2, 1],
        [0, 1],
      ].map((values) => Float32Array.from(values));
      await session.bind(fed, [y]).run();
      // rows [1, 3] and [1, -3]: (x - mean) / sqrt(variance + epsilon)
      const [first, second] = [1 / Math.sqrt(1.25), 2 / Math.sqrt(4.25)];
      const expected = [-2 * first, first + 1, 2 * second, 1 - second];
      expected.forEach((value, i) => {
        expect(y[i]).toBeCloseTo(value, 5);
      });
      const trace: { args?: { op_name?: string } }[] = JSON.parse(
        readFileSync(session.endProfiling() ?? '', 'utf8'),
      );
      const kernels = new Set(trace.flatMap(({ args }) => args?.op_name ?? []));
      expect([...kernels]).toEqual(['Add', 'LayerNormalization']);
    }));

  test('runs one at a time on a binding', async () => {
    const session = await loadAffine();
    const binding = session.bind([x, w, b], [new Float32Array(8)]);
    const first = binding.run();
    await expect(binding.run()).rejects.toThrow(/is running/);
    await first;
    await binding.run();
  });

  test('dispose waits for a run under way; later use is an error', async () => {
    const session = await loadAffine();
    const y = new Float32Array(8);
    const binding = session.bind([x, w, b], [y]);
    const run = binding.run();
    session.dispose();
    session.dispose();
    await run;
    expect([...y]).toEqual(xwb);
    await expect(binding.run()).rejects.toThrow(/binding was used after its dispose/);
    expect(() => session.bind([x, w, b], [y])).toThrow(/session was used after its dispose/);
    expect(() => session.endProfiling()).toThrow(BackendError);
  });

  test('explains what the device "cuda" lacks', async () => {
    if (driver.devices().includes('cuda')) return;
    const create = load('affine', affineInputs, affineOutputs, { device: 'cuda' });
    await expect(create).rejects.toThrow(
      /Device "cuda" is not available.*cuDNN 9.*ONNXRUNTIME_NODE_INSTALL=cuda12/,
    );
  });

  test('passes config entries on', async () => {
    const options: SessionOptions = {
      ...cpu,
      optimize: 'basic',
      config: { 'session.set_denormal_as_zero': '7' },
    };
    await (await load('affine', affineInputs, affineOutputs, options))
      .bind([x, w, b], [new Float32Array(8)])
      .run();
    const tooLong = { ...cpu, config: { ['k'.repeat(5000)]: '' } };
    await expect(load('affine', affineInputs, affineOutputs, tooLong)).rejects.toThrow(/key/i);
  });
});
