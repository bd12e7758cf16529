import { join } from 'node:path';
import type { Config, Sweep, Trial } from '../config/index.ts';
import type { Interrupt } from './interrupt.ts';
import { counted, formatFigure } from './text.ts';
import { TrainingRun } from './training-run.ts';

/** A trial with its whole config; `output` is its folder. */
export interface ConfiguredTrial extends Trial {
  readonly config: Config;
}

/** What came of a trial. */
export interface SweepResult extends Trial {
  readonly epochs: number;
  /** What is compared, after the last epoch; `null` where it is not a number. */
  readonly figure: number | null;
  /** `stopped` ones fell behind; `failed` ones raised `problem`. */
  readonly state: 'finished' | 'stopped' | 'failed';
  readonly problem?: string;
}

/**
 * The trials of a sweep, one after the other, round by round. What is done stands in the folders of the trials alone:
 * a sweep that died goes on from there.
 */
export class SweepRun {
  readonly #sweep: Sweep;
  readonly #trials: readonly ConfiguredTrial[];
  readonly #interrupt: Interrupt;
  readonly #say: (text: string) => void;
  readonly #problems = new Map<string, string>();

  constructor(
    sweep: Sweep,
    trials: readonly ConfiguredTrial[],
    interrupt: Interrupt,
    say: (text: string) => void,
  ) {
    this.#sweep = sweep;
    this.#trials = trials;
    this.#interrupt = interrupt;
    this.#say = say;
  }

  /** The results, best first; `undefined` when it was interrupted. */
  async start(): Promise<SweepResult[] | undefined> {
    const { modeOf, roundsOf } = await import('../config/index.ts');
    const mode = modeOf(this.#sweep);
    const epochs = Math.max(...this.#trials.map(({ config }) => config.fit.epochs));
    const rounds = roundsOf(this.#sweep, this.#trials.length, epochs);
    let alive = this.#trials;
    let results: SweepResult[] = [];
    for (const [i, round] of rounds.entries()) {
      alive = alive.slice(0, round.survivors);
      if (rounds.length > 1)
        this.#say(
          `Round ${i + 1} of ${rounds.length}: ${counted(alive.length, 'trial')}, ${counted(round.epochs, 'epoch')} each`,
        );
      for (const trial of alive) {
        await this.#train(trial, round.epochs);
        if (this.#interrupt.requested) return undefined;
      }
      const survivors = await this.#ranked(alive, mode);
      const fallen = results.filter(({ name }) => !alive.some((trial) => trial.name === name));
      results = [...survivors, ...fallen];
      alive = survivors.map(({ name }) => alive.find((t) => t.name === name) as ConfiguredTrial);
    }
    return results;
  }

  /** Trains a trial until it has so many epochs, if it has not. */
  async #train(trial: ConfiguredTrial, epochs: number): Promise<void> {
    const { runState } = await import('../config/index.ts');
    const { name, config } = trial;
    const state = await runState(config.output);
    if (state === 'finished' || (await epochsOf(config)) >= epochs || this.#problems.has(name)) return;
    try {
      const options = { quiet: true, resume: state === 'unfinished', pauseAt: epochs };
      await new TrainingRun(config, options, this.#interrupt).start();
    } catch (error) {
      const problem = error instanceof Error ? error.message : String(error);
      this.#problems.set(name, problem);
      if (this.#problems.size === this.#trials.length) throw error; // it is not the values
      return this.#say(`${name}  failed: ${problem}`);
    }
    if (this.#interrupt.requested) return;
    const { figure } = await this.#result(trial);
    const values = Object.entries(trial.values).map(([path, value]) => `${path}=${JSON.stringify(value)}`);
    this.#say(
      `${name}  ${this.#sweep.monitor} ${figure === null ? 'nan' : formatFigure(figure)}  ${values.join(' ')}`,
    );
  }

  async #ranked(trials: readonly ConfiguredTrial[], mode: 'min' | 'max'): Promise<SweepResult[]> {
    const results = await Promise.all(trials.map((trial) => this.#result(trial)));
    const cost = ({ figure }: SweepResult): number =>
      figure === null ? Number.POSITIVE_INFINITY : mode === 'min' ? figure : -figure;
    return results.sort((a, b) => (cost(a) === cost(b) ? 0 : cost(a) - cost(b)));
  }

  async #result({ name, values, config }: ConfiguredTrial): Promise<SweepResult> {
    const { readHistory, runFiles, runState } = await import('../config/index.ts');
    const { ConfigError } = await import('../index.ts');
    const problem = this.#problems.get(name);
    if (problem !== undefined) return { name, values, epochs: 0, figure: null, state: 'failed', problem };
    const history = await readHistory(join(config.output, runFiles.history));
    const figures = history[this.#sweep.monitor];
    if (figures === undefined) {
      throw new ConfigError(
        `sweep follows "${this.#sweep.monitor}", which is not measured. Available: ${Object.keys(history).join(', ')}.`,
        { argument: 'sweep.monitor' },
      );
    }
    const state = (await runState(config.output)) === 'finished' ? 'finished' : 'stopped';
    return { name, values, epochs: await epochsOf(config), figure: figures.at(-1) ?? null, state };
  }
}

/** Epochs of which the figures are written. */
async function epochsOf({ output }: Config): Promise<number> {
  const { exists, readHistory, runFiles } = await import('../config/index.ts');
  const path = join(output, runFiles.history);
  return (await exists(path)) ? ((await readHistory(path)).loss?.length ?? 0) : 0;
}
