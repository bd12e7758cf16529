import { join } from 'node:path';
import { z } from 'zod';
import type { Tensor } from '../core/tensor.ts';
import { ConfigError, FormatError } from '../errors.ts';
import { loadModel } from '../models/load.ts';
import type { Model } from '../models/model.ts';
import type { History } from '../training/callback.ts';
import { compileModel } from './model.ts';
import { readConfig } from './read.ts';
import { readJson, runFiles } from './run-folder.ts';
import type { Config } from './schema.ts';

const historySchema = z.record(
  z.string(),
  z.array(
    z
      .number()
      .nullable()
      .transform((v) => v ?? Number.NaN),
  ),
);

/**
 * A run that was stopped, ready to go on: its model, compiled as the config says, with the optimizer's state, its
 * history and its seed.
 * @throws {@link FormatError} or {@link DataError} when a file of the run is missing or corrupt
 */
export async function resumedRun(
  folder: string,
  config: Config,
): Promise<{ model: Model; history: History; seed: number | undefined }> {
  const path = join(folder, runFiles.history);
  const history = historySchema.safeParse(await readJson(path));
  if (!history.success) {
    throw new FormatError(`${path}: expected lists of numbers by name. --force starts over.`, {
      op: 'resume',
    });
  }
  const model = await loadModel(join(folder, runFiles.model));
  const saved = model.compiled?.store?.state.variables.map((variable) => variable.read()) ?? [];
  compileModel(model, config);
  const variables = (await model.compiled?.ensureStore())?.state.variables ?? [];
  if (saved.length !== variables.length) {
    throw new ConfigError(
      `${folder}: the optimizer of the config keeps ${variables.length} variables, that of the run ${saved.length}. ` +
        'Resume with the optimizer that the run began with.',
      { argument: 'compile.optimizer' },
    );
  }
  for (const [i, variable] of variables.entries()) variable.write(saved[i] as Tensor);
  const { seed } = await readConfig(join(folder, runFiles.config));
  return { model, history: history.data, seed };
}
