import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import * as tfk from '../../src/index.ts';
import { fingerprint, rememberingCallbacks, samples } from '../helpers/resumable-run.ts';

const { layers, ops } = tfk;
const base = mkdtempSync(join(tmpdir(), 'tfk-custom-resume-'));
afterAll(() => rmSync(base, { recursive: true }));

/** Rebuilds its input from a code with gaps and noise; its training step says what is lost. */
class Denoiser extends tfk.Model {
  static override readonly className = 'Denoiser';
  readonly #parts = [
    layers.dense({ units: 4, activation: 'tanh' }),
    layers.batchNormalization(),
    layers.dropout({ rate: 0.3 }),
    layers.dense({ units: 3, kernelRegularizer: 'l2' }),
  ].map((layer) => this.track(layer));

  call([x]: tfk.Values, options: tfk.CallOptions): tfk.Value {
    return this.#parts.reduce((v, part) => part.invoke([v], options)[0] as tfk.Value, x);
  }

  #lost(x: tfk.Value, seen: tfk.Value, training: boolean): tfk.StepLosses {
    const [y] = this.invoke([seen], { training });
    const error = ops.reduceMean(ops.square(ops.sub(y as tfk.Value, x)));
    return { loss: ops.mul(error, 10), error };
  }

  override trainStep({ x: [x] }: tfk.StepBatch): tfk.StepLosses {
    const value = x as tfk.Value;
    return this.#lost(value, ops.add(value, ops.mul(tfk.randomUniform(value.shape), 0.1)), true);
  }

  override testStep({ x: [x] }: tfk.StepBatch): tfk.StepLosses {
    return this.#lost(x as tfk.Value, x as tfk.Value, false);
  }
}

class Died extends Error {}

/** Trains in a folder; ends like a crash after `dieAt` steps. */
async function attempt(folder: string, dieAt = Number.POSITIVE_INFINITY) {
  tfk.setRandomSeed(7);
  const model = new Denoiser({});
  model.compile({ optimizer: { type: 'adam', learningRate: 0.03 }, threads: 1 });
  let steps = 0;
  const death = tfk.callbacks.lambda({
    onTrainBatchEnd() {
      steps++;
      if (steps === dieAt) throw new Died();
    },
  });
  const backup = tfk.callbacks.backupAndRestore({ backupDir: join(folder, 'backup'), saveFreq: 1 });
  const history = await model.fit(samples.x, undefined, {
    epochs: 4,
    batchSize: 6,
    verbose: 0,
    validationSplit: 0.25,
    callbacks: [backup, ...rememberingCallbacks(folder), death],
  });
  return {
    keys: Object.keys(history),
    bits: fingerprint(model, history),
    log: readFileSync(join(folder, 'log.csv'), 'utf8'),
    evaluated: await model.evaluate(samples.x, undefined, { verbose: 0 }),
  };
}

test('a model with steps of its own is trained by fit with callbacks, and goes on after a crash to the same bits', async () => {
  const whole = await attempt(mkdtempSync(join(base, 'run-')));
  expect(whole.keys).toEqual(['loss', 'error', 'val_loss', 'val_error', 'learning_rate']);
  const folder = mkdtempSync(join(base, 'run-'));
  for (const steps of [1, 5, 7, 3]) await expect(attempt(folder, steps)).rejects.toThrow(Died);
  expect(await attempt(folder)).toEqual(whole);
});
