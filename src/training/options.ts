import * as z from 'zod';
import { deferred } from '../core/deferred.ts';
import { ConfigError } from '../errors.ts';
import type { Callback } from './callback.ts';
import {
  type BatchSource,
  type DataLike,
  type Dataset,
  type TargetsLike,
  type WeightsLike,
  weightsOfClasses,
} from './data.ts';

const count = z.int('expected a whole number').min(1);
const verbosity = z.union([z.literal(0), z.literal(1), z.literal(2), z.literal('auto')]).default('auto');
const common = deferred(() =>
  z.strictObject({
    batchSize: count.default(32),
    verbose: verbosity,
    callbacks: z
      .array(z.custom<Callback>((v) => typeof v === 'object' && v !== null, 'expected a callback'))
      .default([]),
  }),
);
export const fitSchema = deferred(() =>
  common.extend({
    epochs: count.default(1),
    initialEpoch: z.int().min(0).default(0),
    shuffle: z.boolean().default(true),
    validationSplit: z.number().min(0).lt(1).default(0),
    validationData: z.unknown().optional(),
    validationBatchSize: count.optional(),
    validationSteps: count.optional(),
    validationFreq: z.union([count, z.array(count)]).default(1),
    stepsPerEpoch: count.optional(),
    classWeight: z.record(z.string(), z.number()).optional(),
    sampleWeight: z.unknown().optional(),
    /** File for a trace of the first steps. */
    profile: z.string().optional(),
  }),
);
export const evaluateSchema = deferred(() =>
  common.extend({
    sampleWeight: z.unknown().optional(),
    steps: count.optional(),
  }),
);
export const predictSchema = deferred(() => common.extend({ steps: count.optional() }));

/** Validation data: `[x, y]`, `[x, y, sampleWeight]`, `[x]` where a `testStep` needs no targets, or batches. */
export type ValidationData =
  | readonly [x: DataLike, y?: TargetsLike | undefined, sampleWeight?: WeightsLike]
  | BatchSource;

/** Options of `fit`; names and defaults are Keras's. */
export type FitOptions = Omit<
  Partial<z.input<typeof fitSchema>>,
  'validationData' | 'sampleWeight' | 'classWeight'
> & {
  readonly validationData?: ValidationData;
  readonly sampleWeight?: WeightsLike;
  /** Weight of each class in the loss; 1 where not given. */
  readonly classWeight?: Readonly<Record<number, number>>;
};
/** Options of `evaluate`. */
export type EvaluateOptions = Omit<Partial<z.input<typeof evaluateSchema>>, 'sampleWeight'> & {
  readonly sampleWeight?: WeightsLike;
};
/** Options of `predict`. */
export type PredictOptions = Partial<z.input<typeof predictSchema>>;

/** Refuses options that only data in memory can have. @throws {@link ConfigError} */
export function refuseForStreams(given: FitOptions, keys: readonly (keyof FitOptions)[], y: unknown): void {
  const key = keys.find((k) => given[k] !== undefined);
  if (key !== undefined || y !== undefined) {
    throw new ConfigError(
      `fit: "${key ?? 'y'}" cannot be given with an iterable of batches; let the iterable give [x, y, sampleWeight].`,
      { argument: key ?? 'y' },
    );
  }
}

/** Class weights become weights of the samples. */
export function withClassWeights(
  data: Dataset,
  { classWeight, sampleWeight }: Pick<FitOptions, 'sampleWeight' | 'classWeight'>,
): Dataset {
  if (classWeight === undefined) return data;
  if (sampleWeight !== undefined) {
    throw new ConfigError('fit: give either classWeight or sampleWeight, not both.', {
      argument: 'classWeight',
    });
  }
  return { ...data, weights: weightsOfClasses(data.y, classWeight) };
}

/** Whether `validationFreq` asks for validation after an epoch (from 0). */
export const dueEpoch = (freq: number | readonly number[], epoch: number): boolean =>
  typeof freq === 'number' ? (epoch + 1) % freq === 0 : freq.includes(epoch + 1);
