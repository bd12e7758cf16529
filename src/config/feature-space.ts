import * as z from 'zod';
import type { Tensor } from '../core/tensor.ts';
import { FeatureSpace, type FeatureSpaceOptions, featureKinds } from '../data/index.ts';
import { ConfigError } from '../errors.ts';
import { strict } from './issues.ts';

const count = z.int().min(1);
const kind = z.enum([...featureKinds, 'feature']);

/** How columns of any type become numbers; kept as it stands in the file. */
export const featureSpaceSchema = strict({
  features: z
    .record(z.string(), z.union([kind.exclude(['feature']), z.looseObject({ type: kind })]))
    .describe('For each column its kind, or an object with "type" and options.'),
  crosses: z
    .array(z.union([z.array(z.string()), z.looseObject({ features: z.array(z.string()) })]))
    .optional()
    .describe('Features whose combinations are features, too.'),
  outputMode: z
    .enum(['concat', 'dict'])
    .optional()
    .describe('One input, or one for each feature by its name.'),
  crossingDim: count.optional(),
  hashingDim: count.optional(),
  numDiscretizationBins: count.optional(),
}).superRefine((options, context) => {
  try {
    makeFeatureSpace(options);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    context.addIssue({ code: 'custom', message: error.message });
  }
});

/** What prepares the columns of tables: one tensor, or several by name. */
export type Features = FeatureSpace<Tensor | Readonly<Record<string, Tensor>>>;

/** A space that has not learned anything yet. @throws {@link ConfigError} when the options of a feature are wrong */
export const makeFeatureSpace = (options: object): Features =>
  new FeatureSpace(options as FeatureSpaceOptions); // its own schema checks what it gets
