import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from '../config/index.ts';
import { OutputExistsError } from './exit.ts';
import { type TraceEvent, timingsFrom } from './report-timings.ts';
import type { EpochHistograms, Mistake, ReportedRun, Timings } from './reported-run.ts';

/** What the report shows of a run. @throws {@link OutputExistsError} when the folder holds none */
export async function readRun(folder: string, name: string): Promise<ReportedRun> {
  const { exists, readConfig, readHistory, readJson, readRecord, runFiles } = await import(
    '../config/index.ts'
  );
  const missing: string[] = [];
  const ifThere = attempts(missing);
  if (!(await exists(join(folder, runFiles.history))))
    throw new OutputExistsError(`${folder} holds no run with figures: ${runFiles.history} is missing.`);
  const config = await readConfig(join(folder, runFiles.config));
  const finished = await exists(join(folder, runFiles.metrics));
  const metrics = finished ? await readJson(join(folder, runFiles.metrics)) : {};
  const recordPath = join(folder, runFiles.record);
  const record = (await exists(recordPath))
    ? await ifThere('versions and machine', () => readRecord(recordPath))
    : undefined;
  return {
    name,
    history: await readHistory(join(folder, runFiles.history)),
    facts: {
      ...figuresOf(metrics),
      ...settingsOf(config),
      ...(record && {
        threads: String(record.threads),
        processor: record.processor,
        versions: `tfk ${record.tfk}, node ${record.node}, ${record.runtime}`,
        commit: record.git
          ? `${record.git.commit.slice(0, 10)}${record.git.changed ? ', changed' : ''}`
          : '-',
        weights: record.weights?.slice(0, 10) ?? '-',
      }),
    },
    ...(finished && (await ifThere('confusion and mistakes', () => judged(folder, config)))),
    histograms: await ifThere('histograms', () => histogramsOf(folder, config)),
    timings: await ifThere('timings', () => timingsOf(join(folder, runFiles.profile))),
    graph: finished ? await ifThere('network', () => graphOf(folder)) : undefined,
    missing,
  };
}

/** Calls a function whose result the report can do without: data may have moved. What goes wrong is noted. */
const attempts =
  (problems: string[]) =>
  async <T>(what: string, find: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await find();
    } catch (error) {
      problems.push(`${what}: ${error instanceof Error ? error.message : String(error)}`);
      return undefined;
    }
  };

/** `{ epochs, seconds, train: { loss }, test: { loss } }` as rows of a table. */
function figuresOf(metrics: unknown, prefix = ''): Record<string, string> {
  return Object.fromEntries(
    Object.entries(metrics as Record<string, unknown>).flatMap(([key, value]) =>
      typeof value === 'number'
        ? [[`${prefix}${key}`, Number(value.toPrecision(5)).toString()]]
        : Object.entries(figuresOf(value ?? {}, `${key} `)),
    ),
  );
}

function settingsOf({ seed, fit, compile }: Config): Record<string, string> {
  const { type, ...options } = compile.optimizer;
  const set = Object.entries(options)
    .filter(([, value]) => value !== null && value !== false)
    .map(([key, value]) => `${key} ${JSON.stringify(value)}`);
  return {
    seed: String(seed ?? '-'),
    'batch size': String(fit.batchSize),
    optimizer: [String(type), ...set].join(', '),
  };
}

/** Largest number of classes that makes a table one can read. */
const mostClasses = 50;
const mostMistakes = 24;

/**
 * The confusion of classes and the worst mistakes: of models with one output over classes, and whole numbers as
 * targets.
 */
async function judged(
  folder: string,
  config: Config,
): Promise<Pick<ReportedRun, 'confusion' | 'mistakes' | 'judgedOn'> | undefined> {
  const { heldOut, openTrained, PictureFiles, predictedClasses, withClasses } = await import(
    '../config/index.ts'
  );
  const { DataError, Tensor } = await import('../index.ts');
  const held = await heldOut(config);
  if (held === undefined) return undefined;
  const { model, classNames } = await openTrained(folder);
  const samples = withClasses(held.samples, classNames);
  const { batchSize } = config.fit;
  const [x, y] =
    samples instanceof PictureFiles
      ? [samples.batches({ batchSize }), samples.labels]
      : [samples.x, samples.y];
  if (!(y instanceof Tensor) || y.size !== y.shape[0] || !y.data.every((v) => Number.isInteger(Number(v))))
    return undefined;
  const outputs = await model.predict(x, { batchSize, verbose: 0 });
  if (Array.isArray(outputs) || outputs.rank !== 2) return undefined;
  if (outputs.shape[0] !== y.size)
    throw new DataError(`${y.size - (outputs.shape[0] as number)} of ${y.size} pictures cannot be read.`);
  const width = outputs.shape[1] as number;
  const classes = Math.max(2, width);
  const labels = Array.from(y.data as Float32Array, Number);
  if (classes > mostClasses || labels.some((label) => label < 0 || label >= classes)) return undefined;
  const names = Array.from({ length: classes }, (_, c) => classNames?.[c] ?? String(c));
  const counts = Array.from({ length: classes }, () => new Array<number>(classes).fill(0));
  const wrong: (Mistake & { readonly row: number })[] = [];
  const score = (row: number, c: number): number =>
    width === 1
      ? c === 1
        ? Number(outputs.data[row])
        : 1 - Number(outputs.data[row])
      : Number(outputs.data[row * width + c]);
  for (const [row, found] of [...predictedClasses(outputs).data].entries()) {
    const [truth, predicted] = [labels[row] as number, Number(found)];
    const line = counts[truth] as number[];
    line[predicted] = (line[predicted] as number) + 1;
    if (truth === predicted) continue;
    const sure = score(row, predicted) - score(row, truth);
    wrong.push({ row, truth: names[truth] ?? '', predicted: names[predicted] ?? '', sure });
  }
  const worst = wrong.sort((a, b) => b.sure - a.sure).slice(0, mostMistakes);
  const mistakes = await Promise.all(
    worst.map(async ({ row, ...mistake }) => ({ ...mistake, ...(await held.show(row)) })),
  );
  return { confusion: { names, counts }, mistakes, judgedOn: held.kind };
}

/** What the callback `histograms` of the run recorded. */
async function histogramsOf(folder: string, config: Config): Promise<EpochHistograms[]> {
  const recorder = config.callbacks.find(({ type }) => type === 'histograms');
  if (typeof recorder?.path !== 'string') return [];
  const text = await readFile(join(folder, recorder.path), 'utf8').catch(() => '');
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));
}

async function timingsOf(path: string): Promise<Timings | undefined> {
  const text = await readFile(path, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  return timingsFrom((JSON.parse(text) as { readonly traceEvents: readonly TraceEvent[] }).traceEvents);
}

async function graphOf(folder: string): Promise<string> {
  const { openTrained } = await import('../config/index.ts');
  const { plotModel } = await import('../index.ts');
  const svg = await plotModel((await openTrained(folder)).model);
  return svg.replace(/ xmlns="[^"]*"/, ''); // not needed within a page
}
