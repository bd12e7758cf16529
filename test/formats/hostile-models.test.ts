import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Random } from '../../src/core/random.ts';
import * as tfk from '../../src/index.ts';

const folder = mkdtempSync(join(tmpdir(), 'tfk-hostile-'));
afterAll(() => rmSync(folder, { recursive: true }));
const at = (name: string): string => join(folder, name);

const build = (): tfk.Model =>
  tfk.sequential([
    tfk.input({ shape: [4] }),
    tfk.layers.dense({ units: 3, activation: 'relu', name: 'first' }),
    tfk.layers.dense({ units: 2, name: 'last' }),
  ]);

/** Some bytes replaced, flipped, cut out, repeated, or the end cut off. */
function mutate(bytes: Uint8Array, random: Random): Uint8Array {
  const place = (): number => random.integer(bytes.length);
  const kind = random.integer(5);
  if (kind === 0) return bytes.slice(0, place());
  const [from, length] = [place(), 1 + random.integer(16)];
  const [head, tail] = [bytes.slice(0, from), bytes.slice(from)];
  if (kind === 1) return Buffer.concat([head, tail.subarray(length)]);
  if (kind === 2) return Buffer.concat([head, tail.subarray(0, length), tail]);
  const result = bytes.slice();
  const count = 1 + random.integer(4);
  for (let i = 0; i < count; i++) {
    const index = place();
    result[index] = kind === 3 ? random.integer(256) : (result[index] as number) ^ (1 << random.integer(8));
  }
  return result;
}

/** Either it is read, or refused with an error of ours; anything else is a fault. */
async function outcome(read: () => Promise<unknown>): Promise<string> {
  try {
    await read();
    return 'read';
  } catch (error) {
    if (error instanceof tfk.TfkError && !(error instanceof tfk.InternalError)) return 'refused';
    return error instanceof Error ? `${error.name}: ${error.message}\n${error.stack}` : String(error);
  }
}

async function fuzz(name: string, count: number, read: (path: string) => Promise<unknown>): Promise<void> {
  const bytes = readFileSync(at(name));
  const random = new Random(7);
  const seen = new Map<string, number>();
  for (let i = 0; i < count; i++) {
    await writeFile(at(name), mutate(bytes, random));
    const result = await outcome(() => read(at(name)));
    seen.set(result, (seen.get(result) ?? 0) + 1);
  }
  await writeFile(at(name), bytes);
  expect([...seen.keys()].filter((result) => result !== 'read' && result !== 'refused')).toEqual([]);
  expect(seen.get('refused')).toBeGreaterThan(count / 10);
}

describe('mutated files are read or refused, never more', () => {
  beforeAll(async () => {
    const model = build();
    await model.export(at('m.onnx'));
    await mkdir(at('web'));
    await model.export(at('web/model.json'));
    await model.saveWeights(at('w.safetensors'));
    await model.saveWeights(at('w.npz'));
    await model.saveWeights(at('w.weights.json'));
    await writeFile(at('m.h5'), readFileSync(join(process.cwd(), 'test/golden/keras/legacy-functional.h5')));
  });

  const load = async (path: string): Promise<void> => {
    const model = await tfk.loadModel(path);
    if (model.inputs.every(({ shape }) => shape.length === 2 && (shape[1] ?? 0) <= 8))
      model.summary({ print: null });
  };
  const intoModel = async (path: string): Promise<void> => build().loadWeights(path);

  test('ONNX', () => fuzz('m.onnx', 200, load));
  test('model.json', () => fuzz('web/model.json', 150, load));
  test('weights of TensorFlow.js', async () => {
    await writeFile(at('web/group1-shard1of1.bin'), new Uint8Array(3));
    expect(await outcome(() => load(at('web')))).toBe('refused');
  });
  test('.h5', () => fuzz('m.h5', 60, load));
  test('.safetensors', () => fuzz('w.safetensors', 200, intoModel));
  test('.npz', () => fuzz('w.npz', 100, intoModel));
  test('.weights.json', () => fuzz('w.weights.json', 100, intoModel));
});
