import { availableParallelism, cpus } from 'node:os';
import { Command } from 'commander';
import type { Config, Samples } from '../config/index.ts';
import type { Model, Tensor } from '../index.ts';
import { describedModel } from './open-model.ts';
import { formatTable } from './table.ts';
import { examples, positiveNumber, printJson, wholeNumber } from './text.ts';

interface BenchOptions {
  readonly batchSize?: number;
  readonly seconds: number;
  readonly json?: boolean;
}

/** A measured activity. */
interface Timing {
  readonly what: 'train' | 'predict';
  readonly batchSize: number;
  /** Median time of a batch. */
  readonly milliseconds: number;
  readonly samplesPerSecond: number;
}

export const benchCommand = (): Command =>
  new Command('bench')
    .argument('<model>', 'a JSON config, an output folder of tfk train, or a model file')
    .option('--batch-size <n>', "samples at a time; by default the config's", wholeNumber)
    .option('--seconds <n>', 'how long each part is measured', positiveNumber, 3)
    .option('--json', 'print one line of JSON')
    .addHelpText(
      'after',
      `
A config or a run is trained for the time given, on its data, and thrown away; a model file is timed on random numbers,
and only predicts. Times are medians, after a warm-up.
${examples(['tfk bench train.json'], ['tfk bench runs/digits --batch-size 256 --seconds 10'])}`,
    )
    .action(bench);

async function bench(path: string, options: BenchOptions): Promise<void> {
  const { backends } = await import('../index.ts');
  const config = await configOf(path);
  const model = await describedModel(path);
  const batchSize = options.batchSize ?? config?.fit.batchSize ?? 32;
  const timings: Timing[] = [];
  if (config) {
    const { compileModel, limited, loadSource, sampleCount } = await import('../config/index.ts');
    const samples = await loadSource(config.data.train);
    const batches = Math.min(50, Math.floor(sampleCount(samples.x) / batchSize));
    const part = limited(samples, Math.max(1, batches) * batchSize);
    compileModel(model, config);
    timings.push(await timeTraining(model, part, batchSize, options.seconds));
    for (const size of new Set([batchSize, 1]))
      timings.push(await timePrediction(model, limited(part, size).x, size, options.seconds));
  } else {
    for (const size of new Set([batchSize, 1]))
      timings.push(await timePrediction(model, await randomInputs(model, size), size, options.seconds));
  }
  const { runtime } = await backends.getBackend(config?.backend);
  const machine = `${cpus()[0]?.model ?? 'unknown processor'}, ${availableParallelism()} cores, ${runtime}`;
  model.dispose();
  if (options.json) return printJson({ machine, params: model.countParams(), timings });
  const rows = timings.map(({ what, batchSize, milliseconds, samplesPerSecond }) => [
    what,
    String(batchSize),
    milliseconds.toPrecision(3),
    Math.round(samplesPerSecond).toLocaleString('en-US'),
  ]);
  console.log(formatTable(['', 'batch', 'ms a batch', 'samples a second'], rows));
  console.log(`On ${machine}.`);
}

/** The config at a path, or that of the run there; `undefined` for a model without one. */
async function configOf(path: string): Promise<Config | undefined> {
  const { exists, openTrained, readConfig } = await import('../config/index.ts');
  if (path.endsWith('.json') && !path.endsWith('model.json')) return readConfig(path);
  return (await exists(path)) && !/\.(onnx|h5|hdf5|json)$/.test(path)
    ? (await openTrained(path)).config
    : undefined;
}

async function timeTraining(
  model: Model,
  { x, y }: Samples,
  batchSize: number,
  seconds: number,
): Promise<Timing> {
  const tfk = await import('../index.ts');
  const { sampleCount } = await import('../config/index.ts');
  const steps = Math.ceil(sampleCount(x) / batchSize);
  const times: number[] = [];
  const end = performance.now() + 1000 * seconds;
  let begun = 0;
  const clock = tfk.callbacks.lambda({
    onEpochBegin: () => {
      begun = performance.now();
    },
    onEpochEnd: (epoch) => {
      if (epoch > 0) times.push((performance.now() - begun) / steps); // the first compiles
      if (performance.now() > end && times.length >= 3) clock.run.stop();
    },
  });
  await model.fit(x, y, { epochs: 1_000_000, batchSize, verbose: 0, callbacks: [clock] });
  return timing('train', Math.min(batchSize, sampleCount(x)), times);
}

async function timePrediction(
  model: Model,
  x: Samples['x'] | readonly Tensor[],
  batchSize: number,
  seconds: number,
): Promise<Timing> {
  const times: number[] = [];
  await model.predict(x, { batchSize, verbose: 0 });
  const end = performance.now() + 1000 * seconds;
  while (performance.now() < end || times.length < 3) {
    const begun = performance.now();
    await model.predict(x, { batchSize, verbose: 0 });
    times.push(performance.now() - begun);
  }
  return timing('predict', batchSize, times);
}

function timing(what: Timing['what'], batchSize: number, times: readonly number[]): Timing {
  const milliseconds = [...times].sort((a, b) => a - b)[Math.floor(times.length / 2)] as number;
  return { what, batchSize, milliseconds, samplesPerSecond: (1000 * batchSize) / milliseconds };
}

/** Numbers in 0..1 for each input; zeros where it takes whole numbers. */
async function randomInputs(model: Model, batchSize: number): Promise<Tensor[]> {
  const { ConfigError, Tensor } = await import('../index.ts');
  return model.inputs.map(({ dtype, shape }, i) => {
    const sizes = shape.slice(1);
    if (sizes.includes(null))
      throw new ConfigError(`bench: input ${i} has open sizes. Name a config, whose data is taken.`, {
        argument: 'model',
      });
    const whole = [batchSize, ...(sizes as number[])];
    const count = whole.reduce((a, b) => a * b, 1);
    const numbers = dtype.startsWith('float')
      ? Float32Array.from({ length: count }, Math.random)
      : new Float32Array(count);
    return new Tensor('float32', whole, numbers).cast(dtype);
  });
}
