import * as z from 'zod';
import { deferred } from '../core/deferred.ts';
import { constraints } from './constraints.ts';
import { initializers } from './initializers.ts';
import { regularizers } from './regularizers.ts';
import type { WeightOptions } from './weight.ts';

/** A whole number of at least `least`. */
export const integerFrom = (least: number) =>
  z.int('expected a whole number').min(least, `expected a whole number of at least ${least}`);
/** A whole number of at least 1. */
export const positiveInteger = integerFrom(1);

/** Options of a weight: initializer, regularizer and constraint of `kernel`, say. */
export const initializerOption = (byDefault: string) =>
  initializers.option().default(() => initializers.make(byDefault));
export const regularizerOption = () => regularizers.option().nullable().default(null);
export const constraintOption = () => constraints.option().nullable().default(null);

/** Initializer, regularizer and constraint of the weight `kernel`. */
export const kernelOptions = deferred(() => ({
  kernelInitializer: initializerOption('glorotUniform'),
  kernelRegularizer: regularizerOption(),
  kernelConstraint: constraintOption(),
}));

/** Initializer, regularizer and constraint of the weight `bias`. */
export const biasOptions = deferred(() => ({
  biasInitializer: initializerOption('zeros'),
  biasRegularizer: regularizerOption(),
  biasConstraint: constraintOption(),
}));

type Parsed<T extends Record<string, z.ZodType>> = { readonly [K in keyof T]: z.output<T[K]> };

/** What the weight `kernel` is made of. */
export const kernelWeight = (o: Parsed<typeof kernelOptions>): WeightOptions => ({
  initializer: o.kernelInitializer,
  regularizer: o.kernelRegularizer,
  constraint: o.kernelConstraint,
});

/** What the weight `bias` is made of. */
export const biasWeight = (o: Parsed<typeof biasOptions>): WeightOptions => ({
  initializer: o.biasInitializer,
  regularizer: o.biasRegularizer,
  constraint: o.biasConstraint,
});

/** `n` for every axis, or one number per axis; whole numbers of at least `least`. */
export const perAxis = (rank: number, least = 1) => {
  const error = `expected a whole number of at least ${least}, or ${rank} of them`;
  const each = integerFrom(least);
  return z
    .union([each, z.array(each).length(rank, { error, abort: true })], { error })
    .transform((v) => (typeof v === 'number' ? new Array<number>(rank).fill(v) : v));
};

export const dataFormatOption = z.enum(['channelsLast', 'channelsFirst']).default('channelsLast');
