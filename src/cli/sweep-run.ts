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

  /** @throws {@link ConfigError} when the figure to follow will not be measured */
  async check(): Promise<void> {
    const { monitor } = this.#sweep;
    const blind = this.#trials.some(({ config: { data } }) => !data.validation && data.validationSplit === 0);
    if (monitor.startsWith('val_') && blind) throw await unmeasured(monitor);
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
        await this.#train(trial, round.epochs, mode);
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
  async #train(trial: ConfiguredTrial, epochs: number, mode: 'min' | 'max'): Promise<void> {
    const { fallsBehind, runState } = await import('../config/index.ts');
    const { name, config } = trial;
    const state = await runState(config.output);
    if (state === 'finished' || this.#problems.has(name)) return;
    const others = await this.#before(trial);
    const pauses = (history: Readonly<Record<string, readonly (number | null)[]>>): boolean =>
      (history.loss?.length ?? 0) >= epochs ||
      fallsBehind(this.#sweep, mode, history[this.#sweep.monitor] ?? [], others);
    const soFar = await historyOf(config);
    if (soFar.loss && pauses(soFar)) return;
    try {
      const options = { quiet: true, resume: state === 'unfinished', pauses };
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

  /** The figures by epoch of the trials before one. */
  async #before(trial: ConfiguredTrial): Promise<(number | null)[][]> {
    const before = this.#trials.slice(0, this.#trials.indexOf(trial));
    const histories = await Promise.all(before.map(({ config }) => historyOf(config)));
    return histories.flatMap((history) => {
      const figures = history[this.#sweep.monitor];
      return figures ? [figures] : [];
    });
  }

  async #ranked(trials: readonly ConfiguredTrial[], mode: 'min' | 'max'): Promise<SweepResult[]> {
    const { costOf } = await import('../config/index.ts');
    const results = await Promise.all(trials.map((trial) => this.#result(trial)));
    const cost = ({ figure }: SweepResult): number => costOf(figure, mode);
    const place = ({ state }: SweepResult): number => (state === 'finished' ? 0 : 1);
    return results.sort(
      (a, b) => place(a) - place(b) || (cost(a) === cost(b) ? 0 : cost(a) - cost(b)), // Infinity - Infinity
    );
  }

  async #result({ name, values, config }: ConfiguredTrial): Promise<SweepResult> {
    const { runState } = await import('../config/index.ts');
    const problem = this.#problems.get(name);
    if (problem !== undefined) return { name, values, epochs: 0, figure: null, state: 'failed', problem };
    const history = await historyOf(config);
    const figures = history[this.#sweep.monitor];
    if (figures === undefined) throw await unmeasured(this.#sweep.monitor, Object.keys(history));
    const state = (await runState(config.output)) === 'finished' ? 'finished' : 'stopped';
    return { name, values, epochs: history.loss?.length ?? 0, figure: figures.at(-1) ?? null, state };
  }
}

/** The figures of a trial that are written, by epoch; none where it has not begun. */
async function historyOf({ output }: Config): Promise<Readonly<Record<string, (number | null)[]>>> {
  const { exists, readHistory, runFiles } = await import('../config/index.ts');
  const path = join(output, runFiles.history);
  return (await exists(path)) ? readHistory(path) : {};
}

async function unmeasured(monitor: string, measured: readonly string[] = []): Promise<Error> {
  const { ConfigError } = await import('../index.ts');
  const remedy = monitor.startsWith('val_')
    ? 'Give validation data, e.g. --set data.validationSplit=0.2, or follow one of these: --set sweep.monitor=loss.'
    : 'Add it to compile.metrics, or follow one of these, e.g. --set sweep.monitor=loss.';
  const found = measured.length > 0 ? `Measured: ${measured.join(', ')}. ` : '';
  return new ConfigError(`sweep follows "${monitor}", which is not measured. ${found}${remedy}`, {
    argument: 'sweep.monitor',
    expected: measured.join(', '),
    received: monitor,
  });
}
