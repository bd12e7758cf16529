import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { commands } from '../../src/cli/program.ts';
import { readNpy } from '../../src/formats/npy.ts';
import { withFiles } from '../data/files.ts';
import { callTfk, pointsConfig, pointsNpz, runTfk } from './run-tfk.ts';

/** Lends a folder with data, a config and, after training, a run. */
const withRun = (use: (folder: string, train: Awaited<ReturnType<typeof callTfk>>) => Promise<void>) =>
  withFiles({ 'points.npz': pointsNpz() }, async (folder) => {
    await writeFile(join(folder, 'train.json'), pointsConfig(folder));
    await use(folder, await callTfk('train', join(folder, 'train.json')));
  });

describe('tfk', () => {
  test('loads the library only when a command runs, so that --help is quick', async () => {
    for (const file of await readdir('src/cli')) {
      const source = await readFile(join('src/cli', file), 'utf8');
      const imports = [...source.matchAll(/^(?:import|\} from) (?!type).*?'([^']+)';$/gm)].map(
        ([, from]) => from,
      );
      for (const from of imports)
        expect(from).toMatch(/^(node:[\w/]+|commander|\.\/[\w-]+\.ts|\.\.\/version\.ts)$/);
    }
  });

  test('reads no command before it is called', async () => {
    const source = await readFile('src/cli/program.ts', 'utf8');
    const imports = [...source.matchAll(/^import (?!type).*?'([^']+)';$/gm)].map(([, from]) => from);
    expect(imports.sort()).toEqual(['../version.ts', './exit.ts', 'commander', 'node:util']);
  });

  test('--help lists commands and exit codes, without colours where there is no terminal', async () => {
    const { code, stdout } = await runTfk(['--help']);
    expect(code).toBe(0);
    for (const word of [...commands.map(({ name }) => name), 'Exit codes', '130'])
      expect(stdout).toContain(word);
    expect(stdout).not.toContain('\x1b[');
  });

  test.each(commands)('$name --help shows examples', async ({ name, load }) => {
    const command = await load();
    expect(command.name()).toBe(name);
    const { code, stdout } = await callTfk(name, '--help');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^Examples?:\n {2}\$ /m);
  });

  test('suggests the right command, with exit code 2', async () => {
    const { code, stderr } = await callTfk('trian');
    expect(code).toBe(2);
    expect(stderr).toContain('Did you mean train?');
  });
});

describe('tfk train', () => {
  test('writes a run that the other commands can use', () =>
    withRun(async (folder, { code, stdout, stderr }) => {
      const run = join(folder, 'run');
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(stdout).toMatch(/^Epoch 4\/4 - .*val_accuracy/m); // no terminal here: lines, no bar
      expect(stdout).toMatch(/^Test: loss .*accuracy 1\.0000/m);
      expect((await readdir(run)).sort()).toEqual(
        ['config.json', 'history.json', 'log.csv', 'metrics.json', 'model.keras', 'record.json'].sort(),
      );
      const history = JSON.parse(await readFile(join(run, 'history.json'), 'utf8'));
      expect(history.val_loss).toHaveLength(4);
      expect((await readFile(join(run, 'log.csv'), 'utf8')).trim().split('\n')).toHaveLength(5);
      const resolved = JSON.parse(await readFile(join(run, 'config.json'), 'utf8'));
      expect(resolved).toMatchObject({ seed: 3, data: { train: { npz: join('..', 'points.npz') } } });

      const evaluated = await callTfk('evaluate', run, '--json');
      const { test: measured } = JSON.parse(await readFile(join(run, 'metrics.json'), 'utf8'));
      expect(JSON.parse(evaluated.stdout).accuracy).toBe(measured.accuracy);

      await writeFile(join(folder, 'new.csv'), 'a,b\n1,0\n-0.5,0.87\n-0.5,-0.87\n');
      const target = join(folder, 'predicted.npy');
      const predicted = await callTfk('predict', run, '--input', join(folder, 'new.csv'), '--output', target);
      expect(predicted.code).toBe(0);
      expect((await readNpy(target)).shape).toEqual([3, 3]);
      const classes = await callTfk(
        'predict',
        run,
        '--input',
        join(folder, 'new.csv'),
        '--classes',
        '--json',
      );
      expect(JSON.parse(classes.stdout)).toEqual([0, 1, 2]);

      const summary = await callTfk('summary', join(run, 'model.keras'), '--json');
      expect(JSON.parse(summary.stdout)).toMatchObject({
        params: 51,
        layers: [{ params: 24 }, { params: 27 }],
      });
    }));

  test('never replaces a finished run without --force', () =>
    withRun(async (folder) => {
      const again = ['train', join(folder, 'train.json')];
      const refused = await callTfk(...again);
      expect(refused.code).toBe(4);
      expect(refused.stderr).toContain('--force');
      const resumed = await callTfk(...again, '--resume');
      expect(resumed.code).toBe(4);
      expect(resumed.stderr).toContain('nothing to resume');
      const forced = await callTfk(
        ...again,
        '--force',
        '--json',
        '--epochs',
        '2',
        '--set',
        'compile.optimizer=sgd',
      );
      expect(forced.code).toBe(0);
      expect(JSON.parse(forced.stdout)).toMatchObject({ epochs: 2, test: { loss: expect.any(Number) } });
      const { compile } = JSON.parse(await readFile(join(folder, 'run', 'config.json'), 'utf8'));
      expect(compile.optimizer.type).toBe('sgd');
      const hopeless = await callTfk(...again, '--force', '--set', 'data.train.npz=nowhere.npz');
      expect(hopeless.code).toBe(3);
      expect(await readdir(join(folder, 'run'))).toContain('metrics.json'); // what was there is still there
    }));

  test('the same seed gives the same model', () =>
    withRun(async (folder) => {
      const other = join(folder, 'other');
      const { stdout } = await callTfk('train', join(folder, 'train.json'), '--output', other, '--quiet');
      expect(stdout).toBe('');
      const history = (run: string) => readFile(join(folder, run, 'history.json'), 'utf8');
      expect(await history('other')).toBe(await history('run'));
    }));

  test('Ctrl-C stops at a step, saves, says how to go on; --resume goes on', () =>
    withFiles({ 'points.npz': pointsNpz() }, async (folder) => {
      const path = join(folder, 'train.json');
      const run = join(folder, 'run');
      await writeFile(path, pointsConfig(folder, { fit: { epochs: 100_000, batchSize: 8 } }));
      let sent = false;
      const stopped = await runTfk(['train', path], {
        onOutput: (text, interrupt) => {
          if (sent || !text.includes('Epoch 5/')) return;
          sent = true;
          interrupt();
        },
      });
      expect(stopped.code).toBe(130);
      expect(stopped.stderr).toContain(`Go on with: tfk resume ${run}`);
      const { loss } = JSON.parse(await readFile(join(run, 'history.json'), 'utf8'));
      const done: number = loss.length;
      expect(done).toBeGreaterThanOrEqual(5);

      const refused = await callTfk('train', path);
      expect(refused.code).toBe(4);
      expect(refused.stderr).toContain('--resume');

      const epochs = String(done + 2);
      const resumed = await callTfk('train', join(run, 'config.json'), '--resume', '--epochs', epochs);
      expect({ code: resumed.code, stderr: resumed.stderr }).toEqual({ code: 0, stderr: '' });
      expect(resumed.stdout).toContain(`Epoch ${done + 1}/${done + 2}`);
      const history = JSON.parse(await readFile(join(run, 'history.json'), 'utf8'));
      expect(history.loss).toHaveLength(done + 2);
      // with the optimizer's state the loss goes on where it was
      expect(history.loss[done]).toBeLessThan(2 * loss.at(-1) + 0.01);
      const log = (await readFile(join(run, 'log.csv'), 'utf8')).trim().split('\n').slice(1);
      expect(log.map((line) => Number(line.split(',')[0]))).toEqual(log.map((_, i) => i));
    }));
});

describe('tfk doctor', () => {
  test('finds the runtime and checks a step', async () => {
    const { code, stdout } = await callTfk('doctor', '--json');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      runtime: { value: expect.stringContaining('ONNX Runtime') },
      devices: { value: expect.stringContaining('cpu') },
      'self-test': { value: expect.stringContaining('agrees') },
    });
  });
});
