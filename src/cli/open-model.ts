import { access } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Model } from '../index.ts';

/** Whether there is a file. */
export const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

/** A model of any kind that is read: a run folder, a file, or a folder of TensorFlow.js. */
export async function openModel(path: string): Promise<Model> {
  if (await exists(join(path, 'model.json'))) return (await import('../index.ts')).loadModel(path);
  const { openTrained } = await import('../config/index.ts');
  return (await openTrained(path)).model;
}

/** The same, or the untrained model of a config; its data is read for the shapes of its samples. */
export async function describedModel(path: string): Promise<Model> {
  const { buildModel, openSource, readConfig, shapesOf } = await import('../config/index.ts');
  if (!path.endsWith('.json') || basename(path) === 'model.json') return openModel(path);
  const config = await readConfig(path);
  return buildModel(config.model, shapesOf(await openSource(config.data.train)));
}
