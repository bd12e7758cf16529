import * as z from 'zod';
import { deferred } from '../core/deferred.ts';

const positive = z.int('expected a whole number').min(1, 'expected a whole number of at least 1');
const seed = z.int().nonnegative().optional();

export const countSchema = deferred(() => z.strictObject({ count: z.int('expected a whole number').min(0) }));
export const mapSchema = deferred(() => z.strictObject({ parallel: positive.default(1), seed }));
export const mapModuleSchema = deferred(() =>
  z.strictObject({
    workers: z.int('expected a whole number').min(0).default(1),
    name: z.string().default('default'),
    parallel: positive.optional(),
    seed,
  }),
);
export const shuffleSchema = deferred(() => z.strictObject({ seed, reshuffle: z.boolean().default(true) }));
export const batchSchema = deferred(() => z.strictObject({ dropRemainder: z.boolean().default(false) }));
export const paddedBatchSchema = deferred(() =>
  batchSchema.extend({
    value: z.number().default(0),
    shape: z.array(positive.nullable()).optional(),
  }),
);
export const bucketSchema = deferred(() =>
  batchSchema.extend({
    boundaries: z.array(positive).min(1),
    batchSizes: z.array(positive),
    value: z.number().default(0),
    padToBoundary: z.boolean().default(false),
  }),
);
export const interleaveSchema = deferred(() =>
  z.strictObject({
    cycleLength: positive.default(4),
    blockLength: positive.default(1),
  }),
);
