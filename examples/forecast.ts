import { readFile } from 'node:fs/promises';
import * as tfk from 'tfk';
import { curve, draw, type Point } from './support/plot.ts';

const [past, ahead, testMonths] = [36, 12, 120];

/** Monthly means of carbon dioxide at Mauna Loa, in ppm, from May 1964, since when none is missing. */
async function readSeries(file: string): Promise<number[]> {
  const rows = (await readFile(file, 'utf8')).trim().split('\n').slice(1);
  return rows.filter((row) => row >= '1964-05').map((row) => Number(row.split(',')[1]));
}

/**
 * A GRU sees 36 months and forecasts the next 12. Mean absolute errors over all forecasts that lie in the last ten years, of
 * the model, of the seasonal naive forecast (last year's value), and of that with last year's growth added.
 */
export async function forecast(file: string, epochs: number, plotFile?: string) {
  tfk.setRandomSeed(8);
  const series = await readSeries(file);
  const at = (t: number) => series[t] as number;
  const origins = Array.from({ length: series.length - past - ahead + 1 }, (_, i) => i + past);
  const border = series.length - testMonths;
  const train = origins.filter((t) => t + ahead <= border);
  const test = origins.filter((t) => t >= border);

  // in units of a year's swing, some 6 ppm, from the last month seen
  const swing = 6;
  const relative = (from: number, to: number, last: number) =>
    series.slice(from, to).map((value) => (value - at(last)) / swing);
  const inputs = (times: readonly number[]) =>
    tfk.tensor(times.map((t) => relative(t - past, t, t - 1).map((value) => [value])));
  const targets = (times: readonly number[]) => tfk.tensor(times.map((t) => relative(t, t + ahead, t - 1)));
  const model = tfk.sequential([
    tfk.input({ shape: [past, 1] }),
    tfk.layers.gru({ units: 32 }),
    tfk.layers.dense({ units: ahead }),
  ]);
  const decaySteps = epochs * Math.ceil(train.length / 32);
  const learningRate = tfk.schedules.cosineDecay({ initialLearningRate: 5e-3, decaySteps });
  model.compile({ optimizer: tfk.optimizers.adam({ learningRate }), loss: 'mse' });
  await model.fit(inputs(train), targets(train), { epochs, verbose: 0 });

  const predicted = (await model.predict(inputs(test))) as tfk.Tensor;
  const growth = (t: number) => at(t - 1) - at(t - 13);
  const forecasts = {
    model: (t: number, month: number) =>
      at(t - 1) + swing * Number(predicted.data[test.indexOf(t) * ahead + month]),
    seasonalNaive: (t: number, month: number) => at(t + month - 12),
    naiveWithGrowth: (t: number, month: number) => at(t + month - 12) + growth(t),
  };
  const months = Array.from({ length: ahead }, (_, month) => month);
  const meanError = (guess: (t: number, month: number) => number): number => {
    const errors = test.flatMap((t) => months.map((month) => Math.abs(guess(t, month) - at(t + month))));
    return errors.reduce((a, b) => a + b) / errors.length;
  };
  if (plotFile) {
    const truth = series.map((value, t): Point => [t, value]).slice(border);
    const years = test.filter((_, i) => i % ahead === 0);
    const lines = years.map((t) => curve(months.map((m) => [t + m, forecasts.model(t, m)])));
    const [low, high] = [Math.min(...series.slice(border)), Math.max(...series.slice(border))];
    await draw(plotFile, [border, low - 1], [series.length, high + 1], [curve(truth, '#bbb', 6), ...lines]);
  }
  return {
    model: meanError(forecasts.model),
    seasonalNaive: meanError(forecasts.seasonalNaive),
    naiveWithGrowth: meanError(forecasts.naiveWithGrowth),
  };
}

if (process.argv[1] === import.meta.filename) {
  const file = process.argv[2] ?? 'node_modules/vega-datasets/data/co2-concentration.csv';
  console.log(await forecast(file, 30, process.argv[3]));
}
