import type { Contender } from './contenders.ts';
import { Side, Unavailable } from './side.ts';
import { median } from './statistics.ts';
import type { Task } from './task.ts';

/** How long and how often. */
export interface Effort {
  /** Repetitions of each side. */
  readonly rounds: number;
  /** Of one repetition, about. */
  readonly seconds: number;
}

/** What one contender did on one task. */
export interface Result {
  readonly contender: string;
  readonly version: string;
  readonly variant: string;
  /** Per step, one for each round. */
  readonly milliseconds: readonly number[];
  readonly peakMiB: number | undefined;
  /** From the description of the model to the end of its first step. */
  readonly firstStepSeconds: number;
  readonly importSeconds: number;
}
/** A contender that could not take part. */
export interface Absence {
  readonly contender: string;
  readonly absent: string;
}

interface Warm {
  readonly contender: Contender;
  readonly side: Side;
  readonly firstStepSeconds: number;
  /** Steps that fill a repetition. */
  readonly steps: number;
  readonly milliseconds: number[];
  /** Steps so slow that the one made while warming up has to do. */
  readonly slow: boolean;
}

const choosingRounds = 3;
/** A try while warming up is at most so many times as long as the one before. */
const growth = 8;

/** Measures all contenders on a task: warmed up, then in turns, so that each meets the same moods of the machine. */
export async function measure(
  task: Task,
  contenders: readonly Contender[],
  effort: Effort,
): Promise<(Result | Absence)[]> {
  const found: (Warm | Absence)[] = [];
  for (const contender of contenders) found.push(await fastest(contender, task, effort));
  const sides = found.filter((f) => 'side' in f);
  await takeTurns(sides, effort.rounds);
  const results = found.map((f) => ('side' in f ? resultOf(f) : f));
  for (const { side } of sides) side.close();
  return results;
}

/** The quickest variant of a contender, warmed up; the others are closed. */
async function fastest(contender: Contender, task: Task, effort: Effort): Promise<Warm | Absence> {
  const candidates: Warm[] = [];
  let absent = '';
  for (const variant of contender.variants(task)) {
    try {
      candidates.push(await warmUp(contender, variant, task, effort));
    } catch (error) {
      if (!(error instanceof Unavailable)) throw error;
      absent = error.message;
    }
  }
  if (candidates.length > 1) await takeTurns(candidates, choosingRounds);
  candidates.sort((a, b) => median(a.milliseconds) - median(b.milliseconds));
  const [best, ...rest] = candidates;
  for (const { side } of rest) side.close();
  if (best === undefined) return { contender: contender.name, absent };
  return best.slow ? best : { ...best, milliseconds: [] };
}

/** The first step, then longer and longer repetitions, until one has the length asked for. */
async function warmUp(contender: Contender, variant: string, task: Task, { seconds }: Effort): Promise<Warm> {
  const side = await Side.start(contender.command(task, variant), variant);
  const { firstEpoch } = await side.run(1);
  for (let steps = 1; ; ) {
    const { milliseconds } = await side.run(steps);
    const wanted = Math.max(1, Math.round((1000 * seconds) / milliseconds));
    if (wanted <= 1.5 * steps) {
      const slow = milliseconds > 5000 * seconds;
      const known = slow ? [milliseconds] : [];
      return { contender, side, firstStepSeconds: firstEpoch / 1000, steps, milliseconds: known, slow };
    }
    steps = Math.min(wanted, growth * steps);
  }
}

async function takeTurns(sides: readonly Warm[], rounds: number): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    for (const { side, steps, milliseconds, slow } of sides) {
      if (!slow) milliseconds.push((await side.run(steps)).milliseconds);
    }
  }
}

const resultOf = ({ contender, side, milliseconds, firstStepSeconds }: Warm): Result => ({
  contender: contender.name,
  version: side.version,
  variant: side.variant,
  milliseconds,
  peakMiB: side.peakMiB,
  firstStepSeconds,
  importSeconds: side.importSeconds,
});
