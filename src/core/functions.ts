import * as z from 'zod';
import { ConfigError } from '../errors.ts';
import { Registry } from './registry.ts';

type AnyFunction = (...args: never) => unknown;

const functions = new Registry<AnyFunction>('function');
const names = new Map<AnyFunction, string>();

/**
 * Gives a function of your own a name, so that a layer or a metric that holds it can be saved and loaded.
 * @param name - what files call it
 */
export function registerFunction(name: string, f: AnyFunction): void {
  functions.add(name, f);
  names.set(f, name);
}

/** The function of a name, if there is one. */
export const registeredFunction = (name: string): AnyFunction | undefined =>
  functions.has(name) ? functions.get(name) : undefined;

/** The name of a function. @throws {@link ConfigError} when it has none */
export function functionName(f: AnyFunction): string {
  const name = names.get(f);
  if (name !== undefined) return name;
  throw new ConfigError(
    `A function cannot be written as data. Give it a name first: tfk.registerFunction(${JSON.stringify(f.name || 'name')}, f).`,
    { argument: 'function', received: f.name || 'a function without a name' },
  );
}

/** An option that holds a function, given as such or by its registered name. */
export const functionOption = <F extends AnyFunction>(): z.ZodType<F, F | string> =>
  z
    .union([z.string(), z.custom<F>((v) => typeof v === 'function', 'expected a function')])
    .transform((given, context) => {
      if (typeof given !== 'string') return given;
      const found = registeredFunction(given);
      if (found !== undefined) return found;
      context.addIssue({
        code: 'custom',
        message: `no function is named "${given}"; call tfk.registerFunction("${given}", f) first`,
      });
      return z.NEVER;
    })
    .meta({ kind: 'function' }) as unknown as z.ZodType<F, F | string>;
