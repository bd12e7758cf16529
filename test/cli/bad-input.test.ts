import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { tensor } from '../../src/core/tensor.ts';
import { writeNpz } from '../../src/formats/npz-writer.ts';
import { withFiles } from '../data/files.ts';
import { callTfk, pointsConfig, pointsNpz } from './run-tfk.ts';

interface Case {
  readonly what: string;
  readonly changes: Readonly<Record<string, unknown>>;
  readonly code: number;
  readonly message: RegExp;
}

const compile = { loss: 'meanSquaredError' };
const npz = (name: string) => ({ data: { train: { npz: name } } });
const cases: readonly Case[] = [
  {
    what: 'an unknown key',
    changes: { compile: { ...compile, optimizer: { type: 'adam', learningRte: 1 } } },
    code: 2,
    message: /compile\.optimizer\.learningRte: unknown key\. Did you mean "learningRate"\?/,
  },
  {
    what: 'an unknown optimizer',
    changes: { compile: { ...compile, optimizer: 'adamm' } },
    code: 2,
    message: /compile\.optimizer: Unknown optimizer "adamm"\. Did you mean "adam"\?/,
  },
  { what: 'a missing file', changes: npz('nowhere.npz'), code: 3, message: /nowhere\.npz: no such file/ },
  {
    what: 'a CSV file with a ragged row',
    changes: { data: { train: { csv: 'ragged.csv', target: 'b' } } },
    code: 3,
    message: /ragged\.csv, line 3: expected 2 columns, found 3/,
  },
  {
    what: 'a layer that does not fit the data',
    changes: { model: { layers: [{ type: 'conv2d', filters: 2, kernelSize: 3 }] } },
    code: 3,
    message: /Conv2D "conv2d": expected a 4-D input .*Received \[\?,2\]/,
  },
  {
    what: 'x and y that do not match',
    changes: npz('uneven.npz'),
    code: 3,
    message: /x has 3 samples but y has 2/,
  },
  {
    what: 'labels out of range',
    changes: npz('labels.npz'),
    code: 3,
    message: /labels out of range: .* is 7/,
  },
  {
    what: 'NaN in the data',
    changes: npz('nan.npz'),
    code: 3,
    message: /x contains NaN in sample 1, element 0/,
  },
  { what: 'a corrupt model', changes: { model: 'corrupt.keras' }, code: 3, message: /corrupt\.keras: / },
];

const pairs = (x: readonly number[][], y: readonly number[]): Uint8Array =>
  writeNpz([
    ['x', tensor(x)],
    ['y', tensor(Int32Array.from(y))],
  ]);
const files = {
  'points.npz': pointsNpz(),
  'ragged.csv': 'a,b\n1,2\n1,2,3\n',
  'corrupt.keras': 'no model',
  'uneven.npz': pairs(
    [
      [0, 1],
      [1, 0],
      [1, 1],
    ],
    [0, 1],
  ),
  'labels.npz': pairs(
    [
      [0, 1],
      [1, 0],
    ],
    [0, 7],
  ),
  'nan.npz': pairs(
    [
      [0, 1],
      [Number.NaN, 0],
    ],
    [0, 1],
  ),
};

describe('tfk train with bad input', () => {
  test('tells what is wrong in plain words, with an exit code', () =>
    withFiles(files, async (folder) => {
      for (const { what, changes, code, message } of cases) {
        const path = join(folder, 'train.json');
        await writeFile(path, pointsConfig(folder, changes));
        const outcome = await callTfk('train', path, '--force');
        expect({ what, code: outcome.code }).toEqual({ what, code });
        expect(outcome.stderr).toMatch(message);
        expect(outcome.stderr).not.toMatch(/^\s+at /m); // no stack
      }
    }));

  test('says what the device needs, with exit code 5', () =>
    withFiles(files, async (folder) => {
      const path = join(folder, 'train.json');
      await writeFile(path, pointsConfig(folder, { device: 'cuda' }));
      const { code, stderr } = await callTfk('train', path);
      if (code === 0) return; // a machine with a GPU
      expect(code).toBe(5);
      expect(stderr).toMatch(/"cuda" is not available.*device: 'cpu'/);
    }));

  test('refuses a config that is no JSON, and settings without a value', () =>
    withFiles(files, async (folder) => {
      await writeFile(join(folder, 'bad.json'), '{ "seed": 1, }');
      await writeFile(join(folder, 'good.json'), pointsConfig(folder));
      const bad = await callTfk('train', join(folder, 'bad.json'));
      expect([bad.code, bad.stderr]).toEqual([3, expect.stringContaining('not valid JSON')]);
      const setting = await callTfk('train', join(folder, 'good.json'), '--set', 'epochs');
      expect([setting.code, setting.stderr]).toEqual([2, expect.stringContaining('expected path=value')]);
    }));
});

describe('the other commands with bad input', () => {
  test('say what is wrong', () =>
    withFiles(files, async (folder) => {
      const missing = await callTfk('evaluate', join(folder, 'nowhere.keras'));
      expect([missing.code, missing.stderr]).toEqual([3, expect.stringContaining('no such file')]);
      await mkdir(join(folder, 'empty'));
      const empty = await callTfk('predict', join(folder, 'empty'), '--input', 'x.npy');
      expect([empty.code, empty.stderr]).toEqual([3, expect.stringContaining('model.keras')]);
      const nothing = await callTfk('predict', 'model.keras');
      expect([nothing.code, nothing.stderr]).toEqual([2, expect.stringContaining('--input')]);
    }));
});
