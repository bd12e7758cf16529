import { splitFrozen } from '../models/cut.ts';
import type { Model } from '../models/model.ts';
import { compileModel } from './model.ts';
import { PictureFiles } from './picture-files.ts';
import type { Config } from './schema.ts';
import type { RunData, Samples } from './sources.ts';

/** What is trained, and on what. */
export interface Training {
  readonly model: Model;
  readonly data: RunData;
}

/**
 * With `cacheFeatures`, the part of a model behind its frozen layers, and what those give for each sample: they run once.
 * @throws {@link ConfigError} when nothing is frozen that a chain of layers follows
 */
export async function cachedFeatures(model: Model, data: RunData, config: Config): Promise<Training> {
  const caches = typeof config.model === 'object' && 'from' in config.model && config.model.cacheFeatures;
  if (!caches) return { model, data };
  const { backbone, head } = splitFrozen(model);
  compileModel(head, config);
  const { batchSize } = config.fit;
  const through = async (samples: Samples | PictureFiles): Promise<Samples> => {
    const { x, ...others } = samples instanceof PictureFiles ? await samples.load() : samples;
    const features = await backbone.predict(x, { batchSize, verbose: 0 });
    return { ...others, x: features };
  };
  try {
    const { train, validation, test } = data;
    const features = { train: await through(train), validation: validation && (await through(validation)) };
    return { model: head, data: { ...features, test } };
  } finally {
    backbone.dispose();
  }
}
