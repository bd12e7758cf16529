import { join } from 'node:path';
import { Command } from 'commander';
import { OutputExistsError } from './exit.ts';
import { Interrupt } from './interrupt.ts';
import { gather, wholeNumber } from './text.ts';
import { TrainingRun } from './training-run.ts';

interface ResumeOptions {
  readonly set?: readonly string[];
  readonly epochs?: number;
  readonly quiet?: boolean;
  readonly json?: boolean;
}

export const resumeCommand = (): Command =>
  new Command('resume')
    .argument('<run>', 'output folder of tfk train')
    .option('--set <path=value>', 'replace a value of its config, e.g. fit.epochs=30 (repeatable)', gather)
    .option('--epochs <n>', 'short for --set fit.epochs=n', wholeNumber)
    .option('--quiet', 'print errors only')
    .option('--json', 'print one line of JSON at the end, and nothing else')
    .addHelpText(
      'after',
      `
Goes on from the last checkpoint (without one: from the start), and ends bit for bit as if nothing had happened.

Examples:
  $ tfk resume runs/digits
  $ tfk resume runs/digits --epochs 30`,
    )
    .action(resume);

async function resume(folder: string, { set = [], epochs, quiet, json }: ResumeOptions): Promise<void> {
  const { readConfig, runFiles, runState } = await import('../config/index.ts');
  const state = await runState(folder);
  if (state !== 'unfinished') {
    throw new OutputExistsError(
      `${folder} holds ${state === 'finished' ? 'a finished run' : 'no run'}: nothing to resume.`,
    );
  }
  const interrupt = new Interrupt();
  try {
    const config = await readConfig(join(folder, runFiles.config), [
      ...set,
      ...(epochs === undefined ? [] : [`fit.epochs=${epochs}`]),
      `output=${JSON.stringify(folder)}`, // it may have been moved
    ]);
    await new TrainingRun(config, { resume: true, quiet, json }, interrupt).start();
  } finally {
    interrupt.dispose();
  }
}
