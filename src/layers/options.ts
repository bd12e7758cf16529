import { z } from 'zod';
import { constraints } from './constraints.ts';
import { initializers } from './initializers.ts';
import { regularizers } from './regularizers.ts';

/** A whole number of at least 1. */
export const positiveInteger = z
  .int('expected a whole number')
  .min(1, 'expected a whole number of at least 1');

/** Options of a weight: initializer, regularizer and constraint of `kernel`, say. */
export const initializerOption = (byDefault: string) =>
  initializers.option().default(() => initializers.make(byDefault));
export const regularizerOption = () => regularizers.option().nullable().default(null);
export const constraintOption = () => constraints.option().nullable().default(null);

/** `n` for every axis, or one number per axis. */
export const perAxis = (rank: number) =>
  z
    .union([positiveInteger, z.array(positiveInteger).length(rank)], {
      error: `expected a whole number of at least 1, or ${rank} of them`,
    })
    .transform((v) => (typeof v === 'number' ? new Array<number>(rank).fill(v) : v));

export const dataFormatOption = z.enum(['channelsLast', 'channelsFirst']).default('channelsLast');
