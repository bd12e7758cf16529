import { join } from 'node:path';
import { Command } from 'commander';
import { OutputExistsError } from './exit.ts';
import { Interrupt } from './interrupt.ts';
import { gather, wholeNumber } from './text.ts';
import { TrainingRun } from './training-run.ts';

interface TrainOptions {
  readonly set?: readonly string[];
  readonly epochs?: number;
  readonly output?: string;
  readonly force?: boolean;
  readonly resume?: boolean;
  readonly profile?: string | true;
  readonly quiet?: boolean;
  readonly json?: boolean;
}

export const trainCommand = (): Command =>
  new Command('train')
    .argument('<config>', 'JSON file; paths in it are relative to it, except "output"')
    .option(
      '--set <path=value>',
      'replace a value, e.g. compile.optimizer.learningRate=0.01 (repeatable)',
      gather,
    )
    .option('--epochs <n>', 'short for --set fit.epochs=n', wholeNumber)
    .option('--output <folder>', 'short for --set output=folder')
    .option('--force', 'replace what the output folder holds')
    .option('--resume', 'go on with a run that was stopped, or that died')
    .option(
      '--profile [file]',
      'write a trace of the first steps, for Perfetto and tfk report (default: profile.json of the run)',
    )
    .option('--quiet', 'print errors only')
    .option('--json', 'print one line of JSON at the end, and nothing else')
    .addHelpText(
      'after',
      `
Writes model.keras, history.json, log.csv (a line per epoch), config.json (with all defaults and the seed),
record.json (versions, machine, hashes of data and weights), metrics.json, and classes.json where the classes have
names. "output" and paths given with --set are relative to the working folder. Ctrl-C and SIGTERM stop after a step,
save, and say how to go on; a second one ends at once. A run that died goes on from its last checkpoint.

Examples:
  $ tfk train digits.json --set fit.epochs=3 --output runs/short
  $ tfk train runs/short/config.json --resume --epochs 5`,
    )
    .action(train);

async function train(path: string, options: TrainOptions): Promise<void> {
  const interrupt = new Interrupt();
  try {
    const { readConfig, runFiles } = await import('../config/index.ts');
    const config = await readConfig(path, [
      ...(options.set ?? []),
      ...(options.epochs === undefined ? [] : [`fit.epochs=${options.epochs}`]),
      ...(options.output === undefined ? [] : [`output=${JSON.stringify(options.output)}`]),
    ]);
    await checkFolder(config.output, options);
    const { profile, ...rest } = options;
    const trace = profile === true ? join(config.output, runFiles.profile) : profile;
    await new TrainingRun(config, { ...rest, profile: trace }, interrupt).start();
  } finally {
    interrupt.dispose();
  }
}

/** Refuses a folder with a run in it, unless the options say what to do with that. */
async function checkFolder(folder: string, { force, resume }: TrainOptions): Promise<void> {
  const { runState } = await import('../config/index.ts');
  const state = await runState(folder);
  if (resume) {
    if (state !== 'unfinished') {
      throw new OutputExistsError(
        `${folder} holds ${state === 'finished' ? 'a finished run' : 'no stopped run'}: nothing to resume.` +
          (state === 'finished' ? ' --force starts over.' : ''),
      );
    }
  } else if (state !== 'none' && !force) {
    throw new OutputExistsError(
      state === 'finished'
        ? `${folder} holds a finished run. Use another --output, or --force to replace it.`
        : `${folder} holds a run that was not finished. --resume goes on with it, --force starts over.`,
    );
  }
}
