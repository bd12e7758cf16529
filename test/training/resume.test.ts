import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, jest, test } from '@jest/globals';
import {
  type BatchLike,
  type BatchSource,
  ConfigError,
  callbacks,
  type FitOptions,
  FormatError,
} from '../../src/index.ts';
import { fingerprint, rememberingCallbacks, resumableModel, samples } from '../helpers/resumable-run.ts';

const base = mkdtempSync(join(tmpdir(), 'tfk-resume-'));
afterAll(() => rmSync(base, { recursive: true }));
const newFolder = (): string => mkdtempSync(join(base, 'run-'));

class Died extends Error {}

/** Ends a run after some steps as a crash does: nobody gets to tidy up. */
const dieAfter = (steps: number): callbacks.Callback => {
  let left = steps;
  return callbacks.lambda({
    onTrainBatchEnd() {
      left--;
      if (left === 0) throw new Died();
    },
  });
};

interface Case {
  readonly stepsPerExecution?: number;
  readonly optimizer?: object;
  readonly stream?: () => BatchSource;
  readonly options?: FitOptions;
  readonly saveFreq?: number | 'epoch';
}

/** Batches of an iterable that knows no place. */
const stream = (count: number) => (): BatchSource => ({
  *[Symbol.iterator](): Generator<BatchLike> {
    for (let i = 0; i < count; i++)
      yield [samples.x.rows(4 * i, 4 * i + 4), samples.y.rows(4 * i, 4 * i + 4)];
  },
});

/** Trains in a folder, dying after `dieAt` steps. */
async function attempt(
  folder: string,
  { stepsPerExecution, optimizer, stream: source, options, saveFreq = 1 }: Case,
  dieAt = 0,
) {
  const model = resumableModel(stepsPerExecution, optimizer);
  const backup = callbacks.backupAndRestore({ backupDir: join(folder, 'backup'), saveFreq });
  const list = [backup, ...rememberingCallbacks(folder), ...(dieAt > 0 ? [dieAfter(dieAt)] : [])];
  const given: FitOptions = { epochs: 4, batchSize: 6, verbose: 0, ...options, callbacks: list };
  const history = source
    ? await model.fit(source(), undefined, { validationData: [samples.x, samples.y], ...given })
    : await model.fit(samples.x, samples.y, { validationSplit: 0.25, ...given });
  const result = {
    hash: fingerprint(model, history),
    log: readFileSync(join(folder, 'log.csv'), 'utf8'),
    epochs: history.loss?.length,
  };
  model.dispose();
  return result;
}

describe('a run that died and goes on ends like one that did not', () => {
  test.each<[string, Case, number[]]>([
    ['at each of some steps', {}, [1, 5, 1, 7, 2, 3]],
    ['saved each epoch', { saveFreq: 'epoch' }, [3, 8, 12]],
    ['saved every fourth step', { saveFreq: 4 }, [3, 6, 13]],
    ['several steps in one native call', { stepsPerExecution: 3 }, [1, 2, 4]],
    ['epochs that end within the data', { options: { stepsPerEpoch: 4, epochs: 6 } }, [3, 4, 6]],
    [
      'moving averages, gradients gathered over three steps',
      { optimizer: { useEma: true, emaMomentum: 0.9, gradientAccumulationSteps: 3 } },
      [2, 5, 3],
    ],
    ['an optimizer with shared scalars', { optimizer: { type: 'nadam' } }, [4, 6]],
    ['batches of an iterable', { stream: stream(5) }, [2, 5, 6]],
    ['an iterable cut into epochs', { stream: stream(11), options: { stepsPerEpoch: 4 } }, [3, 4, 5]],
  ])('%s', async (_, run, deaths) => {
    const whole = await attempt(newFolder(), run);
    const folder = newFolder();
    for (const steps of deaths) await expect(attempt(folder, run, steps)).rejects.toThrow(Died);
    expect(await attempt(folder, run)).toEqual(whole);
    expect(readdirSync(join(folder, 'backup'))).toEqual([]); // the run is over
  });
});

describe('run.interrupt()', () => {
  test('ends the run as it is; the next fit goes on from that very step', async () => {
    const whole = await attempt(newFolder(), {});
    const folder = newFolder();
    for (const steps of [1, 4, 9]) {
      const model = resumableModel();
      let left = steps;
      const stop = callbacks.lambda({
        onTrainBatchEnd() {
          left--;
          if (left === 0) stop.run.interrupt();
        },
      });
      const backup = callbacks.backupAndRestore({ backupDir: join(folder, 'backup') });
      await model.fit(samples.x, samples.y, {
        epochs: 4,
        batchSize: 6,
        validationSplit: 0.25,
        verbose: 0,
        callbacks: [backup, ...rememberingCallbacks(folder), stop],
      });
    }
    expect(await attempt(folder, { saveFreq: 'epoch' })).toEqual(whole);
  });
});

describe('backupAndRestore', () => {
  test('keeps the newest checkpoints; a damaged one gives way to the one before', async () => {
    const warn = jest.spyOn(process, 'emitWarning').mockImplementation(() => {});
    const whole = await attempt(newFolder(), {});
    const folder = newFolder();
    await expect(attempt(folder, {}, 9)).rejects.toThrow(Died);
    const backup = join(folder, 'backup');
    const [older, newest] = readdirSync(backup).sort();
    expect(readdirSync(backup)).toHaveLength(2);
    const bytes = readFileSync(join(backup, String(newest)));
    bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] as number) ^ 0xff;
    writeFileSync(join(backup, String(newest)), bytes);
    writeFileSync(join(backup, '.tfk-left-over.tmp'), 'half a checkpoint');
    expect(await attempt(folder, {})).toEqual(whole);
    expect(warn.mock.calls.map(([text]) => String(text)).join()).toContain(String(newest));
    expect(readdirSync(backup)).toEqual([]);
    writeFileSync(join(backup, String(older)), 'nonsense');
    await expect(attempt(folder, {})).rejects.toThrow(FormatError);
    warn.mockRestore();
  });

  test('refuses to go on with another model, optimizer or other data', async () => {
    const folder = newFolder();
    await expect(attempt(folder, {}, 3)).rejects.toThrow(Died);
    await expect(attempt(folder, { options: { batchSize: 5 } })).rejects.toThrow(
      'the checkpoint was made with 33 samples in batches of 6, shuffled. Received 33 samples in batches of 5',
    );
    const model = resumableModel();
    model.compile({ optimizer: 'sgd', loss: 'binaryCrossentropy' });
    const backup = callbacks.backupAndRestore({ backupDir: join(folder, 'backup') });
    const fit = model.fit(samples.x, samples.y, { callbacks: [backup], verbose: 0 });
    await expect(fit).rejects.toThrow(ConfigError);
  });

  test('a finished run whose checkpoint was kept has nothing left to do; more epochs go on', async () => {
    const whole = resumableModel();
    const long = await whole.fit(samples.x, samples.y, { epochs: 4, verbose: 0 });
    const backupDir = join(newFolder(), 'backup');
    const train = async (epochs: number) => {
      const model = resumableModel();
      const backup = callbacks.backupAndRestore({ backupDir, deleteCheckpoint: false });
      const history = await model.fit(samples.x, samples.y, { epochs, verbose: 0, callbacks: [backup] });
      return fingerprint(model, history);
    };
    const two = await train(2);
    expect(await train(2)).toBe(two);
    expect(await train(4)).toBe(fingerprint(whole, long));
  });

  test('run.state() outside of fit is an error', async () => {
    const callback = callbacks.lambda({ onTestEnd: async () => void (await callback.run.state()) });
    const model = resumableModel();
    await expect(model.evaluate(samples.x, samples.y, { callbacks: [callback], verbose: 0 })).rejects.toThrow(
      'only a run of fit can be saved',
    );
  });
});
