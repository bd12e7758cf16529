import { dirname, join } from 'node:path';
import * as z from 'zod';
import { loadFeatureSpace } from '../data/index.ts';
import { FormatError } from '../errors.ts';
import { loadModel } from '../models/load.ts';
import type { Model } from '../models/model.ts';
import type { Features } from './feature-space.ts';
import { readConfig } from './read.ts';
import { exists, isFolder, readJson, runFiles } from './run-folder.ts';
import type { Config } from './schema.ts';

/** A saved model, with what the folder of its run says about it. */
export interface TrainedModel {
  readonly model: Model;
  /** The run's config, where there is one beside the model. */
  readonly config: Config | undefined;
  /** What the classes are called, where the run's data named them. */
  readonly classNames: readonly string[] | undefined;
  /** What prepared the columns of the run's data, where something did. */
  readonly features: Features | undefined;
}

const namesSchema = z.array(z.string());

/**
 * Opens a run folder, or a `.keras` file (in a run folder or not).
 * @throws {@link DataError} or {@link FormatError} when a file is missing or corrupt
 */
export async function openTrained(path: string): Promise<TrainedModel> {
  const folder = (await isFolder(path)) ? path : undefined;
  const model = await loadModel(folder === undefined ? path : join(folder, runFiles.model));
  const beside = folder ?? dirname(path);
  const configPath = join(beside, runFiles.config);
  const classesPath = join(beside, runFiles.classes);
  const isRun = await exists(join(beside, runFiles.history));
  const config = isRun && (await exists(configPath)) ? await readConfig(configPath) : undefined;
  const featuresPath = join(beside, runFiles.features);
  const features = isRun && (await exists(featuresPath)) ? await loadFeatureSpace(featuresPath) : undefined;
  if (!isRun || !(await exists(classesPath))) return { model, config, classNames: undefined, features };
  const names = namesSchema.safeParse(await readJson(classesPath));
  if (!names.success) throw new FormatError(`${classesPath}: expected a list of names.`, { op: 'classes' });
  return { model, config, classNames: names.data, features };
}
