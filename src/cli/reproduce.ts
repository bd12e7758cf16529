import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { Command } from 'commander';
import type { RunRecord } from '../config/index.ts';
import { exitCodes, OutputExistsError } from './exit.ts';
import { Interrupt } from './interrupt.ts';
import { printJson } from './text.ts';
import { TrainingRun } from './training-run.ts';

interface ReproduceOptions {
  readonly output?: string;
  readonly json?: boolean;
}

export const reproduceCommand = (): Command =>
  new Command('reproduce')
    .argument('<run>', 'output folder of a finished tfk train')
    .option('--output <folder>', 'keep the second run here')
    .option('--json', 'print one line of JSON')
    .addHelpText(
      'after',
      `
Exits with ${exitCodes.differs} when the weights differ, and says what else does: versions, processor, threads, data, commit.

Example:
  $ tfk reproduce runs/digits`,
    )
    .action(reproduce);

async function reproduce(run: string, { output, json }: ReproduceOptions): Promise<void> {
  const { readConfig, readJson, readRecord, runFiles, runState } = await import('../config/index.ts');
  if ((await runState(run)) !== 'finished')
    throw new OutputExistsError(`${run} holds no finished run to reproduce.`);
  const folder = output ?? (await mkdtemp(join(tmpdir(), 'tfk-reproduce-')));
  if ((await runState(folder)) !== 'none')
    throw new OutputExistsError(`${folder} holds a run. Use another --output.`);
  const interrupt = new Interrupt();
  try {
    const before = await readRecord(join(run, runFiles.record));
    const config = await readConfig(join(run, runFiles.config), [`output=${JSON.stringify(folder)}`]);
    await new TrainingRun({ ...config, threads: before.threads }, { quiet: true }, interrupt).start();
    if (interrupt.requested) return;
    const now = await readRecord(join(folder, runFiles.record));
    const history = async (of: string): Promise<unknown> => readJson(join(of, runFiles.history));
    const sameHistory = isDeepStrictEqual(await history(run), await history(folder));
    report(before, now, sameHistory, json === true);
  } finally {
    interrupt.dispose();
    if (output === undefined) await rm(folder, { recursive: true, force: true });
  }
}

/** Tells what is the same and what is not, and sets the exit code. */
function report(before: RunRecord, now: RunRecord, sameHistory: boolean, json: boolean): void {
  const identical = before.weights === now.weights && sameHistory;
  const keys = Object.keys(now) as (keyof RunRecord)[];
  const differences = keys
    .filter((key) => !isDeepStrictEqual(before[key], now[key]))
    .map((key) => ({ what: key, before: before[key], now: now[key] }));
  if (!identical) process.exitCode = exitCodes.differs;
  if (json) {
    printJson({ identical, history: sameHistory, weights: now.weights, differences });
    return;
  }
  console.log(
    identical
      ? `Identical: history and weights are the same, bit for bit (SHA-256 ${now.weights}).`
      : `Not the same: history ${sameHistory ? 'equal' : 'differs'}, weights ${before.weights === now.weights ? 'equal' : 'differ'}.`,
  );
  for (const { what, before: was, now: is } of differences)
    console.log(`${what.padEnd(10)} was ${JSON.stringify(was)}, is ${JSON.stringify(is)}`);
}
