import * as z from 'zod';
import { type DType, isDtype } from '../core/dtype.ts';
import { datasets } from '../data/index.ts';
import { choice, hasKey } from './choice.ts';
import { featureSpaceSchema } from './feature-space.ts';
import { imagesSchema } from './images.ts';
import { strict } from './issues.ts';
import { metricSpec, type ResolvedSpec, resolveSpec, spec } from './spec.ts';
import { sweepSchema } from './sweep.ts';

const count = z.int('expected a whole number').min(1, 'expected a whole number of at least 1');
const names = z.record(z.string(), z.string());

/** One setting for all outputs, a list in their order, or a record by output name. */
const perOutput = <T extends z.ZodType>(one: T) =>
  choice({ one, list: z.array(one.nullable()), record: z.record(z.string(), one.nullable()) }, (value) =>
    Array.isArray(value) ? 'list' : typeof value === 'object' && !hasKey(value, 'type') ? 'record' : 'one',
  );

const limit = count.optional().describe('Use only so many samples, from the start.');
const features = z
  .array(z.string())
  .optional()
  .describe('Columns to predict it from; all others by default.');
const featureSpace = featureSpaceSchema
  .optional()
  .describe('Columns of any type and what becomes of them, learned from the training data.');
const target = z.string().describe('Column to predict; texts become class numbers.');
const several = 'A name, or names by input or output for models with several.';
const sourceForms = {
  dataset: strict({
    dataset: z.enum(Object.keys(datasets)).describe('A data set known by name.'),
    split: z.enum(['train', 'test']),
    classes: z
      .array(z.string())
      .min(2)
      .optional()
      .describe('Names of the classes to use, which are numbered in this order; all by default.'),
    limit,
  }),
  csv: strict({
    csv: z.string().describe('Path of a CSV or TSV file, also .gz.'),
    target,
    features,
    featureSpace,
    delimiter: z.string().length(1).optional(),
    header: z.boolean().optional(),
    missing: z.enum(['error', 'nan']).optional(),
    missingValues: z.array(z.string()).optional(),
    limit,
  }),
  parquet: strict({
    parquet: z.string().describe('Path of a Parquet file.'),
    target,
    features,
    featureSpace,
    missing: z.enum(['error', 'nan']).optional(),
    limit,
  }),
  npz: strict({
    npz: z.string().describe('Path of a NumPy .npz file.'),
    x: z.union([z.string(), names]).default('x').describe(`Array of the inputs. ${several}`),
    y: z.union([z.string(), names]).default('y').describe(`Array of the targets. ${several}`),
    limit,
  }),
  npy: strict({
    npy: strict({
      x: z.union([z.string(), names]).describe(`Path of the inputs. ${several}`),
      y: z.union([z.string(), names]).describe(`Path of the targets. ${several}`),
    }),
    limit,
  }),
  images: imagesSchema,
  unknown: z.never('expected an object with "dataset", "csv", "parquet", "images", "npz" or "npy"'),
};
export const sourceSchema = choice(
  sourceForms,
  (value) =>
    (['dataset', 'csv', 'parquet', 'images', 'npz', 'npy'] as const).find((key) => hasKey(value, key)) ??
    'unknown',
);

const dtype = z.custom<DType>(isDtype, 'expected an element type such as float32 or int32');
/** A layer of a functional model: `inputs` names the inputs and layers it follows. */
const node = z
  .unknown()
  .transform((given, context): { inputs: string[]; layer: ResolvedSpec } => {
    const { inputs, ...layer } = (typeof given === 'object' && given !== null ? given : {}) as Record<
      string,
      unknown
    >;
    const sources = z.array(z.string()).min(1).safeParse(inputs);
    if (!sources.success) {
      context.addIssue({
        code: 'custom',
        path: ['inputs'],
        message: 'expected the names of the inputs or layers that this layer follows, e.g. ["x"]',
      });
    }
    const resolved = resolveSpec('layer', layer);
    if (Array.isArray(resolved)) for (const issue of resolved) context.addIssue({ code: 'custom', ...issue });
    return sources.success && !Array.isArray(resolved) ? { inputs: sources.data, layer: resolved } : z.NEVER;
  })
  .meta({ kind: 'node' });

const patterns = z.array(z.string().min(1)).default([]);
const modelForms = {
  path: z.string(
    'expected {"layers": [...]}, {"inputs", "layers", "outputs"}, {"from"} or the path of a model',
  ),
  from: strict({
    from: z
      .string()
      .describe('Output folder of an earlier run, or a model file: .keras, .h5, .onnx, model.json.'),
    cutAt: z.string().min(1).optional().describe('Name of the last layer that is kept.'),
    head: z.array(spec('layer')).default([]).describe('Layers that follow, one after the other.'),
    freeze: patterns.describe(
      'Layers of the loaded model that are not trained, by name or path; * stands for anything.',
    ),
    lora: strict({
      rank: count.describe('Columns of the factors: the smaller, the fewer weights.'),
      alpha: z
        .number()
        .positive()
        .optional()
        .describe('Updates are multiplied by alpha / rank; alpha = rank by default.'),
      layers: patterns.describe('Layers that are adapted; all that can be where left out.'),
    })
      .optional()
      .describe('Freezes the loaded model and trains low-rank updates of its kernels.'),
    cacheFeatures: z
      .boolean()
      .default(false)
      .describe(
        'Runs frozen layers once for each sample, not once in every epoch; only what follows is trained.',
      ),
    learningRateFactors: z
      .record(z.string(), z.number().min(0))
      .default({})
      .describe(
        'Factors of the learning rate for layers, by name or path; * stands for anything, the last match counts.',
      ),
  }),
  functional: strict({
    name: z.string().optional(),
    inputs: z
      .array(
        strict({ name: z.string(), shape: z.array(count.nullable()).optional(), dtype: dtype.optional() }),
      )
      .min(1)
      .describe('Shapes (without the batch axis) are taken from the data where left out.'),
    layers: z.array(node).min(1).describe('Each layer after those it follows.'),
    outputs: z.array(z.string()).min(1).describe('Names of the layers whose results are the outputs.'),
  }),
  sequential: strict({
    name: z.string().optional(),
    layers: z.array(spec('layer')).min(1).describe('A chain; the input shape is taken from the data.'),
  }),
};
export const modelSchema = choice(modelForms, (value) => {
  if (hasKey(value, 'from', 'load')) return 'from';
  if (hasKey(value, 'inputs', 'outputs')) return 'functional';
  return hasKey(value, 'layers') || (typeof value === 'object' && value !== null) ? 'sequential' : 'path';
});

const weights = z.union([z.array(z.number()), z.record(z.string(), z.number())]);
const metricList = z.array(metricSpec());
const metricsOption = choice(
  {
    list: z.array(
      choice({ one: metricSpec(), several: metricList }, (v) => (Array.isArray(v) ? 'several' : 'one')),
    ),
    record: z.record(
      z.string(),
      choice({ one: metricSpec(), several: metricList }, (v) => (Array.isArray(v) ? 'several' : 'one')),
    ),
  },
  (value) => (typeof value === 'object' && value !== null && !Array.isArray(value) ? 'record' : 'list'),
);

const compileSchema = strict({
  optimizer: spec('optimizer').prefault('rmsprop'),
  loss: perOutput(spec('loss')),
  lossWeights: weights.optional().describe("Factor of each output's loss in the total."),
  metrics: metricsOption.optional().describe('Measured beside the loss, e.g. ["accuracy"].'),
  weightedMetrics: metricsOption.optional().describe('Metrics that take class weights into account.'),
  stepsPerExecution: count.default(1),
});

const fitSchema = strict({
  epochs: count.default(1),
  batchSize: count.default(32),
  shuffle: z.boolean().default(true),
  classWeight: z.record(z.string(), z.number()).optional().describe('Weight of each class in the loss.'),
  initialEpoch: z.int().min(0).default(0),
  stepsPerEpoch: count.optional(),
  validationBatchSize: count.optional(),
  validationSteps: count.optional(),
  validationFreq: z.union([count, z.array(count)]).default(1),
});

const checkpointSchema = strict({
  saveFreq: z
    .union([z.literal('epoch'), count])
    .default('epoch')
    .describe('After each epoch, or after so many steps.'),
  keep: count.default(2).describe('Checkpoints that are kept while the run goes on.'),
});

/** What one JSON file says about a training run. */
export const configSchema = strict({
  $schema: z.string().optional(),
  seed: z
    .int()
    .min(0)
    .optional()
    .describe('Makes the run repeatable; drawn, and written down, where left out.'),
  device: z.enum(['cpu', 'cuda']).default('cpu'),
  threads: count.optional().describe('Threads for the native kernels; all cores by default.'),
  backend: z.string().optional().describe('onnxruntime (default) or reference.'),
  model: modelSchema.describe('Layers, or a saved model to go on with.'),
  data: strict({
    train: sourceSchema,
    shuffle: z
      .boolean()
      .default(false)
      .describe('Mixes the training data, always in the same way, before validationSplit takes its part.'),
    validation: sourceSchema.optional().describe('Measured after each epoch.'),
    validationSplit: z
      .number()
      .min(0)
      .lt(1)
      .default(0)
      .describe('Last part of the training data, for validation.'),
    test: sourceSchema.optional().describe('Measured once, at the end.'),
  }),
  compile: compileSchema,
  fit: fitSchema.prefault({}),
  callbacks: z.array(spec('callback')).default([]),
  checkpoint: checkpointSchema.prefault({}).describe('How often the run is saved, to go on if it dies.'),
  sweep: sweepSchema.optional().describe('What tfk sweep tries; other commands pass over it.'),
  output: z.string().min(1).describe('Folder for the model and its figures.'),
});

export type Config = z.output<typeof configSchema>;
export type ModelConfig = Config['model'];
export type Source = z.output<typeof sourceSchema>;
