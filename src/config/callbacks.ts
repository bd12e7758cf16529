import { join } from 'node:path';
import type { Callback } from '../training/callback.ts';
import { callbackClasses } from './kinds.ts';
import type { Config } from './schema.ts';

/** The callbacks of a config; files that they write go into the output folder. */
export const buildCallbacks = (config: Config, output: string): Callback[] =>
  config.callbacks.map(({ type, ...options }) => {
    const { path } = options;
    const placed = typeof path === 'string' ? { ...options, path: join(output, path) } : options;
    return new (callbackClasses.get(type))(placed as never);
  });
