import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { allDtypes } from '../../src/core/dtype.ts';
import type { State } from '../../src/core/state.ts';
import { Tensor, tensor } from '../../src/core/tensor.ts';
import { FormatError } from '../../src/errors.ts';
import { readState, writeState } from '../../src/formats/state-file.ts';
import { writeZip } from '../../src/formats/zip-writer.ts';

const folder = mkdtempSync(join(tmpdir(), 'tfk-state-'));
afterAll(() => rmSync(folder, { recursive: true }));
const path = join(folder, 'a.checkpoint');

async function roundTrip(state: State): Promise<State> {
  await writeState(path, state);
  return readState(path);
}

describe('state files', () => {
  test.each<[string, State]>([
    ['plain data', { a: [1, 'two', null, true, { b: [] }], c: {} }],
    [
      'numbers that JSON has not',
      [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0, 2n ** 70n],
    ],
    ['every digit', [0.1 + 0.2, Number.MIN_VALUE, Number.MAX_VALUE, Math.PI]],
    ['keys that look special', { $: 'number', value: 'NaN', inner: { $: 1 } }],
    ['typed arrays', [new Float32Array([1.5, Number.NaN]), new BigInt64Array([-1n]), new Uint8Array(0)]],
    ['tensors of every type', allDtypes.map((d) => tensor([1, 0, 1], [3, 1]).cast(d))],
    ['a tensor without elements', new Tensor('float32', [0, 4], new Float32Array(0))],
  ])('%s', async (_, state) => {
    expect(await roundTrip(state)).toEqual(state);
  });

  test('views are written alone, not with the memory around them', async () => {
    const view = new Float32Array(1000).fill(3).subarray(10, 12);
    expect(await roundTrip(view)).toEqual(new Float32Array([3, 3]));
    expect(readFileSync(path).length).toBeLessThan(600);
  });

  test.each<[string, string]>([
    ['an array beyond the file', '{"$":"array","dtype":"float32","shape":[9],"part":0,"offset":0}'],
    ['an array of no part', '{"$":"array","dtype":"float32","shape":[1],"part":7,"offset":0}'],
    ['a huge array', '{"$":"tensor","dtype":"float32","shape":[4294967296,4294967296],"part":0,"offset":0}'],
    ['an unknown type', '{"$":"tensor","dtype":"float7","shape":[1],"part":0,"offset":0}'],
    ['an unknown form', '{"$":"code","value":"x"}'],
    ['no JSON', '{'],
  ])('%s is a FormatError', async (_, json) => {
    writeFileSync(
      path,
      writeZip([
        ['state.json', Buffer.from(json)],
        ['arrays/0.bin', new Uint8Array(16)],
      ]),
    );
    await expect(readState(path)).rejects.toThrow(FormatError);
  });

  test('a file that is cut off or changed is a FormatError', async () => {
    await writeState(path, { a: new Float32Array(100).fill(1) });
    const bytes = readFileSync(path);
    for (const at of [40, bytes.length >> 1]) {
      const changed = Uint8Array.from(bytes);
      changed[at] = (changed[at] as number) ^ 1;
      writeFileSync(path, changed);
      await expect(readState(path)).rejects.toThrow(FormatError);
    }
    writeFileSync(path, bytes.subarray(0, bytes.length - 30));
    await expect(readState(path)).rejects.toThrow(FormatError);
  });
});
