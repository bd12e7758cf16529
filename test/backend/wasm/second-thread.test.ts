import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { afterAll, describe, expect, test } from '@jest/globals';
import { getBackend } from '../../../src/backend/registry.ts';
import { Arena } from '../../../src/backend/wasm/arena.ts';
import { compileKernel, type Kernel } from '../../../src/backend/wasm/kernel.ts';
import { secondThread, worthwhileBytes } from '../../../src/backend/wasm/second-thread.ts';
import { SharedWork } from '../../../src/backend/wasm/shared-work.ts';
import { atOnce } from '../../../src/core/event-loop.ts';
import * as tfk from '../../../src/index.ts';
import { input } from '../../../src/ir/graph.ts';
import { add, mul, sqrt } from '../../../src/ops/index.ts';

const folder = mkdtempSync(join(tmpdir(), 'tfk-second-thread-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** `x' = x f + y`, `y' = sqrt(x x) + f` over vectors of their own. */
class Pair {
  readonly #arena: Arena;
  readonly #kernel: Kernel;
  readonly #length: number;

  constructor(length: number, shared: boolean) {
    this.#length = length;
    this.#arena = new Arena({ data: [length, length] }, shared);
    this.#arena.region('data').forEach((_, k, data) => {
      data[k] = Math.sin(k);
    });
    const vector = (name: string) => input(name, { dtype: 'float32', shape: [4] });
    const [x, y, f] = [vector('x'), vector('y'), input('f', { dtype: 'float32', shape: [] })];
    const outputs = [add(mul(x, f), y), add(sqrt(mul(x, x)), f)];
    this.#kernel = atOnce(
      compileKernel({ outputs, vectors: [x, y], scalars: [f] }, this.#arena.memory),
    ) as Kernel;
  }

  run(f: number): void {
    const pointers = [0, 1, 0, 1].map((i) => this.#arena.pointer('data', i));
    this.#kernel.run(pointers, this.#length, [f]);
  }

  get bytes(): Buffer {
    const { buffer, byteOffset, byteLength } = this.#arena.region('data');
    return Buffer.from(buffer, byteOffset, byteLength);
  }
}

describe('a loop that two threads share', () => {
  const enough = worthwhileBytes / 4;

  test.each([enough - 1, enough, enough + 5, 3 * enough + 16_384, 1_000_003])(
    'gives the bits of one thread, at %i elements',
    async (length) => {
      const [alone, together] = [new Pair(length, false), new Pair(length, true)];
      for (let step = 0; step < 40; step++) {
        if (step === 20) await setTimeout(60); // by now the thread has started, and fallen asleep
        for (const pair of [alone, together]) pair.run(0.3 + 0.01 * step);
      }
      expect(together.bytes.equals(alone.bytes)).toBe(true);
    },
  );

  test('loops of several memories by turns', async () => {
    const lengths = [enough, enough + 77, 2 * enough + 4];
    const alone = lengths.map((n) => new Pair(n, false));
    const together = lengths.map((n) => new Pair(n, true));
    for (let step = 0; step < 90; step++) {
      if (step % 30 === 0) await setTimeout(20);
      for (const pairs of [alone, together]) pairs[step % 3]?.run(0.9);
    }
    expect(together.map(({ bytes }, i) => bytes.equals((alone[i] as Pair).bytes))).toEqual([
      true,
      true,
      true,
    ]);
  });

  test('the other thread does take pieces', async () => {
    const work = new SharedWork();
    const counted = new Int32Array(new SharedArrayBuffer(8));
    const url = new URL('../../../src/backend/wasm/shared-work.js', import.meta.url);
    const worker = new Worker(
      `const { workerData } = require('node:worker_threads');
      import(workerData.url).then(({ SharedWork }) => {
        const work = new SharedWork(workerData.memory);
        const counted = new Int32Array(workerData.counted);
        for (;;) { work.help(() => () => Atomics.add(counted, 1, 1)); work.wait(); }
      });`,
      {
        eval: true,
        workerData: { url: url.href, memory: work.memory, counted: counted.buffer },
        execArgv: [],
      },
    );
    try {
      const slow = () => {
        Atomics.add(counted, 0, 1);
        for (const end = performance.now() + 1; performance.now() < end; );
      };
      let runs = 0;
      for (; Atomics.load(counted, 1) === 0 && runs < 200; runs++) {
        work.run(slow, 1, [0, 40 * 65_536], 1);
        await setTimeout(5);
      }
      expect(Atomics.load(counted, 1)).toBeGreaterThan(0);
      expect(Atomics.load(counted, 0) + Atomics.load(counted, 1)).toBe(40 * runs);
    } finally {
      await worker.terminate();
    }
  });

  test('there is one thread, on machines with two processors', () => {
    expect(secondThread()).toBe(secondThread());
  });
});

describe('weights in memory that threads share', () => {
  const network = (): tfk.Model => {
    tfk.setRandomSeed(11);
    const wide = tfk.layers.dense({ units: 400, activation: 'relu', name: 'wide' });
    return tfk.sequential([tfk.input({ shape: [400] }), wide, tfk.layers.dense({ units: 2, name: 'head' })]);
  };
  const waves = (rows: number, columns: number) =>
    new tfk.Tensor(
      'float32',
      [rows, columns],
      Float32Array.from({ length: rows * columns }, (_, i) => Math.sin(i)),
    );
  const [x, y] = [waves(8, 400), waves(8, 2)];
  const trained = async (threads?: number) => {
    const model = network();
    model.compile({ optimizer: 'adam', loss: 'mse', ...(threads !== undefined && { threads }) });
    await model.fit(x, y, { epochs: 3, batchSize: 4, shuffle: false, verbose: 0 });
    return model;
  };
  const isShared = (model: tfk.Model) => model.weights[0]?.storage.data.buffer instanceof SharedArrayBuffer;

  test('are trained as others are; one thread is one thread', async () => {
    const [two, one] = [await trained(), await trained(1)];
    const { sharesMemory } = await getBackend();
    expect([isShared(two), isShared(one)]).toEqual([sharesMemory, false]);
    two.getWeights().forEach((w, i) => {
      const other = one.getWeights()[i]?.data as Float32Array;
      expect((w.data as Float32Array).every((v, k) => Math.abs(v - (other[k] as number)) < 1e-5)).toBe(true);
    });
  });

  test.each(['model.keras', 'model.weights.h5', 'model.safetensors', 'model.onnx'])(
    'are saved as %s',
    async (file) => {
      const model = await trained();
      const path = join(folder, file);
      if (file.endsWith('.onnx')) await model.export(path);
      else if (file.endsWith('.keras')) await model.save(path);
      else await model.saveWeights(path);
      const loaded =
        file.endsWith('.keras') || file.endsWith('.onnx') ? await tfk.loadModel(path) : network();
      if (!file.endsWith('.keras') && !file.endsWith('.onnx')) await loaded.loadWeights(path);
      expect(await loaded.predict(x)).toEqual(await model.predict(x));
    },
  );

  test('are kept by a checkpoint', async () => {
    const backup = () =>
      tfk.callbacks.backupAndRestore({ backupDir: join(folder, 'backup'), deleteCheckpoint: false });
    const model = network();
    model.compile({ optimizer: 'adam', loss: 'mse' });
    await model.fit(x, y, { epochs: 2, verbose: 0, callbacks: [backup()] });
    const again = network();
    again.compile({ optimizer: 'adam', loss: 'mse' });
    await again.fit(x, y, { epochs: 2, verbose: 0, callbacks: [backup()] });
    expect(again.getWeights()).toEqual(model.getWeights());
  });
});
