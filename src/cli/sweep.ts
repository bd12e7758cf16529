import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { Command } from 'commander';
import { OutputExistsError } from './exit.ts';
import { Interrupt } from './interrupt.ts';
import { type SweepResult, SweepRun } from './sweep-run.ts';
import { formatTable } from './table.ts';
import { examples, formatFigure, gather, printJson, wholeNumber } from './text.ts';

interface SweepOptions {
  readonly grid?: readonly string[];
  readonly trials?: number;
  readonly set?: readonly string[];
  readonly output?: string;
  readonly force?: boolean;
  readonly resume?: boolean;
  readonly quiet?: boolean;
  readonly json?: boolean;
}

export const sweepCommand = (): Command =>
  new Command('sweep')
    .argument('<config>', 'JSON file of a training run; its key "sweep" says what to try')
    .option('--grid <path=values>', 'also try these values, e.g. fit.batchSize=32,64 (repeatable)', gather)
    .option('--trials <n>', 'try so many at random, instead of all combinations', wholeNumber)
    .option('--set <path=value>', 'replace a value for all trials (repeatable)', gather)
    .option('--output <folder>', 'short for --set output=folder')
    .option('--force', 'replace what the output folder holds')
    .option('--resume', 'go on with a sweep that was stopped, or that died')
    .option('--quiet', 'print the results only')
    .option('--json', 'print one line of JSON at the end, and nothing else')
    .addHelpText(
      'after',
      `
Every trial is a run in a folder of its own, trial-01 and so on, for which all other commands work. sweep.json has what
is tried, results.json and results.csv what came of it. With "halving" all trials begin, and after each round the best
go on; with "median" a trial stops when it falls behind those before it. What was stopped can be resumed.
${examples(
  ['tfk sweep train.json --grid fit.batchSize=16,32 --grid compile.optimizer=sgd,adam'],
  ['tfk sweep train.json --trials 20'],
  ['tfk sweep train.json --resume'],
  ['tfk report runs/iris/trial-*', 'to compare them'],
)}`,
    )
    .action(sweep);

async function sweep(path: string, options: SweepOptions): Promise<void> {
  const { readConfig, sweepOf, trialsOf } = await import('../config/index.ts');
  const interrupt = new Interrupt();
  try {
    const settings = [
      ...(options.set ?? []),
      ...(options.output === undefined ? [] : [`output=${JSON.stringify(options.output)}`]),
    ];
    const config = await readConfig(path, settings);
    const plan = sweepOf(config.sweep, options);
    const trials = trialsOf(plan);
    const run = new SweepRun(
      plan,
      await Promise.all(
        trials.map(async (trial) => {
          const values = Object.entries(trial.values).map(
            ([key, value]) => `${key}=${JSON.stringify(value)}`,
          );
          const output = join(config.output, trial.name);
          const { sweep: _, ...own } = await readConfig(path, [...settings, ...values]);
          return { ...trial, config: { ...own, output } };
        }),
      ),
      interrupt,
      options.quiet || options.json ? () => {} : console.log,
    );
    await run.check();
    await begin(config.output, { sweep: plan, trials }, options);
    const results = await run.start();
    if (results === undefined) return stopped(path, config.output, interrupt, options);
    await finish(config.output, results, plan.monitor, options);
  } finally {
    interrupt.dispose();
  }
}

const planFile = 'sweep.json';
const resultsFile = 'results.json';

/** Takes the folder for a new sweep, or finds there the one to go on with. */
async function begin(folder: string, plan: object, { force, resume }: SweepOptions): Promise<void> {
  const { exists, makeFolder, readJson, writeJson } = await import('../config/index.ts');
  const { ConfigError } = await import('../index.ts');
  const finished = await exists(join(folder, resultsFile));
  const begun = await exists(join(folder, planFile));
  if (resume) {
    if (finished || !begun)
      throw new OutputExistsError(
        `${folder} holds ${finished ? 'a finished' : 'no'} sweep: nothing to resume.`,
      );
    if (isDeepStrictEqual(await readJson(join(folder, planFile)), JSON.parse(JSON.stringify(plan)))) return;
    throw new ConfigError(
      `${folder} holds another sweep than this: its values have changed. --force starts over.`,
    );
  }
  if (begun && !force) {
    throw new OutputExistsError(
      finished
        ? `${folder} holds a finished sweep. Use another --output, or --force to replace it.`
        : `${folder} holds a sweep that was not finished. --resume goes on with it, --force starts over.`,
    );
  }
  if (begun) await rm(folder, { recursive: true, force: true });
  await makeFolder(folder);
  await writeJson(join(folder, planFile), plan);
}

function stopped(path: string, output: string, interrupt: Interrupt, { json }: SweepOptions): void {
  const goOn = `tfk sweep ${path} --resume, with the same options`;
  if (json) printJson({ output, interrupted: true, goOn });
  else console.error(`tfk: stopped; what was trained is saved in ${output}. Go on with: ${goOn}`);
  process.exitCode = interrupt.exitCode;
}

async function finish(
  folder: string,
  results: readonly SweepResult[],
  monitor: string,
  { json }: SweepOptions,
): Promise<void> {
  const { writeJson, writeText } = await import('../config/index.ts');
  const paths = [...new Set(results.flatMap(({ values }) => Object.keys(values)))];
  const head = ['trial', ...paths, 'epochs', monitor, 'state'];
  const rows = results.map(({ name, values, epochs, figure, state }) => [
    name,
    ...paths.map((path) => text(values[path])),
    String(epochs),
    figure === null ? 'nan' : formatFigure(figure),
    state,
  ]);
  const cell = (value: string): string => (/[",\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value);
  await writeText(
    join(folder, 'results.csv'),
    [head, ...rows].map((row) => `${row.map(cell).join(',')}\n`).join(''),
  );
  await writeJson(join(folder, resultsFile), results);
  if (json) return printJson({ output: folder, monitor, results });
  console.log(formatTable(head, rows));
  console.log(`Best: ${join(folder, results[0]?.name ?? '')}`);
}

const text = (value: unknown): string => (typeof value === 'string' ? value : (JSON.stringify(value) ?? '-'));
