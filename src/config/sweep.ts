import * as z from 'zod';
import { Random } from '../core/random.ts';
import { ConfigError } from '../errors.ts';
import { metrics } from '../training/metrics/index.ts';
import { choice } from './choice.ts';
import { strict } from './issues.ts';
import { textOrJson } from './text-or-json.ts';

const count = z.int('expected a whole number').min(1, 'expected a whole number of at least 1');

const rangeSchema = strict({
  min: z.number(),
  max: z.number(),
  scale: z
    .enum(['linear', 'log'])
    .default('linear')
    .describe('log: each order of magnitude is as likely as the next.'),
  integer: z.boolean().default(false).describe('Whole numbers only.'),
}).superRefine(({ min, max, scale }, context) => {
  const message =
    min >= max ? '"min" must be less than "max"' : scale === 'log' && min <= 0 ? '"min" must be above 0' : '';
  if (message) context.addIssue({ code: 'custom', path: ['min'], message });
});
type Range = z.output<typeof rangeSchema>;

/** What `tfk sweep` tries. */
export const sweepSchema = strict({
  values: z
    .record(
      z.string(),
      choice({ list: z.array(z.unknown()).min(1, 'expected at least one value'), range: rangeSchema }, (v) =>
        Array.isArray(v) ? 'list' : 'range',
      ),
    )
    .default({})
    .describe('By dotted path, e.g. "fit.batchSize": a list of values, or a range {"min", "max"}.'),
  trials: count.optional().describe('Tries so many at random; all combinations of the lists where left out.'),
  seed: z.int().min(0).default(0).describe('Of the random search.'),
  monitor: z.string().default('val_loss').describe('The figure that decides.'),
  mode: z
    .enum(['min', 'max'])
    .optional()
    .describe('Whether less or more of it is better; known of the metrics that tfk has.'),
  halving: strict({
    factor: z.int().min(2).default(3).describe('One trial in so many goes on after each round.'),
    minEpochs: count
      .default(1)
      .describe('Epochs of the first round; each later one has "factor" times more.'),
  })
    .optional()
    .describe('Successive halving: stops trials that fall behind. Without it all are trained to the end.'),
  median: strict({
    minEpochs: count.default(1).describe('Epochs that every trial gets.'),
    minTrials: count.default(3).describe('Trials before that must have come as far.'),
  })
    .optional()
    .describe(
      'Median rule: stops a trial after an epoch whose figure is worse than the median of the trials before.',
    ),
}).refine(({ halving, median }) => !(halving && median), {
  path: ['median'],
  message: 'give one of "halving" and "median"',
});
export type Sweep = z.output<typeof sweepSchema>;

/** What a command line adds to the sweep of a config. */
export interface SweepFlags {
  /** `fit.batchSize=32,64`, each. */
  readonly grid?: readonly string[] | undefined;
  readonly trials?: number | undefined;
}

/**
 * The sweep of a config with what the command line adds to it.
 * @throws {@link ConfigError} when a flag cannot be read
 */
export function sweepOf(sweep: Sweep | undefined, { grid = [], trials }: SweepFlags): Sweep {
  const { values, ...rest } = sweep ?? sweepSchema.parse({});
  const added = grid.map((flag) => {
    const [, path, list] = /^([^=]+)=(.+)$/s.exec(flag) ?? [];
    if (path !== undefined && list !== undefined) return [path, listOf(list)] as const;
    throw new ConfigError(
      `--grid: expected path=value,value, e.g. fit.batchSize=32,64. Received "${flag}".`,
      {
        argument: '--grid',
        received: flag,
      },
    );
  });
  return {
    ...rest,
    values: { ...values, ...Object.fromEntries(added) },
    ...(trials !== undefined && { trials }),
  };
}

/** `32,64`, `sgd,adam`, or a list as JSON: `[[16], [32, 16]]`. */
function listOf(text: string): unknown[] {
  const whole = textOrJson(text);
  return Array.isArray(whole) && whole.length > 0 ? whole : text.split(',').map(textOrJson);
}

/** One training run of a sweep. */
export interface Trial {
  /** Its folder, `trial-01`. */
  readonly name: string;
  /** Values by dotted path. */
  readonly values: Readonly<Record<string, unknown>>;
}

/**
 * The runs of a sweep: all combinations of its lists (the last path changes first), or as many as `trials` at random.
 * The same sweep gives the same trials.
 * @throws {@link ConfigError} for a range without `trials`, or nothing to try
 */
export function trialsOf(sweep: Sweep): Trial[] {
  const entries = Object.entries(sweep.values);
  if (entries.length === 0) throw new ConfigError('sweep.values: expected a value to try, by its path.');
  const all = combinations(sweep);
  const digits = String(all.length).length;
  return all.map((values, i) => ({ name: `trial-${String(i + 1).padStart(digits, '0')}`, values }));
}

function combinations({ values, trials, seed }: Sweep): Record<string, unknown>[] {
  const entries = Object.entries(values);
  const random = new Random(seed);
  const ranged = entries.find(([, choices]) => !Array.isArray(choices));
  if (ranged === undefined) {
    const grid = gridOf(entries as [string, readonly unknown[]][]);
    if (trials === undefined) return grid;
    return [...random.permutation(grid.length)].slice(0, trials).map((i) => grid[i] as (typeof grid)[number]);
  }
  if (trials === undefined) {
    throw new ConfigError(
      `sweep: "${ranged[0]}" is a range, of which there is no grid. Set "trials" for a random search, or give a list.`,
      { argument: 'trials' },
    );
  }
  return Array.from({ length: trials }, () =>
    Object.fromEntries(entries.map(([path, choices]) => [path, draw(choices, random)])),
  );
}

const gridOf = (entries: readonly (readonly [string, readonly unknown[]])[]): Record<string, unknown>[] =>
  entries.reduce<Record<string, unknown>[]>(
    (grid, [path, list]) => grid.flatMap((point) => list.map((value) => ({ ...point, [path]: value }))),
    [{}],
  );

/** Three digits are enough of a number that was drawn, and can be read. */
function draw(choices: readonly unknown[] | Range, random: Random): unknown {
  if (!('min' in choices)) return choices[random.integer(choices.length)];
  const { min, max, scale, integer } = choices;
  const at = random.uniform();
  const value = scale === 'log' ? min * (max / min) ** at : min + (max - min) * at;
  if (integer) return Math.min(max, Math.max(min, Math.round(value)));
  return Math.min(max, Math.max(min, Number(value.toPrecision(3))));
}

/** A round of a sweep: `survivors` of the trials are trained until they have so many epochs. */
export interface Round {
  readonly epochs: number;
  readonly survivors: number;
}

/**
 * The rounds of a sweep: `minEpochs`, then `factor` times as many for one trial in `factor`, up to all `epochs`.
 * @source Jamieson and Talwalkar, "Non-stochastic best arm identification and hyperparameter optimization", 2016
 */
export function roundsOf({ halving }: Sweep, trials: number, epochs: number): Round[] {
  if (halving === undefined) return [{ epochs, survivors: trials }];
  const { factor, minEpochs } = halving;
  const rounds: Round[] = [];
  let survivors = trials;
  for (let until = minEpochs; until < epochs && survivors > 1; until *= factor) {
    rounds.push({ epochs: until, survivors });
    survivors = Math.max(1, Math.floor(survivors / factor));
  }
  return [...rounds, { epochs, survivors }];
}

/**
 * Whether the last figure of a trial is worse than the median of what others had after as many epochs.
 * @param others - figures by epoch of the trials before
 * @source Golovin et al., "Google Vizier: a service for black-box optimization", 2017, section 3.2.2, by epochs
 */
export function fallsBehind(
  { median }: Sweep,
  mode: 'min' | 'max',
  figures: readonly (number | null)[],
  others: readonly (readonly (number | null)[])[],
): boolean {
  const epoch = figures.length - 1;
  const before = others
    .flatMap((list) => (list.length > epoch ? [costOf(list[epoch] ?? null, mode)] : []))
    .sort((a, b) => a - b);
  if (
    median === undefined ||
    epoch < 0 ||
    figures.length < median.minEpochs ||
    before.length < median.minTrials
  )
    return false;
  const [low, high] = [before[(before.length - 1) >> 1] as number, before[before.length >> 1] as number];
  return costOf(figures[epoch] ?? null, mode) > (low === high ? low : (low + high) / 2);
}

/** What is smaller for what is better; what is not a number is worst. */
export const costOf = (figure: number | null, mode: 'min' | 'max'): number =>
  figure === null || Number.isNaN(figure) ? Number.POSITIVE_INFINITY : mode === 'min' ? figure : -figure;

/**
 * Whether less or more of the figure is better.
 * @throws {@link ConfigError} when neither the sweep nor the metric says
 */
export function modeOf({ monitor, mode }: Sweep): 'min' | 'max' {
  if (mode !== undefined) return mode;
  const key = monitor.replace(/^val_/, '');
  if (/(^|_)loss$/.test(key)) return 'min';
  if (/^acc(uracy)?$/.test(key)) return 'max';
  const direction = directionOf(key);
  if (direction !== undefined) return direction;
  throw new ConfigError(
    `sweep: it is not known whether more or less of "${monitor}" is better. Set "mode".`,
    {
      argument: 'mode',
      expected: 'min or max',
    },
  );
}

function directionOf(metric: string): 'min' | 'max' | undefined {
  try {
    return metrics.make(metric).direction;
  } catch {
    return undefined; // one that needs options, or of another name
  }
}
