import { nextRandom } from '../core/seed.ts';
import { ConfigError } from '../errors.ts';
import type { Model } from '../models/model.ts';
import type { ValidationData } from '../training/options.ts';
import { defined } from './defined.ts';
import { PictureFiles } from './picture-files.ts';
import type { Config } from './schema.ts';
import type { RunData, Samples } from './sources.ts';

type FitData = Parameters<Model['fit']>;

/** What `fit` is given of the data of a run: arrays, or batches of pictures. */
export function fitArguments({ train, validation }: RunData, { fit, data }: Config): FitData {
  const held = validation && { validationData: validationOf(validation, fit) };
  const options = defined(fit);
  if (!(train instanceof PictureFiles))
    return [train.x, train.y, { ...options, ...(held ?? { validationSplit: data.validationSplit }) }];
  const { classWeight, batchSize, ...rest } = options;
  const { count } = train;
  const kept = data.validationSplit > 0 && !held ? Math.floor(count * (1 - data.validationSplit)) : count;
  if (kept === 0) {
    throw new ConfigError(
      `data.validationSplit: ${data.validationSplit} of ${count} pictures leaves none for training.`,
      { argument: 'data.validationSplit' },
    );
  }
  const seed = fit.shuffle ? nextRandom().bits() : undefined;
  const batches = train.slice(0, kept).batches({ batchSize, seed, classWeight });
  const stepsPerEpoch = rest.stepsPerEpoch ?? batches.size;
  return [
    batches,
    undefined,
    {
      ...rest,
      ...(stepsPerEpoch !== undefined && { stepsPerEpoch }),
      ...(kept < count ? { validationData: validationOf(train.slice(kept, count), fit) } : held),
    },
  ];
}

function validationOf(samples: Samples | PictureFiles, fit: Config['fit']): ValidationData {
  const batchSize = fit.validationBatchSize ?? fit.batchSize;
  return samples instanceof PictureFiles ? samples.batches({ batchSize }) : [samples.x, samples.y];
}

/** What `evaluate` is given of samples. */
export const evaluateArguments = (
  samples: Samples | PictureFiles,
  batchSize: number,
): Parameters<Model['evaluate']> =>
  samples instanceof PictureFiles
    ? [samples.batches({ batchSize }), undefined, { verbose: 0 }]
    : [samples.x, samples.y, { batchSize, verbose: 0 }];
