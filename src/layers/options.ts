import { z } from 'zod';
import { constraints } from './constraints.ts';
import { initializers } from './initializers.ts';
import { regularizers } from './regularizers.ts';

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

/** `n` for every axis, or one number per axis; whole numbers of at least `least`. */
export const perAxis = (rank: number, least = 1) => {
  const error = `expected a whole number of at least ${least}, or ${rank} of them`;
  const each = integerFrom(least);
  return z
    .union([each, z.array(each).length(rank, { error, abort: true })], { error })
    .transform((v) => (typeof v === 'number' ? new Array<number>(rank).fill(v) : v));
};

export const dataFormatOption = z.enum(['channelsLast', 'channelsFirst']).default('channelsLast');
