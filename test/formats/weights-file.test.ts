import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { DtypeError, FormatError } from '../../src/errors.ts';
import { readSafetensors, safetensorsChunks } from '../../src/formats/safetensors.ts';
import * as tfk from '../../src/index.ts';

const folder = mkdtempSync(join(tmpdir(), 'tfk-weights-'));
afterAll(() => rmSync(folder, { recursive: true }));
const at = (name: string): string => join(folder, name);

/** A file by its definition: the header's length in 8 bytes, the header, the elements. */
function file(header: unknown, elements: readonly number[] = []): Buffer {
  const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([length, json, Buffer.from(elements)]);
}
async function read(bytes: Uint8Array) {
  await writeFile(at('x.safetensors'), bytes);
  return readSafetensors(at('x.safetensors'));
}

describe('.safetensors', () => {
  test('every element type, half floats as float32', async () => {
    const tensors = await read(
      file(
        {
          __metadata__: { format: 'pt' },
          half: { dtype: 'F16', shape: [3], data_offsets: [0, 6] },
          brain: { dtype: 'BF16', shape: [2], data_offsets: [6, 10] },
          small: { dtype: 'I16', shape: [1, 2], data_offsets: [10, 14] },
          yes: { dtype: 'BOOL', shape: [], data_offsets: [14, 15] },
          none: { dtype: 'F32', shape: [0, 4], data_offsets: [15, 15] },
        },
        // 1.5, 2^-24, -infinity; -2, 1.5; 1, -1; true
        [0x00, 0x3e, 0x01, 0x00, 0x00, 0xfc, 0x00, 0xc0, 0xc0, 0x3f, 1, 0, 255, 255, 1],
      ),
    );
    expect(tensors.get('half')?.array()).toEqual([1.5, 2 ** -24, Number.NEGATIVE_INFINITY]);
    expect(tensors.get('brain')?.array()).toEqual([-2, 1.5]);
    expect(tensors.get('small')?.array()).toEqual([[1, -1]]);
    expect(tensors.get('yes')?.array()).toBe(true);
    expect(tensors.get('none')?.shape).toEqual([0, 4]);
  });

  test('what is written is aligned, and reads back', async () => {
    const tensors: [string, tfk.Tensor][] = [
      ['b', tfk.tensor([true, false, true])],
      [
        'a',
        tfk.tensor([
          [1, 2],
          [3, 4],
        ]),
      ],
      ['c', tfk.tensor([5n])],
    ];
    const bytes = Buffer.concat(safetensorsChunks(tensors));
    expect(Number(bytes.readBigUInt64LE(0)) % 8).toBe(0);
    const back = await read(bytes);
    for (const [name, { dtype, data }] of tensors) expect(back.get(name)).toMatchObject({ dtype, data });
  });

  test.each([
    ['no header', Buffer.alloc(4)],
    ['a header beyond the file', file('{}').fill(255, 0, 8)],
    ['no JSON', file('{"a":')],
    ['no object', file('[1]')],
    ['no offsets', file({ a: { dtype: 'F32', shape: [1] } })],
    ['a hole', file({ a: { dtype: 'U8', shape: [1], data_offsets: [1, 2] } }, [0, 0])],
    [
      'an overlap',
      file(
        {
          a: { dtype: 'U8', shape: [2], data_offsets: [0, 2] },
          b: { dtype: 'U8', shape: [1], data_offsets: [1, 2] },
        },
        [0, 0],
      ),
    ],
    ['more bytes than tensors', file({ a: { dtype: 'U8', shape: [1], data_offsets: [0, 1] } }, [0, 0])],
    [
      'a shape that does not fit',
      file({ a: { dtype: 'F32', shape: [2], data_offsets: [0, 4] } }, [0, 0, 0, 0]),
    ],
    [
      'a huge shape',
      file({ a: { dtype: 'F32', shape: [2 ** 52, 2 ** 52], data_offsets: [0, 4] } }, [0, 0, 0, 0]),
    ],
  ])('%s is refused', async (_, bytes) => {
    await expect(read(bytes)).rejects.toThrow(FormatError);
  });

  test('elements that no tensor holds are refused', async () => {
    await expect(
      read(file({ a: { dtype: 'F8_E4M3', shape: [1], data_offsets: [0, 1] } }, [0])),
    ).rejects.toThrow(DtypeError);
  });
});

const build = (units = 3): tfk.Model =>
  tfk.sequential([
    tfk.input({ shape: [4] }),
    tfk.layers.dense({ units, name: 'first' }),
    tfk.layers.batchNormalization({ name: 'normal' }),
    tfk.layers.dense({ units: 2, name: 'last' }),
  ]);
const dataOf = (model: tfk.Model) => model.getWeights().map(({ data }) => data);

describe('weights in files', () => {
  test.each(['w.weights.h5', 'w.weights.json', 'w.safetensors', 'w.npz'])('%s', async (name) => {
    const [model, other] = [build(), build()];
    await model.saveWeights(at(name));
    await other.loadWeights(at(name));
    expect(dataOf(other)).toEqual(dataOf(model));
    await expect(model.saveWeights(at(name), { overwrite: false })).rejects.toThrow(/exists already/);
    await expect(build(5).loadWeights(at(name))).rejects.toThrow(FormatError);
  });

  test('parts are as small as asked, and lie beside their index', async () => {
    const model = build();
    await model.saveWeights(at('parts.weights.json'), { maxShardSize: 60 });
    const index = JSON.parse(readFileSync(at('parts.weights.json'), 'utf8')) as {
      weight_map: Record<string, string>;
    };
    expect(new Set(Object.values(index.weight_map).flat()).size).toBeGreaterThan(2);
    const other = build();
    await other.loadWeights(at('parts.weights.json'));
    expect(dataOf(other)).toEqual(dataOf(model));
    await expect(model.saveWeights(at('few.weights.json'), { maxShardSize: 8 })).rejects.toThrow(
      /maxShardSize/,
    );
    await writeFile(
      at('evil.weights.json'),
      JSON.stringify({ weight_map: { '/vars': '../parts_00000.weights.h5' } }),
    );
    await expect(other.loadWeights(at('evil.weights.json'))).rejects.toThrow(/not in the same folder/);
  });

  test('names with dots, several files with an index, and what fits of a file that does not', async () => {
    const model = build();
    const named = model.weights.map(
      (w) => [w.path.replace(/^[^/]*sequential[^/]*\//, '').replaceAll('/', '.'), w.read()] as const,
    );
    await writeFile(at('one.safetensors'), Buffer.concat(safetensorsChunks(named.slice(0, 3))));
    await writeFile(at('two.safetensors'), Buffer.concat(safetensorsChunks(named.slice(3))));
    const map = Object.fromEntries(
      named.map(([name], i) => [name, i < 3 ? 'one.safetensors' : 'two.safetensors']),
    );
    await writeFile(at('m.safetensors.index.json'), JSON.stringify({ metadata: {}, weight_map: map }));
    const other = build();
    await other.loadWeights(at('m.safetensors.index.json'));
    expect(dataOf(other)).toEqual(dataOf(model));
    const wider = build(5);
    const before = dataOf(wider);
    await expect(wider.loadWeights(at('m.safetensors.index.json'))).rejects.toThrow(/skipMismatch/);
    expect(dataOf(wider)).toEqual(before);
    await wider.loadWeights(at('m.safetensors.index.json'), { skipMismatch: true });
    expect(wider.getWeights().at(-1)?.data).toEqual(model.getWeights().at(-1)?.data);
  });

  test('other endings and models without weights are refused', async () => {
    await expect(build().saveWeights(at('w.bin'))).rejects.toThrow(/\.safetensors/);
    await expect(build().loadWeights(at('w.bin'))).rejects.toThrow(/\.safetensors/);
    await expect(tfk.sequential([tfk.layers.dense({ units: 1 })]).saveWeights(at('w.npz'))).rejects.toThrow(
      /no weights yet/,
    );
  });
});
