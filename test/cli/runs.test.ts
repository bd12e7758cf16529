import { cp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { tensor } from '../../src/core/tensor.ts';
import { writeNpz } from '../../src/formats/npz-writer.ts';
import { withFiles } from '../data/files.ts';
import { callTfk, pointsConfig, pointsNpz, runTfk } from './run-tfk.ts';

/** Lends a folder with data and the config of a run into `run`. */
const withConfig = (
  changes: Readonly<Record<string, unknown>>,
  use: (folder: string, config: string, run: string) => Promise<void>,
): Promise<void> =>
  withFiles({ 'points.npz': pointsNpz() }, async (folder) => {
    const path = join(folder, 'train.json');
    await writeFile(path, pointsConfig(folder, changes));
    await use(folder, path, join(folder, 'run'));
  });

describe('tfk resume', () => {
  test('SIGTERM stops after a step; the run goes on in the middle of an epoch and ends as if nothing had happened', () =>
    withConfig({ fit: { epochs: 40, batchSize: 1 } }, async (folder, path, run) => {
      const whole = join(folder, 'whole');
      expect((await callTfk('train', path, '--output', whole, '--quiet')).code).toBe(0);
      let sent = false;
      const stopped = await runTfk(['train', path], {
        onOutput: (text, kill) => {
          if (!sent && text.includes('Epoch 3/')) kill('SIGTERM');
          sent ||= text.includes('Epoch 3/');
        },
      });
      expect(stopped).toMatchObject({ code: 143, stderr: expect.stringContaining(`tfk resume ${run}`) });
      expect(await readdir(run)).toContain('checkpoint');
      // what a process leaves that is killed while it writes
      await writeFile(join(run, '.tfk-killed.tmp'), 'half of a file');
      const resumed = await callTfk('resume', run, '--json');
      expect(resumed).toMatchObject({ code: 0, stderr: '' });
      for (const file of ['history.json', 'log.csv'])
        expect(await readFile(join(run, file), 'utf8')).toBe(await readFile(join(whole, file), 'utf8'));
      expect((await readdir(run)).sort()).toEqual((await readdir(whole)).sort());
      const again = await callTfk('resume', run);
      expect(again).toMatchObject({ code: 4, stderr: expect.stringContaining('nothing to resume') });
    }));

  test('refuses a folder without a run', () =>
    withConfig({}, async (folder) => {
      expect(await callTfk('resume', folder)).toMatchObject({
        code: 4,
        stderr: expect.stringContaining('holds no run'),
      });
    }));
});

describe('two runs into one folder', () => {
  test('the second is refused while the first lives; a dead one counts for nothing', () =>
    withConfig({ fit: { epochs: 1 } }, async (_, path, run) => {
      expect((await callTfk('train', path, '--quiet')).code).toBe(0);
      const lock = join(run, 'run.lock');
      await writeFile(lock, JSON.stringify({ pid: process.ppid, host: hostname() }));
      const refused = await callTfk('train', path, '--force');
      expect(refused).toMatchObject({
        code: 2,
        stderr: expect.stringContaining(`process ${process.ppid}`),
      });
      expect(await readdir(run)).toContain('metrics.json'); // what was there is still there
      await writeFile(lock, JSON.stringify({ pid: 2 ** 22 + 1, host: hostname() }));
      expect((await callTfk('train', path, '--force', '--quiet')).code).toBe(0);
      expect(await readdir(run)).not.toContain('run.lock');
    }));
});

describe('tfk reproduce', () => {
  test('says that a run comes out the same, or what differs', () =>
    withConfig({ fit: { epochs: 2 } }, async (folder, path, run) => {
      expect((await callTfk('train', path, '--quiet')).code).toBe(0);
      const record = JSON.parse(await readFile(join(run, 'record.json'), 'utf8'));
      expect(record).toMatchObject({
        node: process.version,
        runtime: expect.stringContaining('ONNX Runtime'),
        data: { train: expect.stringMatching(/^[0-9a-f]{64}$/), test: expect.any(String) },
        weights: expect.stringMatching(/^[0-9a-f]{64}$/),
      });
      const same = await callTfk('reproduce', run);
      expect(same).toMatchObject({ code: 0, stdout: expect.stringContaining(record.weights) });
      await writeFile(join(folder, 'points.npz'), pointsNpz(1));
      const other = await callTfk('reproduce', run, '--json', '--output', join(folder, 'second'));
      expect(other.code).toBe(6);
      const told = JSON.parse(other.stdout);
      expect(told).toMatchObject({ identical: false, history: false });
      expect(told.differences.map(({ what }: { what: string }) => what)).toEqual(['data', 'weights']);
      expect(await readdir(join(folder, 'second'))).toContain('metrics.json');
    }));
});

describe('tfk report', () => {
  test('shows mistakes, histograms, timings and the network, where a run has them', () =>
    withFiles({}, async (folder) => {
      const rows = Array.from({ length: 30 }, (_, i) => `${(i * 7) % 11},<b>&,${i % 2 ? 'a' : 'b'}`);
      await writeFile(join(folder, 'table.csv'), ['size,text,kind', ...rows].join('\n'));
      const features = { size: 'floatNormalized', text: 'stringCategorical' };
      const train = { csv: 'table.csv', target: 'kind', featureSpace: { features } };
      const model = { layers: [{ type: 'dense', units: 2, activation: 'softmax' }] };
      const data = { train, validationSplit: 0.5, shuffle: true };
      const compile = { optimizer: 'sgd', loss: 'sparseCategoricalCrossentropy' };
      const path = join(folder, 'train.json');
      const callbacks = [{ type: 'histograms' }];
      await writeFile(path, pointsConfig(folder, { model, data, compile, callbacks, fit: { epochs: 2 } }));
      expect(await callTfk('train', path, '--quiet', '--profile')).toMatchObject({ code: 0, stderr: '' });
      const page = join(folder, 'report.html');
      await callTfk('report', join(folder, 'run'), '--output', page);
      const html = await readFile(page, 'utf8');
      expect(html).not.toMatch(/https?:|<script|NaN|undefined/);
      const titles = [...html.matchAll(/<h2>([^<]*)/g)].map(([, title]) => title?.trim());
      expect(titles).toEqual([
        'Curves',
        'Confusion on validation data',
        'Worst mistakes',
        'Weights',
        'Gradients',
        'Time of a step',
        'Time of the native run',
        'Network',
      ]);
      expect(html).toContain('text: &lt;b&gt;&amp;</p>');
      const [, confusion = ''] = html.split('Confusion');
      const counts = [...confusion.matchAll(/<td style[^>]*>(\d+)<\/td>/g)].map(([, count]) => Number(count));
      const [right, wrong] = [0, 1].map((k) =>
        counts.filter((_, i) => Number(i % 3 !== 0) === k).reduce((a, b) => a + b, 0),
      );
      expect((right ?? 0) + (wrong ?? 0)).toBe(15);
      expect(html.match(/ taken for /g)).toHaveLength(wrong ?? 0);
    }));

  test('mistakes of pictures are shown as such', () =>
    withConfig({}, async (folder) => {
      const x = tensor(
        Float32Array.from({ length: 40 * 16 }, (_, i) => Math.abs(Math.sin(i))),
        [40, 4, 4, 1],
      );
      const y = tensor(Int32Array.from({ length: 40 }, (_, i) => (i * 7) % 10));
      const arrays = writeNpz([
        ['x', x],
        ['y', y],
      ]);
      await writeFile(join(folder, 'pictures.npz'), arrays);
      const data = { train: { npz: 'pictures.npz' }, test: { npz: 'pictures.npz' } };
      const model = { layers: [{ type: 'flatten' }, { type: 'dense', units: 10, activation: 'softmax' }] };
      const compile = { optimizer: 'sgd', loss: 'sparseCategoricalCrossentropy' };
      const path = join(folder, 'digits.json');
      await writeFile(path, pointsConfig(folder, { data, model, compile, fit: { epochs: 1 } }));
      expect((await callTfk('train', path, '--quiet')).code).toBe(0);
      const page = join(folder, 'report.html');
      await callTfk('report', join(folder, 'run'), '--output', page);
      const html = await readFile(page, 'utf8');
      const pictures = [...html.matchAll(/<img src="data:image\/png;base64,([^"]+)"/g)];
      expect(pictures.length).toBeGreaterThan(5);
      expect(pictures.length).toBeLessThanOrEqual(24);
      for (const [, base64 = ''] of pictures)
        expect(Buffer.from(base64, 'base64').subarray(1, 4).toString()).toBe('PNG');
    }));

  test('of a run whose data has moved, what is left, and what is missing', () =>
    withConfig({ fit: { epochs: 1 } }, async (folder, path, run) => {
      expect((await callTfk('train', path, '--quiet')).code).toBe(0);
      await rm(join(folder, 'points.npz'));
      await rm(join(run, 'record.json'));
      await writeFile(join(run, 'record.json'), 'no JSON');
      const page = join(folder, 'report.html');
      const { code, stderr } = await callTfk('report', run, '--output', page);
      expect([code, stderr]).toEqual([
        0,
        expect.stringMatching(
          /run: not shown: confusion and mistakes: Cannot read .*points.npz: no such file/,
        ),
      ]);
      const html = await readFile(page, 'utf8');
      expect(html).toMatch(/Not shown.*versions and machine: .*record.json: not valid JSON.*points.npz/s);
      expect(html).toContain('Network');
      expect(html.match(/<figure>/g)).toHaveLength(2);
    }));

  test('writes one page about several runs, which needs nothing else', () =>
    withConfig({ fit: { epochs: 3 } }, async (folder, path, run) => {
      const other = join(folder, 'b<c>');
      expect((await callTfk('train', path, '--quiet')).code).toBe(0);
      expect((await callTfk('train', path, '--quiet', '--output', other, '--epochs', '1')).code).toBe(0);
      const page = join(folder, 'report.html');
      expect(await callTfk('report', run, other, '--output', page)).toMatchObject({ code: 0, stderr: '' });
      const html = await readFile(page, 'utf8');
      expect(html).not.toMatch(/https?:|<script|NaN|undefined/);
      expect(html).toContain('b&lt;c&gt;');
      expect(html.match(/<figure>/g)).toHaveLength(2); // loss and accuracy
      expect(html.match(/<polyline/g)).toHaveLength(8); // of training and validation, of both runs
      const [table = ''] = /Confusion on test data.*?<\/table>/s.exec(html) ?? [];
      const counts = [...table.matchAll(/<td style[^>]*>(\d+)<\/td>/g)].map(([, count]) => Number(count));
      expect([counts.length, counts.reduce((a, b) => a + b, 0)]).toEqual([9, 30]);
      const again = join(folder, 'more', 'run');
      await cp(run, again, { recursive: true });
      await cp(join(folder, 'points.npz'), join(folder, 'more', 'points.npz'));
      await callTfk('report', run, again, '--output', page);
      expect(await readFile(page, 'utf8')).toContain(`</span>${again}</th>`);
      expect(await callTfk('report', folder)).toMatchObject({
        code: 4,
        stderr: expect.stringContaining('history.json is missing'),
      });
    }));
});
