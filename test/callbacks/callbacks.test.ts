import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, jest, test } from '@jest/globals';
import {
  ConfigError,
  callbacks,
  type History,
  type Logs,
  loadModel,
  type Model,
  type Tensor,
} from '../../src/index.ts';
import { column, oneWeight, quiet, weightOf } from '../helpers/small-models.ts';

const { Callback } = callbacks;
const folder = mkdtempSync(join(tmpdir(), 'tfk-callbacks-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Gives each epoch the figure that is wanted, before the callbacks that follow look at it. */
class Figures extends Callback {
  readonly key: string;
  readonly values: readonly number[];
  constructor(key: string, values: readonly number[]) {
    super();
    this.key = key;
    this.values = values;
  }
  override onEpochEnd(epoch: number, logs: Logs): void {
    logs[this.key] = this.values[epoch] as number;
  }
}

const [x, y] = [column(1, 2), column(0, 0)];

/** Epochs of a model whose weight is 1, 0.5, 0.25, ... after each. */
async function train(
  values: readonly number[],
  watching: callbacks.Callback | undefined,
  key = 'val_loss',
): Promise<{ model: Model; epochs: number; history: History }> {
  const model = oneWeight(1, { optimizer: { type: 'sgd', learningRate: 0.1 } });
  const list = [new Figures(key, values), ...(watching ? [watching] : [])];
  const history = await model.fit(x, y, { ...quiet, epochs: values.length, callbacks: list });
  return { model, epochs: history.loss?.length ?? 0, history };
}
/** The weight after so many epochs. */
const weightAfter = (epochs: number): number => 0.5 ** epochs;

describe('earlyStopping', () => {
  // figures, options, epochs that run, epochs after which the weights were taken (if restored)
  test.each<[string, number[], Parameters<typeof callbacks.earlyStopping>[0], number]>([
    ['stops at the first epoch without improvement', [5, 4, 4, 3, 2], {}, 3],
    ['endures patience epochs', [5, 4, 4, 4, 3, 3, 3, 1], { patience: 3 }, 8],
    ['stops when patience is used up', [5, 4, 4, 4, 3, 3, 3, 1], { patience: 2 }, 4],
    ['does not stop in the first epoch', [Number.NaN, 4, 3], { patience: 0 }, 3],
    ['minDelta: small steps do not count', [5, 4.95, 4.9, 4.85], { minDelta: 0.1 }, 2],
    ['max', [1, 2, 3, 2, 9], { mode: 'max' }, 4],
    ['startFromEpoch: a warm-up', [1, 2, 3, 2.5, 2.6, 0], { startFromEpoch: 2 }, 5],
    ['baseline never reached', [5, 5, 5, 5, 5], { baseline: 1, patience: 2 }, 2],
    ['baseline never reached, but better each epoch', [5, 4, 3, 2], { baseline: 1 }, 4],
    ['baseline reached in time', [5, 0.5, 0.4, 0.45, 0.3], { baseline: 1, patience: 2 }, 5],
  ])('%s', async (_, values, options, expected) => {
    const stop = callbacks.earlyStopping(options);
    const { epochs } = await train(values, stop);
    expect(epochs).toBe(expected);
  });

  test('restoreBestWeights puts back the best epoch, also when nothing stopped it', async () => {
    const stop = callbacks.earlyStopping({ restoreBestWeights: true, patience: 2 });
    const { model, epochs } = await train([5, 4, 6, 7, 8], stop);
    expect([epochs, stop.bestEpoch]).toEqual([4, 1]);
    expect(weightOf(model)).toBeCloseTo(weightAfter(2), 6);
    const ends = callbacks.earlyStopping({ restoreBestWeights: true, patience: 9 });
    expect(weightOf((await train([5, 1, 6], ends)).model)).toBeCloseTo(weightAfter(2), 6);
    const never = callbacks.earlyStopping({ patience: 1 });
    expect(weightOf((await train([5, 4, 6], never)).model)).toBeCloseTo(weightAfter(3), 6);
  });

  test('with a baseline that is never reached the best epoch is restored', async () => {
    const stop = callbacks.earlyStopping({ restoreBestWeights: true, baseline: 0.1, patience: 3 });
    const { model } = await train([5, 3, 4, 4, 4], stop);
    expect(weightOf(model)).toBeCloseTo(weightAfter(2), 6);
  });

  test('auto asks the metric which way is better', async () => {
    const model = oneWeight(1, { metrics: ['mae', 'r2Score'] });
    const run = (monitor: string): Promise<History> =>
      model.fit(x, y, {
        ...quiet,
        epochs: 3,
        validationData: [x, column(1, 2)],
        callbacks: [callbacks.earlyStopping({ monitor, patience: 5 })],
      });
    expect((await run('val_mae')).loss).toHaveLength(3);
    expect((await run('r2Score')).loss).toHaveLength(3);
    const accuracy = oneWeight(1, { metrics: ['accuracy'] });
    const watch = callbacks.earlyStopping({ monitor: 'val_accuracy' });
    const data = { ...quiet, epochs: 4, validationData: [x, y] as const, callbacks: [watch] };
    expect((await accuracy.fit(x, y, data)).val_accuracy).toEqual([0.5, 1, 1]); // more is better
  });

  test('a figure without a known direction, or that is not there', async () => {
    const odd = callbacks.earlyStopping({ monitor: 'fancy' });
    await expect(train([1, 2], odd, 'fancy')).rejects.toThrow(/Set mode to "min" or "max"/);
    const missing = callbacks.earlyStopping();
    const fit = oneWeight(1).fit(x, y, { ...quiet, callbacks: [missing] });
    await expect(fit).rejects.toThrow(
      /EarlyStopping follows "val_loss", which is not measured. Available: loss. Give fit\(\) validationData/,
    );
    expect(() => callbacks.earlyStopping({ patiance: 2 } as never)).toThrow(/Did you mean "patience"/);
  });

  test('epochs that validationFreq leaves out do not count', async () => {
    const stop = callbacks.earlyStopping({ patience: 1 });
    const { loss } = await oneWeight(1, { optimizer: { type: 'sgd', learningRate: 0 } }).fit(x, y, {
      ...quiet,
      epochs: 9,
      validationData: [x, y],
      validationFreq: 2,
      callbacks: [stop],
    });
    expect(loss).toHaveLength(4);
  });

  test('may be used again', async () => {
    const stop = callbacks.earlyStopping();
    expect((await train([1, 2, 3], stop)).epochs).toBe(2);
    expect((await train([9, 8, 9], stop)).epochs).toBe(3);
  });
});

describe('learning rates', () => {
  const rates = async (watch: callbacks.Callback, values: readonly number[]): Promise<number[]> =>
    (await train(values, watch)).history.learning_rate?.map((v) => Math.round(v * 1e6) / 1e6) ?? [];

  test('reduceLROnPlateau: after patience epochs, with cooldown, not below minLr', async () => {
    const options = { factor: 0.5, patience: 2 };
    expect(await rates(callbacks.reduceLROnPlateau(options), [5, 5, 5, 5, 5, 5])).toEqual([
      0.1, 0.1, 0.1, 0.05, 0.05, 0.025,
    ]);
    const cooled = callbacks.reduceLROnPlateau({ ...options, cooldown: 2 });
    expect(await rates(cooled, [5, 5, 5, 5, 5, 5, 5])).toEqual([0.1, 0.1, 0.1, 0.05, 0.05, 0.05, 0.025]);
    const floor = callbacks.reduceLROnPlateau({ factor: 0.1, patience: 1, minLr: 0.03 });
    expect(await rates(floor, [5, 5, 5, 5])).toEqual([0.1, 0.1, 0.03, 0.03]);
    const delta = callbacks.reduceLROnPlateau({ factor: 0.5, patience: 1, minDelta: 1 });
    expect(await rates(delta, [5, 4.5, 3, 2.5])).toEqual([0.1, 0.1, 0.05, 0.05]);
  });

  test('learningRateScheduler: before each epoch, from the first one on', async () => {
    const seen: [number, number][] = [];
    const schedule = callbacks.learningRateScheduler((epoch, rate) => {
      seen.push([epoch, Math.round(rate * 1e6) / 1e6]);
      return rate / 2;
    });
    const { model, history } = await train([0, 0, 0], schedule);
    expect(seen).toEqual([
      [0, 0.1],
      [1, 0.05],
      [2, 0.025],
    ]);
    expect(history.learning_rate?.[0]).toBeCloseTo(0.05, 7);
    // w -= rate * mean(2 w x^2), and the mean of x^2 is 2.5
    expect(weightOf(model)).toBeCloseTo((1 - 5 * 0.05) * (1 - 5 * 0.025) * (1 - 5 * 0.0125), 5);
  });
});

describe('the rest', () => {
  test('terminateOnNaN stops within the epoch', async () => {
    const model = oneWeight(1, { optimizer: { type: 'sgd', learningRate: 1e30 } });
    const batches: number[] = [];
    const watch = callbacks.lambda({ onTrainBatchEnd: (batch) => void batches.push(batch) });
    const many = column(...new Array<number>(50).fill(3));
    const options = { ...quiet, batchSize: 1, epochs: 3, callbacks: [watch, callbacks.terminateOnNaN()] };
    const zeros = column(...new Array<number>(50).fill(0));
    const { loss } = await model.fit(many, zeros, options);
    expect(loss).toHaveLength(1);
    expect(batches.length).toBeLessThan(10);
  });

  test('hooks come in Keras order, and may be asynchronous', async () => {
    const seen: string[] = [];
    const names = [
      'onTrainBegin',
      'onEpochBegin',
      'onTrainBatchBegin',
      'onTrainBatchEnd',
      'onTestBegin',
      'onTestBatchBegin',
      'onTestBatchEnd',
      'onTestEnd',
      'onEpochEnd',
      'onTrainEnd',
      'onPredictBegin',
      'onPredictBatchBegin',
      'onPredictBatchEnd',
      'onPredictEnd',
    ] as const;
    const hooks = Object.fromEntries(
      names.map((name) => [
        name,
        async () => {
          await new Promise((resolve) => setImmediate(resolve));
          seen.push(name);
        },
      ]),
    );
    const model = oneWeight(1);
    const watch = callbacks.lambda(hooks);
    await model.fit(x, y, { ...quiet, validationData: [x, y], callbacks: [watch] });
    expect(seen).toEqual(names.slice(0, 10));
    seen.length = 0;
    await model.predict(x, { callbacks: [watch] });
    expect(seen).toEqual(names.slice(10));
    seen.length = 0;
    await model.evaluate(x, y, { verbose: 0, callbacks: [watch] });
    expect(seen).toEqual(names.slice(4, 8));
  });

  test('a callback of the user: the run it takes part in, and logs that it adds to', async () => {
    class Mine extends Callback {
      override onTrainBegin(): void {
        expect(this.run.info).toMatchObject({ epochs: 2, steps: 1, validates: false, verbose: 0 });
      }
      override onEpochEnd(epoch: number, logs: Logs): void {
        logs.mine = epoch * 10;
        expect(this.run.history.loss?.length ?? 0).toBe(epoch);
      }
    }
    const { mine } = await oneWeight(1).fit(x, y, { ...quiet, epochs: 2, callbacks: [new Mine()] });
    expect(mine).toEqual([0, 10]);
  });

  test('csvLogger: a line per epoch, with all keys; append goes on', async () => {
    const path = join(folder, 'log.csv');
    const log = (append: boolean): callbacks.CSVLogger => callbacks.csvLogger({ path, append });
    const model = oneWeight(1, { metrics: ['mae'] });
    const options = { ...quiet, epochs: 2, validationData: [x, y] as const, validationFreq: 2 };
    const { loss, val_loss: measured } = await model.fit(x, y, { ...options, callbacks: [log(false)] });
    await model.fit(x, y, { ...options, initialEpoch: 1, callbacks: [log(true)] });
    const rows = readFileSync(path, 'utf8')
      .trim()
      .split('\n')
      .map((row) => row.split(','));
    expect(rows[0]).toEqual(['epoch', 'loss', 'mae', 'val_loss', 'val_mae']);
    expect(rows.slice(1).map((row) => row[0])).toEqual(['0', '1', '1']);
    expect([rows[1]?.[1], rows[1]?.[3], rows[2]?.[3]]).toEqual([`${loss?.[0]}`, 'NA', `${measured?.[0]}`]);
  });

  test('verbose 2: a line per epoch; 0: none', async () => {
    const lines: string[] = [];
    const spy = jest.spyOn(console, 'log').mockImplementation((line: string) => void lines.push(line));
    const model = oneWeight(1);
    await model.fit(x, y, { ...quiet, epochs: 2, verbose: 2, validationData: [x, y] });
    await model.evaluate(x, y, { verbose: 2 });
    await model.fit(x, y, quiet);
    spy.mockRestore();
    const figures = String.raw`\d+\.\ds - loss: \d\.\d{4}`;
    expect(lines).toHaveLength(3);
    expect(lines[1]).toMatch(new RegExp(`^Epoch 2/2 - ${figures} - val_loss: 0\\.1563$`));
    expect(lines[2]).toMatch(new RegExp(`^evaluate - ${figures}$`));
  });

  test('modelCheckpoint: a file per epoch, or only the best', async () => {
    const each = callbacks.modelCheckpoint({ path: join(folder, 'w-{epoch}-{val_loss:.1f}.keras') });
    await train([5, 4, 6], each);
    const second = await loadModel(join(folder, 'w-02-4.0.keras'));
    expect(weightOf(second)).toBeCloseTo(weightAfter(2), 6);
    const best = callbacks.modelCheckpoint({ path: join(folder, 'best.weights.h5'), saveBestOnly: true });
    const { model } = await train([5, 4, 6], best);
    await model.loadWeights(join(folder, 'best.weights.h5'));
    expect(weightOf(model)).toBeCloseTo(weightAfter(2), 6);
    const predicted = (await second.predict(column(1))) as Tensor;
    expect(predicted.item()).toBeCloseTo(weightAfter(2), 6);
  });

  test('modelCheckpoint: every so many batches; a path that asks for too much', async () => {
    const path = join(folder, 'batches.keras');
    const model = oneWeight(1);
    const often = callbacks.modelCheckpoint({ path, saveFreq: 3 });
    const [many, zeros] = [column(1, 1, 1, 1), column(0, 0, 0, 0)];
    await model.fit(many, zeros, { ...quiet, batchSize: 1, callbacks: [often] });
    expect(weightOf(await loadModel(path))).toBeCloseTo(0.8 ** 3, 6);
    const odd = callbacks.modelCheckpoint({ path: join(folder, '{acc}.keras') });
    await expect(train([1], odd)).rejects.toThrow(/asks for "acc". Available: epoch, loss, val_loss/);
    expect(() => callbacks.modelCheckpoint({ path: 'model.h5' })).toThrow(ConfigError);
  });
});
