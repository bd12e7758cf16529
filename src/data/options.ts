import * as z from 'zod';

const positive = z.int('expected a whole number').min(1, 'expected a whole number of at least 1');
const seed = z.int().nonnegative().optional();

export const countSchema = z.strictObject({ count: z.int('expected a whole number').min(0) });
export const mapSchema = z.strictObject({ parallel: positive.default(1), seed });
export const mapModuleSchema = z.strictObject({
  workers: z.int('expected a whole number').min(0).default(1),
  name: z.string().default('default'),
  parallel: positive.optional(),
  seed,
});
export const shuffleSchema = z.strictObject({ seed, reshuffle: z.boolean().default(true) });
export const batchSchema = z.strictObject({ dropRemainder: z.boolean().default(false) });
export const paddedBatchSchema = batchSchema.extend({
  value: z.number().default(0),
  shape: z.array(positive.nullable()).optional(),
});
export const bucketSchema = batchSchema.extend({
  boundaries: z.array(positive).min(1),
  batchSizes: z.array(positive),
  value: z.number().default(0),
  padToBoundary: z.boolean().default(false),
});
export const interleaveSchema = z.strictObject({
  cycleLength: positive.default(4),
  blockLength: positive.default(1),
});
