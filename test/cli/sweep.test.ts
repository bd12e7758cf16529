import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { fallsBehind, modeOf, roundsOf, type Sweep, sweepOf, trialsOf } from '../../src/config/sweep.ts';
import { ConfigError } from '../../src/errors.ts';
import { withFiles } from '../data/files.ts';
import { callTfk, pointsConfig, pointsNpz, runTfk } from './run-tfk.ts';

const sweep = (changes: Partial<Sweep>): Sweep => ({ ...sweepOf(undefined, {}), ...changes });

describe('what is tried', () => {
  test('a grid: all combinations, the last path first', () => {
    const trials = trialsOf(sweep({ values: { a: [1, 2], b: ['x', 'y', 'z'] } }));
    expect(trials.map(({ values }) => [values.a, values.b])).toEqual([
      [1, 'x'],
      [1, 'y'],
      [1, 'z'],
      [2, 'x'],
      [2, 'y'],
      [2, 'z'],
    ]);
    expect(trials.map(({ name }) => name)).toEqual([1, 2, 3, 4, 5, 6].map((n) => `trial-${n}`));
  });

  test('at random from lists: no combination twice', () => {
    const plan = sweep({ values: { a: [1, 2, 3], b: [1, 2, 3] }, trials: 7 });
    const points = trialsOf(plan).map(({ values }) => `${values.a} ${values.b}`);
    expect(new Set(points).size).toBe(7);
    expect(trialsOf(plan)).toEqual(trialsOf(plan));
    expect(trialsOf({ ...plan, seed: 1 })).not.toEqual(trialsOf(plan));
  });

  test('at random from ranges: within them, evenly on their scale', () => {
    const values = {
      rate: { min: 1e-4, max: 1e-1, scale: 'log', integer: false },
      units: { min: 4, max: 9, scale: 'linear', integer: true },
    } as const;
    const trials = trialsOf(sweep({ values, trials: 2000 }));
    const rates = trials.map(({ values }) => Number(values.rate));
    expect(Math.min(...rates)).toBeGreaterThanOrEqual(1e-4);
    expect(Math.max(...rates)).toBeLessThanOrEqual(1e-1);
    for (const [low, high] of [
      [1e-4, 1e-3],
      [1e-3, 1e-2],
      [1e-2, 1e-1],
    ] as const)
      expect(rates.filter((r) => r >= low && r < high).length / 2000).toBeCloseTo(1 / 3, 1);
    expect(new Set(trials.map(({ values }) => values.units))).toEqual(new Set([4, 5, 6, 7, 8, 9]));
  });

  test('flags of the command line add to the file', () => {
    const plan = sweepOf(sweep({ values: { a: [1] } }), { grid: ['b=x,2,true', 'c=[[1,2],[3]]'], trials: 4 });
    expect(plan.values).toEqual({ a: [1], b: ['x', 2, true], c: [[1, 2], [3]] });
    expect(plan.trials).toBe(4);
    expect(() => sweepOf(undefined, { grid: ['fit.epochs'] })).toThrow(ConfigError);
  });

  test('a range has no grid; nothing to try is an error', () => {
    const range = { min: 0, max: 1, scale: 'linear', integer: false } as const;
    expect(() => trialsOf(sweep({ values: { a: range } }))).toThrow(/trials/);
    expect(() => trialsOf(sweep({ values: {} }))).toThrow(ConfigError);
  });

  test('rounds of successive halving', () => {
    expect(roundsOf(sweep({}), 9, 20)).toEqual([{ epochs: 20, survivors: 9 }]);
    const halving = { factor: 3, minEpochs: 2 };
    expect(roundsOf(sweep({ halving }), 9, 20)).toEqual([
      { epochs: 2, survivors: 9 },
      { epochs: 6, survivors: 3 },
      { epochs: 20, survivors: 1 },
    ]);
    expect(roundsOf(sweep({ halving }), 2, 20).at(-1)).toEqual({ epochs: 20, survivors: 1 });
  });

  test('the median rule: worse than most of those before, after as many epochs', () => {
    const median = { minEpochs: 2, minTrials: 3 };
    const others = [[5, 1], [5, 2], [5, 4], [5]];
    const stops = (figures: readonly (number | null)[], mode: 'min' | 'max' = 'min', before = others) =>
      fallsBehind(sweep({ median }), mode, figures, before);
    expect([stops([9, 2.1]), stops([9, 2]), stops([9, null])]).toEqual([true, false, true]);
    expect([stops([9, 1.9], 'max'), stops([9, 2.1], 'max')]).toEqual([true, false]);
    expect(stops([9])).toBe(false); // too few epochs
    expect(stops([9, 9], 'min', others.slice(1))).toBe(false); // too few trials that came so far
    expect(stops([9, 3.5], 'min', [...others, [5, 8]])).toBe(true); // the median of four: 3
    expect(fallsBehind(sweep({}), 'min', [9, 9], others)).toBe(false);
  });

  test.each([
    ['val_loss', 'min'],
    ['head_loss', 'min'],
    ['val_accuracy', 'max'],
    ['val_mean_absolute_error', 'min'],
    ['auc', 'max'],
  ])('%s: %s', (monitor, mode) => expect(modeOf(sweep({ monitor }))).toBe(mode));

  test('of an unknown figure one must say which way is better', () => {
    expect(() => modeOf(sweep({ monitor: 'goodness' }))).toThrow(/mode/);
    expect(modeOf(sweep({ monitor: 'goodness', mode: 'max' }))).toBe('max');
  });
});

const plan = {
  values: { 'compile.optimizer.learningRate': [0.0001, 0.03], 'model.layers.0.units': [2, 8] },
  halving: { factor: 2, minEpochs: 2 },
};
const withSweep = (
  changes: Readonly<Record<string, unknown>>,
  use: (folder: string, config: string, run: string) => Promise<void>,
): Promise<void> =>
  withFiles({ 'points.npz': pointsNpz() }, async (folder) => {
    const path = join(folder, 'train.json');
    await writeFile(
      path,
      pointsConfig(folder, { sweep: plan, fit: { epochs: 8, batchSize: 8 }, ...changes }),
    );
    await use(folder, path, join(folder, 'run'));
  });

const historyOf = (folder: string): Promise<string> => readFile(join(folder, 'history.json'), 'utf8');

describe('tfk sweep', () => {
  test('trains in rounds, stops those that fall behind; the survivor is the run it would have been alone', () =>
    withSweep({}, async (folder, path, run) => {
      const { code, stdout, stderr } = await callTfk('sweep', path, '--json');
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      const { results } = JSON.parse(stdout);
      expect(results.map(({ epochs, state }: { epochs: number; state: string }) => [epochs, state])).toEqual([
        [8, 'finished'],
        [4, 'stopped'],
        [2, 'stopped'],
        [2, 'stopped'],
      ]);
      expect(results[0].values['compile.optimizer.learningRate']).toBe(0.03);
      expect(await readdir(run)).toEqual(
        expect.arrayContaining(['results.csv', 'results.json', 'sweep.json']),
      );
      expect((await readFile(join(run, 'results.csv'), 'utf8')).split('\n')[0]).toBe(
        'trial,compile.optimizer.learningRate,model.layers.0.units,epochs,val_loss,state',
      );
      const best = join(run, results[0].name);
      const alone = join(folder, 'alone');
      const sets = Object.entries(results[0].values).flatMap(([key, value]) => ['--set', `${key}=${value}`]);
      expect((await callTfk('train', path, '--quiet', '--output', alone, ...sets)).code).toBe(0);
      expect(await historyOf(best)).toBe(await historyOf(alone));
      expect((await callTfk('evaluate', best, '--json')).code).toBe(0);
      expect((await callTfk('resume', join(run, results[3].name), '--quiet')).code).toBe(0);
      expect(await callTfk('sweep', path)).toMatchObject({
        code: 4,
        stderr: expect.stringContaining('finished'),
      });
      expect(await callTfk('sweep', path, '--resume')).toMatchObject({ code: 4 });
    }));

  test('killed and resumed, it ends as if nothing had happened', () =>
    withSweep({ fit: { epochs: 8, batchSize: 1 } }, async (folder, path, run) => {
      const whole = join(folder, 'whole');
      expect((await callTfk('sweep', path, '--quiet', '--output', whole)).code).toBe(0);
      let sent = false;
      const killed = await runTfk(['sweep', path], {
        onOutput: (text, kill) => {
          if (!sent && text.includes('trial-3 ')) kill('SIGKILL');
          sent ||= text.includes('trial-3 ');
        },
      });
      expect(killed.code).toBeNull();
      expect(await callTfk('sweep', path)).toMatchObject({
        code: 4,
        stderr: expect.stringContaining('--resume'),
      });
      const other = await callTfk('sweep', path, '--resume', '--grid', 'fit.shuffle=true,false');
      expect(other).toMatchObject({ code: 2, stderr: expect.stringContaining('another sweep') });
      expect((await callTfk('sweep', path, '--resume', '--quiet')).code).toBe(0);
      const read = (of: string) => readFile(join(of, 'results.json'), 'utf8');
      expect(await read(run)).toBe(await read(whole));
      for (const trial of ['trial-1', 'trial-4'])
        expect(await historyOf(join(run, trial))).toBe(await historyOf(join(whole, trial)));
    }));

  test('the median rule stops trials that fall behind, also when it was killed in between', () => {
    const values = { 'compile.optimizer.learningRate': [0.03, 0.03, 0.02, 0.0001, 0.05] };
    const median = { minEpochs: 2, minTrials: 2 };
    return withSweep(
      { sweep: { values, median }, fit: { epochs: 6, batchSize: 1 } },
      async (folder, path, run) => {
        const whole = join(folder, 'whole');
        const { code, stdout } = await callTfk('sweep', path, '--json', '--output', whole);
        expect(code).toBe(0);
        const { results } = JSON.parse(stdout);
        const worst = results.at(-1);
        expect(worst).toMatchObject({ name: 'trial-4', state: 'stopped', epochs: 2 });
        expect(results[0].state).toBe('finished');
        let sent = false;
        await runTfk(['sweep', path], {
          onOutput: (text, kill) => {
            if (!sent && text.includes('trial-3 ')) kill('SIGKILL');
            sent ||= text.includes('trial-3 ');
          },
        });
        expect((await callTfk('sweep', path, '--resume', '--quiet')).code).toBe(0);
        const read = (of: string) => readFile(join(of, 'results.json'), 'utf8');
        expect(await read(run)).toBe(await read(whole));
      },
    );
  });

  test('a trial that fails is told and passed over; when all do, it is an error', () =>
    withSweep({ sweep: { values: { 'fit.stepsPerEpoch': [2] } } }, async (_, path, run) => {
      const broken = ['--grid', 'model.layers.1.units=2,3'];
      const { code, stdout } = await callTfk('sweep', path, ...broken, '--set', 'data.validationSplit=0.2');
      expect(code).toBe(0);
      expect(stdout).toMatch(/trial-1 +failed: /);
      const results = JSON.parse(await readFile(join(run, 'results.json'), 'utf8'));
      expect(results.map(({ state }: { state: string }) => state)).toEqual(['finished', 'failed']);
      const hopeless = await callTfk('sweep', path, '--force', '--grid', 'model.layers.1.units=1,2');
      expect(hopeless.code).toBe(3);
    }));

  test('what it follows must be measured', () =>
    withSweep({}, async (_, path) => {
      const monitor = ['--set', 'sweep.monitor=val_goodness', '--set', 'sweep.mode=max'];
      expect(await callTfk('sweep', path, ...monitor)).toMatchObject({
        code: 2,
        stderr: expect.stringMatching(/val_goodness.*val_accuracy/s),
      });
      const blind = await callTfk('sweep', path, '--set', 'data.validationSplit=0');
      expect(blind).toMatchObject({
        code: 2,
        stderr: expect.stringContaining('--set data.validationSplit=0.2'),
      });
    }));
});
