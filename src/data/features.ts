import * as z from 'zod';
import { Tensor } from '../core/tensor.ts';
import { ConfigError } from '../errors.ts';
import type { Texts } from '../layers/index.ts';
import * as layers from '../layers/index.ts';
import type { Layer } from '../layers/layer.ts';
import { AdaptiveLayer, runOnHost } from '../layers/preprocessing/adaptive.ts';
import { layerRegistry } from '../layers/registry.ts';
import type { FeatureDtype } from './feature-columns.ts';

/** How a feature leaves its preprocessor: as numbers, as the number of its category, or that one-hot encoded. */
export type FeatureMode = 'float' | 'int' | 'oneHot';

/** A column of a table, and what becomes of it. */
export interface Feature {
  readonly dtype: FeatureDtype;
  /** `undefined` takes the numbers as they are. */
  readonly preprocessor: Layer | undefined;
  readonly outputMode: FeatureMode;
}

/** Categories of features, hashed together. */
export interface Cross {
  readonly features: readonly string[];
  readonly crossingDim: number;
  readonly outputMode: 'int' | 'oneHot';
}

const count = z.int().min(1);
const category = { outputMode: z.enum(['int', 'oneHot']).default('oneHot') };
const lookup = {
  ...category,
  maxTokens: z.int().min(2).nullable().default(null),
  numOovIndices: z.int().min(0).default(1),
};
const specs = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('float') }),
  z.strictObject({ type: z.literal('floatNormalized') }),
  z.strictObject({
    type: z.literal('floatRescaled'),
    scale: z.number().default(1),
    offset: z.number().default(0),
  }),
  z.strictObject({
    type: z.literal('floatDiscretized'),
    ...category,
    numBins: count.optional(),
    binBoundaries: z.array(z.number()).optional(),
  }),
  z.strictObject({ type: z.literal('integerCategorical'), ...lookup }),
  z.strictObject({ type: z.literal('stringCategorical'), ...lookup }),
  z.strictObject({ type: z.literal('integerHashed'), ...category, numBins: count.optional() }),
  z.strictObject({ type: z.literal('stringHashed'), ...category, numBins: count.optional() }),
  z.strictObject({
    type: z.literal('feature'),
    dtype: z.enum(['float32', 'int32', 'string']),
    preprocessor: layerRegistry.option(),
    outputMode: z.enum(['float', 'int', 'oneHot']),
  }),
]);

/** Kinds of features that need no options. */
export const featureKinds = [
  'float',
  'floatNormalized',
  'floatRescaled',
  'floatDiscretized',
  'integerCategorical',
  'stringCategorical',
  'integerHashed',
  'stringHashed',
] as const;

/** A kind of feature by name, or with its options; `feature` has a preprocessing layer of your choice. */
export const featureOption = z.union([z.enum(featureKinds), specs]);

/** Names of features to be crossed, or also into how many bins. */
export const crossOption = z.union([
  z.array(z.string()).min(2),
  z.strictObject({ features: z.array(z.string()).min(2), crossingDim: count.optional(), ...category }),
]);

/** Sizes that features have where they do not say. */
export interface FeatureSizes {
  readonly hashingDim: number;
  readonly numDiscretizationBins: number;
}

/** The feature that an option describes. */
export function makeFeature(
  option: z.output<typeof featureOption>,
  name: string,
  sizes: FeatureSizes,
): Feature {
  const spec = typeof option === 'string' ? specs.parse({ type: option }) : option;
  const own = { name: `${name}_preprocessor` };
  const { hashingDim, numDiscretizationBins } = sizes;
  switch (spec.type) {
    case 'float':
      return { dtype: 'float32', preprocessor: undefined, outputMode: 'float' };
    case 'floatNormalized':
      return { dtype: 'float32', preprocessor: layers.normalization(own), outputMode: 'float' };
    case 'floatRescaled': {
      const { scale, offset } = spec;
      return {
        dtype: 'float32',
        preprocessor: layers.rescaling({ ...own, scale, offset }),
        outputMode: 'float',
      };
    }
    case 'floatDiscretized': {
      const { binBoundaries = null, numBins = binBoundaries === null ? numDiscretizationBins : null } = spec;
      const preprocessor = layers.discretization({ ...own, binBoundaries, numBins });
      return { dtype: 'float32', preprocessor, outputMode: spec.outputMode };
    }
    case 'integerCategorical':
    case 'stringCategorical': {
      const { maxTokens, numOovIndices, outputMode } = spec;
      const options = { ...own, maxTokens, numOovIndices };
      return spec.type === 'integerCategorical'
        ? { dtype: 'int32', preprocessor: layers.integerLookup(options), outputMode }
        : { dtype: 'string', preprocessor: layers.stringLookup(options), outputMode };
    }
    case 'integerHashed':
    case 'stringHashed': {
      const preprocessor = layers.hashing({ ...own, numBins: spec.numBins ?? hashingDim });
      const dtype = spec.type === 'integerHashed' ? 'int32' : 'string';
      return { dtype, preprocessor, outputMode: spec.outputMode };
    }
    case 'feature':
      return spec;
  }
}

/** Whether a preprocessor has something to learn. */
export const isAdaptable = (
  layer: Layer | undefined,
): layer is AdaptiveLayer<z.ZodType, Texts | Tensor> & Layer =>
  layer instanceof AdaptiveLayer && layer.adaptable;

interface Transformer {
  transform(data: Texts | Tensor): Tensor | Texts;
}
const isTransformer = (layer: object): layer is Transformer => 'transform' in layer;

/** What a preprocessor makes of a column. */
export function preprocess({ preprocessor }: Feature, data: Texts | Tensor, name: string): Tensor {
  const result =
    preprocessor !== undefined && isTransformer(preprocessor)
      ? preprocessor.transform(data)
      : data instanceof Tensor && preprocessor !== undefined
        ? runOnHost(preprocessor, [data])
        : data;
  if (result instanceof Tensor) return result;
  throw new ConfigError(
    `feature "${name}": ${preprocessor?.className ?? 'float'} gives texts. Use a layer that gives numbers.`,
    { op: name, argument: 'preprocessor' },
  );
}

/** How many categories a preprocessor tells apart. @throws {@link ConfigError} when that is not known */
export function cardinality(preprocessor: Layer | undefined, name: string): number {
  if (preprocessor instanceof layers.Discretization) {
    return preprocessor.options.numBins ?? (preprocessor.binBoundaries?.length ?? 0) + 1;
  }
  if (preprocessor instanceof layers.Hashing) return preprocessor.options.numBins;
  if (preprocessor instanceof layers.CategoryEncoding) return preprocessor.options.numTokens;
  if (preprocessor instanceof layers.StringLookup || preprocessor instanceof layers.IntegerLookup) {
    return preprocessor.vocabularySize();
  }
  throw new ConfigError(
    `feature "${name}": outputMode "oneHot" needs a layer of which the number of categories is known. ` +
      `Received ${preprocessor?.className ?? 'float'}. Use outputMode "int" or "float".`,
    { op: name, argument: 'outputMode' },
  );
}
