import { basename, join, resolve } from 'node:path';
import { Command } from 'commander';
import type { Config } from '../config/index.ts';
import { OutputExistsError } from './exit.ts';
import { type Confusion, type ReportedRun, reportPage } from './report-page.ts';

export const reportCommand = (): Command =>
  new Command('report')
    .description('one HTML page about runs: curves, figures, settings, confusion of classes')
    .argument('<run...>', 'output folders of tfk train')
    .option('--output <file>', 'where to write the page', 'report.html')
    .addHelpText(
      'after',
      `
The page needs no network. Classifiers with test data get a table of which class was taken for which.

Example:
  $ tfk report runs/small runs/large --output report.html`,
    )
    .action(report);

async function report(folders: readonly string[], { output }: { readonly output: string }): Promise<void> {
  const { writeText } = await import('../config/index.ts');
  const runs: ReportedRun[] = [];
  for (const folder of folders) runs.push(await readRun(folder));
  await writeText(output, reportPage(runs));
  console.log(`${runs.length} ${runs.length === 1 ? 'run' : 'runs'} reported in ${output}.`);
}

async function readRun(folder: string): Promise<ReportedRun> {
  const { exists, readConfig, readHistory, readJson, readRecord, runFiles } = await import(
    '../config/index.ts'
  );
  if (!(await exists(join(folder, runFiles.history))))
    throw new OutputExistsError(`${folder} holds no run with figures: ${runFiles.history} is missing.`);
  const config = await readConfig(join(folder, runFiles.config));
  const finished = await exists(join(folder, runFiles.metrics));
  const metrics = finished ? await readJson(join(folder, runFiles.metrics)) : {};
  const recordPath = join(folder, runFiles.record);
  const record = (await exists(recordPath)) ? await readRecord(recordPath) : undefined;
  return {
    name: basename(resolve(folder)),
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
    confusion: finished ? await confusionOf(folder, config) : undefined,
  };
}

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
  const set = Object.entries(options).map(([key, value]) => `${key} ${JSON.stringify(value)}`);
  return {
    seed: String(seed ?? '-'),
    'batch size': String(fit.batchSize),
    optimizer: [String(type), ...set].join(', '),
  };
}

/** Largest number of classes that makes a table one can read. */
const mostClasses = 50;

/** Of models with one output over classes, and whole numbers as targets. */
async function confusionOf(folder: string, config: Config): Promise<Confusion | undefined> {
  const { loadSource, openTrained, predictedClasses, withClasses } = await import('../config/index.ts');
  const { Tensor } = await import('../index.ts');
  if (config.data.test === undefined) return undefined;
  const { model, classNames } = await openTrained(folder);
  const { x, y } = withClasses(await loadSource(config.data.test), classNames);
  if (!(y instanceof Tensor) || y.size !== y.shape[0] || !y.data.every((v) => Number.isInteger(Number(v))))
    return undefined;
  const outputs = await model.predict(x, { batchSize: config.fit.batchSize, verbose: 0 });
  if (Array.isArray(outputs) || outputs.rank !== 2) return undefined;
  const classes = Math.max(2, outputs.shape[1] as number);
  const labels = Array.from(y.data as Float32Array, Number);
  if (classes > mostClasses || labels.some((label) => label < 0 || label >= classes)) return undefined;
  const counts = Array.from({ length: classes }, () => new Array<number>(classes).fill(0));
  for (const [i, predicted] of [...predictedClasses(outputs).data].entries()) {
    const row = counts[labels[i] as number] as number[];
    row[Number(predicted)] = (row[Number(predicted)] as number) + 1;
  }
  return { names: Array.from({ length: classes }, (_, c) => classNames?.[c] ?? String(c)), counts };
}
