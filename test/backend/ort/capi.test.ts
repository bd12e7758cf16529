import { afterAll, describe, expect, test } from '@jest/globals';
import { cApiDriver } from '../../../src/backend/ort/capi.ts';
import type { Session, SessionOptions } from '../../../src/backend/ort/driver.ts';
import { jsApiDriver } from '../../../src/backend/ort/js-api.ts';
import { findLibrary } from '../../../src/backend/ort/library.ts';
import { logLevel } from '../../../src/backend/ort/log-level.ts';
import { BackendError } from '../../../src/errors.ts';
import { modelBytes } from './models.ts';
import { wasmMemory } from './wasm-memory.ts';

const driver = cApiDriver();
const open: Session[] = [];
afterAll(() => {
  for (const session of open) session.dispose();
});

const float = (name: string, ...shape: number[]) => ({ name, dtype: 'float32', shape }) as const;
async function affine(options: Partial<SessionOptions> = {}): Promise<Session> {
  const inputs = [float('x', 2, 3), float('w', 3, 4), float('b', 4)];
  const settings = { device: 'cpu', threads: 1, ...options } as const;
  const session = await driver.createSession(modelBytes('affine'), inputs, [float('y', 2, 4)], settings);
  open.push(session);
  return session;
}
const ones = () => [new Float32Array(6).fill(1), new Float32Array(12).fill(1), new Float32Array(4).fill(1)];

/** `sin`, `n` times; about a second for a million. */
async function loop(n: bigint, y = new Float32Array(1024)) {
  const inputs = [{ name: 'n', dtype: 'int64', shape: [] }, float('x', 1024)] as const;
  const session = await driver.createSession(modelBytes('loop'), inputs, [float('y', 1024)], {
    device: 'cpu',
  });
  open.push(session);
  const trips = BigInt64Array.of(n);
  return { binding: session.bind([trips, new Float32Array(1024).fill(1)], [y]), trips, y };
}

describe('c-api', () => {
  test('runSync computes before it returns', async () => {
    const session = await affine();
    const y = new Float32Array(8);
    const binding = session.bind(ones(), [y]);
    binding.runSync();
    expect([...y]).toEqual(new Array(8).fill(4));
    const run = binding.run();
    expect(() => binding.runSync()).toThrow(/is running/);
    expect(() => binding.read(0, y)).toThrow(/is running/);
    await run;
  });

  test('a session runs on arrays that it does not keep', async () => {
    const session = await affine();
    const y = new Float32Array(8);
    for (let i = 0; i < 100; i++) session.runSync(ones(), [y.fill(0)]);
    expect([...y]).toEqual(new Array(8).fill(4));
    const short = [...ones().slice(0, 2), new Float32Array(3)];
    expect(() => session.runSync(short, [y])).toThrow(/input "b" is float32\[4\].*3 elements/);
    expect(() => session.runSync(ones(), [new Float64Array(8)])).toThrow(/expected a Float32Array/);
    expect(() => session.runSync(ones(), [])).toThrow(/expected 1 output arrays/);
    session.runSync(ones(), [y.fill(0)]);
    expect([...y]).toEqual(new Array(8).fill(4));
    session.dispose();
    expect(() => session.runSync(ones(), [y])).toThrow(/used after its dispose/);
  });

  test('run leaves the event loop free, and cancel stops it', async () => {
    const { binding, trips, y } = await loop(2n ** 40n);
    let ticks = 0;
    const timer = setInterval(() => {
      ticks += 1;
      if (ticks === 10) binding.cancel();
    }, 1);
    await expect(binding.run()).rejects.toThrow('The run was cancelled.');
    clearInterval(timer);
    expect(ticks).toBeGreaterThanOrEqual(10);
    trips[0] = 1n;
    binding.cancel();
    await binding.run();
    expect(y[0]).toBeCloseTo(Math.sin(1), 6);
  });

  test('a cancelled run leaves the residents as they were', async () => {
    const inputs = [{ name: 'n', dtype: 'int64', shape: [] }, float('x', 1024)] as const;
    const session = await driver.createSession(modelBytes('loop'), inputs, [float('y', 1024)], {
      device: 'cpu',
    });
    open.push(session);
    const [trips, x, now] = [
      BigInt64Array.of(2n ** 40n),
      new Float32Array(1024).fill(1),
      new Float32Array(1024),
    ];
    const binding = session.bind([trips, x], [x], { resident: new Map([[0, 1]]) });
    const run = binding.run();
    setTimeout(() => binding.cancel(), 5);
    await expect(run).rejects.toThrow(BackendError);
    binding.read(1, now);
    expect(now).toEqual(x);
    trips[0] = 1n;
    binding.runSync();
    binding.read(1, now);
    expect(now[0]).toBeCloseTo(Math.sin(1), 6);
  });

  test('sessions run at the same time', async () => {
    const runs = await Promise.all([loop(20_000n), loop(20_000n), loop(1n)]);
    await Promise.all(runs.map(({ binding }) => binding.run()));
    expect(runs[0].y).toEqual(runs[1].y);
    expect(runs[2].y[0]).toBeCloseTo(Math.sin(1), 6);
  });

  test('refuses to run on detached memory', async () => {
    const session = await affine();
    const memory = wasmMemory();
    const binding = session.bind(ones(), [new Float32Array(memory.buffer, 0, 8)]);
    binding.runSync();
    memory.grow(1);
    expect(() => binding.runSync()).toThrow(/array was detached.*Bind the new memory/);
  });

  test('a spec that contradicts the model is an error, not a crash', async () => {
    const inputs = [float('x', 2, 3), float('w', 3, 4), float('b', 4)];
    const y = { name: 'y', dtype: 'float32', shape: [2, 4] } as const;
    const wrong = [
      { ...y, dtype: 'int32', array: new Int32Array(8) },
      { ...y, dtype: 'float64', array: new Float64Array(8) },
      { ...y, shape: [2, 3], array: new Float32Array(6) },
      { ...y, name: 'z', array: new Float32Array(8) },
    ] as const;
    for (const { array, ...spec } of wrong) {
      const session = await driver.createSession(modelBytes('affine'), inputs, [spec], {
        device: 'cpu',
        threads: 1,
      });
      open.push(session);
      expect(() => session.bind(ones(), [array]).runSync()).toThrow(BackendError);
      expect(() => session.runSync(ones(), [array])).toThrow(BackendError);
    }
  });

  test('keeps small arrays in place while nothing else refers to them', async () => {
    const session = await affine();
    const y = new Float32Array(8);
    const binding = session.bind(ones(), [y]);
    for (let i = 0; i < 50; i += 1) {
      new Array(50_000).fill({});
      await binding.run();
      expect(y[0]).toBe(4);
      y.fill(0);
    }
  });

  test('releases what bindings hold', async () => {
    const session = await affine();
    const cycle = (count: number) => {
      for (let i = 0; i < count; i += 1) {
        const binding = session.bind(ones(), [new Float32Array(8)]);
        binding.runSync();
        binding.dispose();
      }
    };
    cycle(1000);
    const before = process.memoryUsage().rss;
    cycle(2000);
    expect(process.memoryUsage().rss - before).toBeLessThan(24 << 20);
  });
});

test('js-api says what it cannot do', async () => {
  const js = await jsApiDriver();
  const inputs = [float('x', 2, 3), float('w', 3, 4), float('b', 4)];
  const session = await js.createSession(modelBytes('affine'), inputs, [float('y', 2, 4)], { device: 'cpu' });
  open.push(session);
  const binding = session.bind(ones(), [new Float32Array(8)]);
  await expect(
    js.createSession(modelBytes('affine'), inputs, [], { device: 'cuda', deterministic: true }),
  ).rejects.toThrow(/"deterministic" on "cuda" needs the C API driver/);
  expect([session.canRunSync, session.canCancel]).toEqual([false, false]);
  expect(() => binding.runSync()).toThrow(/runSync needs the C API driver/);
  expect(() => session.runSync(ones(), [])).toThrow(/runSync needs the C API driver/);
  expect(() => binding.cancel()).toThrow(/cancel needs the C API driver/);
});

test('findLibrary names the platform it has nothing for', () => {
  expect(findLibrary()).toMatch(/onnxruntime/);
  expect(() => findLibrary('sunos', 'sparc')).toThrow(/no ONNX Runtime library for sunos-sparc/);
});

test('the runtime is silent unless TFK_LOG asks', () => {
  expect([undefined, '', 'verbose', 'error', '1'].map(logLevel)).toEqual([4, 4, 0, 3, 2]);
});
