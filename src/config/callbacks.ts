import { join } from 'node:path';
import { callbacks } from '../callbacks/index.ts';
import type { Callback } from '../training/callback.ts';
import type { Config } from './schema.ts';

/** The callbacks of a config; files that they write go into the output folder. */
export const buildCallbacks = (config: Config, output: string): Callback[] =>
  config.callbacks.map((spec) =>
    callbacks.make(typeof spec.path === 'string' ? { ...spec, path: join(output, spec.path) } : spec),
  );
