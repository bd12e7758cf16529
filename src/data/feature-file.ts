import * as z from 'zod';
import { FormatError } from '../errors.ts';
import { archiveMembers, asFormatError, readArchive } from '../formats/archive.ts';
import { writeFileAtomic } from '../formats/atomic.ts';
import { readHdf5, writeHdf5 } from '../formats/hdf5.ts';
import { assetMembers, restoreStates } from '../formats/keras-assets.ts';
import type { Json, JsonRecord } from '../formats/keras-json.ts';
import { layerFromKeras, layerToKeras } from '../formats/keras-model.ts';
import type { ReadContext } from '../formats/keras-objects.ts';
import { kerasId } from '../formats/keras-spelling.ts';
import { readWeights, writeWeights } from '../formats/keras-weights.ts';
import { zipChunks } from '../formats/zip-writer.ts';
import type { Layer } from '../layers/layer.ts';
import type { Cross, Feature } from './features.ts';

/** What a file holds of a feature space. */
interface Space extends Layer {
  readonly options: {
    readonly outputMode: 'concat' | 'dict';
    readonly crossingDim: number;
    readonly hashingDim: number;
    readonly numDiscretizationBins: number;
  };
  readonly features: ReadonlyMap<string, Feature>;
  readonly crosses: ReadonlyMap<string, Cross>;
}

/** Where Keras has the classes of a feature space, but for itself. */
const module = 'keras.src.layers.preprocessing.feature_space';
const objectOf = (class_name: string, config: JsonRecord): JsonRecord => ({
  module,
  class_name,
  config,
  registered_name: class_name,
});
/** Columns are `[rows, 1]`. */
const build_config = { input_shape: [null, 1] };

/** Writes a feature space in Keras's form. */
export async function writeFeatureFile(path: string, space: Space): Promise<void> {
  if (!path.endsWith('.keras')) {
    throw new FormatError(`expected a path that ends in .keras. Received ${path}.`, {
      op: 'save',
      received: path,
    });
  }
  const weights = await writeHdf5((file) => writeWeights(file, space));
  await writeFileAtomic(path, zipChunks(archiveMembers(spaceToKeras(space), weights, assetMembers(space))));
}

function spaceToKeras({ features, crosses, options }: Space): JsonRecord {
  const { outputMode, crossingDim, hashingDim, numDiscretizationBins } = options;
  return {
    module: 'keras.utils',
    class_name: 'FeatureSpace',
    config: {
      features: record(features, featureToKeras),
      output_mode: outputMode,
      crosses: [...crosses.values()].map((cross) =>
        objectOf('Cross', {
          feature_names: cross.features,
          crossing_dim: cross.crossingDim,
          output_mode: kerasId(cross.outputMode),
        }),
      ),
      crossing_dim: crossingDim,
      hashing_dim: hashingDim,
      num_discretization_bins: numDiscretizationBins,
    },
    registered_name: null,
    build_config: record(features, () => build_config),
  };
}

const record = <T>(map: ReadonlyMap<string, T>, f: (value: T, name: string) => Json): JsonRecord =>
  Object.fromEntries([...map].map(([name, value]) => [name, f(value, name)]));

const featureToKeras = ({ dtype, preprocessor, outputMode }: Feature, name: string): JsonRecord =>
  objectOf('Feature', {
    dtype,
    preprocessor: {
      ...(preprocessor
        ? layerToKeras(preprocessor)
        : objectOf('TFDIdentity', { name: `${name}_preprocessor` })),
      build_config,
    },
    output_mode: kerasId(outputMode),
  });

const size = z.int().min(1);
const mode = z.enum(['int', 'one_hot', 'float']);
const fileSchema = z.object({
  module: z.literal('keras.utils'),
  class_name: z.literal('FeatureSpace'),
  config: z.object({
    features: z.record(
      z.string(),
      z.object({
        class_name: z.literal('Feature'),
        config: z.object({
          dtype: z.enum(['float32', 'int32', 'string']),
          preprocessor: z.looseObject({ class_name: z.string() }),
          output_mode: mode,
        }),
      }),
    ),
    output_mode: z.enum(['concat', 'dict']),
    crosses: z.array(
      z.object({
        config: z.object({ feature_names: z.array(z.string()), crossing_dim: size, output_mode: mode }),
      }),
    ),
    crossing_dim: size,
    hashing_dim: size,
    num_discretization_bins: size,
  }),
});

/**
 * A feature space from a file.
 * @param make - makes it of its options
 * @throws {@link FormatError} when the file is corrupt or holds something else
 */
export async function readFeatureFile<S extends Space>(
  path: string,
  make: (options: Record<string, unknown>) => S,
): Promise<S> {
  try {
    const { config, weights, assets } = await readArchive(path);
    const space = make(optionsFromKeras(config, path));
    for (const { preprocessor } of space.features.values()) preprocessor?.ensureBuilt([[null, 1]]);
    await readHdf5(
      weights,
      (file) => {
        readWeights(file, space, path);
        restoreStates(space, file, assets);
      },
      { label: path },
    );
    return space;
  } catch (error) {
    throw asFormatError(error, path);
  }
}

function optionsFromKeras(value: unknown, file: string): Record<string, unknown> {
  const parsed = fileSchema.safeParse(value);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new FormatError(
      `${file}: config.json: expected a feature space. ${issue?.path.join('.')}: ${issue?.message}.`,
      { op: 'keras' },
    );
  }
  const { config } = parsed.data;
  const context: ReadContext = { file, customObjects: {}, shared: new Map() };
  const features = Object.entries(config.features).map(([name, { config: feature }]) => {
    const { dtype, preprocessor, output_mode } = feature;
    if (preprocessor.class_name === 'TFDIdentity') return [name, 'float'];
    const layer = layerFromKeras(preprocessor, context, `${file}: features.${name}`);
    return [name, { type: 'feature', dtype, preprocessor: layer, outputMode: ownMode(output_mode) }];
  });
  return {
    features: Object.fromEntries(features),
    outputMode: config.output_mode,
    crosses: config.crosses.map(({ config: cross }) => ({
      features: cross.feature_names,
      crossingDim: cross.crossing_dim,
      outputMode: ownMode(cross.output_mode),
    })),
    crossingDim: config.crossing_dim,
    hashingDim: config.hashing_dim,
    numDiscretizationBins: config.num_discretization_bins,
  };
}

const ownMode = (keras: z.output<typeof mode>): Feature['outputMode'] =>
  keras === 'one_hot' ? 'oneHot' : keras;
