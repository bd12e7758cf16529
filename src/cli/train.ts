import { join } from 'node:path';
import { Command } from 'commander';
import type { Config, RunData } from '../config/index.ts';
import type { History, Logs, Model } from '../index.ts';
import { exitCodes, OutputExistsError } from './exit.ts';
import { Interrupt } from './interrupt.ts';
import { formatMetrics, gather, printJson, wholeNumber } from './text.ts';

interface TrainOptions {
  readonly set?: readonly string[];
  readonly epochs?: number;
  readonly output?: string;
  readonly force?: boolean;
  readonly resume?: boolean;
  readonly quiet?: boolean;
  readonly json?: boolean;
}

export const trainCommand = (): Command =>
  new Command('train')
    .description('train a model as a JSON file says, and write it with its figures to an output folder')
    .argument('<config>', 'JSON file; paths in it are relative to it, except "output"')
    .option(
      '--set <path=value>',
      'replace a value, e.g. compile.optimizer.learningRate=0.01 (repeatable)',
      gather,
    )
    .option('--epochs <n>', 'short for --set fit.epochs=n', wholeNumber)
    .option('--output <folder>', 'short for --set output=folder')
    .option('--force', 'replace what the output folder holds')
    .option('--resume', 'go on with a run that was stopped')
    .option('--quiet', 'print errors only')
    .option('--json', 'print one line of JSON at the end, and nothing else')
    .addHelpText(
      'after',
      `
Writes model.keras, history.json, log.csv (a line per epoch), config.json (with all defaults and the seed),
metrics.json, and classes.json where the classes have names. "output" and paths given with --set are relative
to the working folder. Ctrl-C stops after a step, saves, and says how to go on; a second one ends at once.`,
    )
    .action(train);

async function train(path: string, options: TrainOptions): Promise<void> {
  const interrupt = new Interrupt();
  try {
    const { readConfig } = await import('../config/index.ts');
    const config = await readConfig(path, [
      ...(options.set ?? []),
      ...(options.epochs === undefined ? [] : [`fit.epochs=${options.epochs}`]),
      ...(options.output === undefined ? [] : [`output=${JSON.stringify(options.output)}`]),
    ]);
    await checkFolder(config.output, options);
    await new Run(config, options, interrupt).start();
  } finally {
    interrupt.dispose();
  }
}

/** Refuses a folder with a run in it, unless the options say what to do with that. */
async function checkFolder(folder: string, { force, resume }: TrainOptions): Promise<void> {
  const { runState } = await import('../config/index.ts');
  const state = await runState(folder);
  if (resume) {
    if (state !== 'stopped') {
      throw new OutputExistsError(
        `${folder} holds ${state === 'finished' ? 'a finished run' : 'no stopped run'}: nothing to resume.` +
          (state === 'finished' ? ' --force starts over.' : ''),
      );
    }
  } else if (state !== 'none' && !force) {
    throw new OutputExistsError(
      state === 'finished'
        ? `${folder} holds a finished run. Use another --output, or --force to replace it.`
        : `${folder} holds a run that was not finished. ${state === 'stopped' ? '--resume goes on with it, ' : ''}--force starts over.`,
    );
  }
}

/** One training run, from the config to the files. */
class Run {
  readonly #config: Config;
  readonly #options: TrainOptions;
  readonly #interrupt: Interrupt;
  readonly #say: (text: string) => void;

  constructor(config: Config, options: TrainOptions, interrupt: Interrupt) {
    this.#config = config;
    this.#options = options;
    this.#interrupt = interrupt;
    this.#say = options.quiet || options.json ? () => {} : console.log;
  }

  async start(): Promise<void> {
    const tfk = await import('../index.ts');
    const { loadData, openRunFolder, relocated, resumedRun, runFiles, sampleCount, writeJson } = await import(
      '../config/index.ts'
    );
    const begun = performance.now();
    const { output } = this.#config;
    const past = this.#options.resume ? await resumedRun(output, this.#config) : undefined;
    const history = past?.history ?? {};
    const firstEpoch = this.#config.fit.initialEpoch + (history.loss?.length ?? 0);
    const seed = this.#config.seed ?? past?.seed ?? tfk.globalSeed();
    tfk.setRandomSeed(seed + firstEpoch); // later epochs draw other numbers
    const config = { ...this.#config, seed };
    const data = await loadData(config.data);
    const model = past?.model ?? (await this.#build(data));
    await openRunFolder(output, past !== undefined); // an earlier run goes only now that this one can begin
    await writeJson(join(output, runFiles.config), relocated(config, output));
    if (data.train.classNames) await writeJson(join(output, runFiles.classes), data.train.classNames);
    this.#say(
      `Training ${model.countParams().toLocaleString('en-US')} parameters on ${sampleCount(data.train.x)} samples, seed ${seed}.`,
    );

    const rows = await this.#fit(model, data, firstEpoch);
    append(history, rows);
    await model.save(join(output, runFiles.model), { overwrite: true });
    await writeJson(join(output, runFiles.history), history);
    const epochs = firstEpoch + rows.length;
    if (this.#interrupt.requested) return this.#stopped(epochs);
    const seconds = Math.round((performance.now() - begun) / 10) / 100;
    await this.#finish(model, data, { epochs, seconds, history });
  }

  async #build(data: RunData): Promise<Model> {
    const { buildModel, compileModel, sampleShapes } = await import('../config/index.ts');
    const model = await buildModel(this.#config.model, sampleShapes(data.train.x));
    compileModel(model, this.#config);
    return model;
  }

  /** Trains; the figures of each epoch that was completed. */
  async #fit(model: Model, { train, validation }: RunData, initialEpoch: number): Promise<Logs[]> {
    const tfk = await import('../index.ts');
    const { buildCallbacks, defined, runFiles } = await import('../config/index.ts');
    const { fit, data, output } = this.#config;
    const rows: Logs[] = [];
    const log = tfk.callbacks.csvLogger({
      path: join(output, runFiles.log),
      append: this.#options.resume === true,
    });
    const record = tfk.callbacks.lambda({
      onTrainBegin: () => {
        this.#interrupt.arm(() => record.run.stop());
        log.run = record.run;
        log.onTrainBegin();
      },
      onEpochEnd: (epoch, logs) => {
        if (this.#interrupt.requested) return; // the epoch broke off
        rows.push({ ...logs });
        log.onEpochEnd(epoch, logs);
      },
    });
    const { validationSplit } = data;
    await model.fit(train.x, train.y, {
      ...defined(fit),
      ...(validation ? { validationData: [validation.x, validation.y] } : { validationSplit }),
      initialEpoch,
      verbose: this.#options.quiet || this.#options.json ? 0 : 'auto',
      callbacks: [...buildCallbacks(this.#config, output), record],
    });
    return rows;
  }

  async #stopped(epochs: number): Promise<void> {
    const { runFiles } = await import('../config/index.ts');
    const { output, fit } = this.#config;
    const goOn = `tfk train ${join(output, runFiles.config)} --resume`;
    if (this.#options.json) printJson({ output, epochs, interrupted: true, goOn });
    else
      console.error(
        `tfk: stopped after ${epochs} of ${fit.epochs} epochs; saved in ${output}. Go on with: ${goOn}`,
      );
    process.exitCode = exitCodes.interrupted;
  }

  async #finish(
    model: Model,
    { test }: RunData,
    { epochs, seconds, history }: { epochs: number; seconds: number; history: History },
  ): Promise<void> {
    const { runFiles, writeJson } = await import('../config/index.ts');
    const { output, fit } = this.#config;
    const last = Object.entries(history).map(([key, values]) => [key, values.at(-1) as number] as const);
    const validation = last
      .filter(([key]) => key.startsWith('val_'))
      .map(([key, v]) => [key.slice(4), v] as const);
    const metrics = {
      train: Object.fromEntries(last.filter(([key]) => !key.startsWith('val_'))),
      ...(validation.length > 0 && { validation: Object.fromEntries(validation) }),
      ...(test && { test: await model.evaluate(test.x, test.y, { batchSize: fit.batchSize, verbose: 0 }) }),
    };
    await writeJson(join(output, runFiles.metrics), { epochs, seconds, ...metrics });
    if (this.#options.json) printJson({ output, epochs, seconds, ...metrics });
    if (metrics.test) this.#say(`Test: ${formatMetrics(metrics.test)}`);
    this.#say(`Saved in ${output} after ${seconds} s. Try: tfk evaluate ${output}`);
  }
}

function append(history: History, rows: readonly Logs[]): void {
  for (const [key, value] of rows.flatMap((row) => Object.entries(row))) {
    const values = history[key] ?? [];
    history[key] = values;
    values.push(value);
  }
}
