import * as z from 'zod';
import { Configured, idOf } from '../core/configured.ts';
import { ConfigError } from '../errors.ts';
import { type Problem, problemsOf, unknownKeys, valueAt } from './issues.ts';
import { kindOf, kinds, shapeOf } from './kinds.ts';

/** A class by name with its options, as plain data. */
export interface ResolvedSpec {
  readonly type: string;
  readonly [option: string]: unknown;
}

/** A schema for a class of a kind, by name or as `{ "type": name, ...options }`; gives it with all defaults filled in. */
export const spec = (kind: string) =>
  z
    .unknown()
    .transform((given, context): ResolvedSpec => {
      const result = resolveSpec(kind, given);
      if (!Array.isArray(result)) return result;
      for (const issue of result) context.addIssue({ code: 'custom', ...issue });
      return z.NEVER;
    })
    .meta({ kind });

/** Metrics given by name stay names: `accuracy` is the kind that fits the data, and names are keys in logs. */
export const metricSpec = () =>
  z
    .unknown()
    .transform((given, context): ResolvedSpec | string => {
      if (typeof given === 'string' && /^(accuracy|acc|crossentropy|ce)$/i.test(given)) return given;
      const result = resolveSpec('metric', given);
      if (!Array.isArray(result)) return typeof given === 'string' ? given : result;
      for (const issue of result) context.addIssue({ code: 'custom', ...issue });
      return z.NEVER;
    })
    .meta({ kind: 'metric' });

/** The class that `given` describes with every option filled in, or what is wrong with it. */
export function resolveSpec(kind: string, given: unknown): ResolvedSpec | Problem[] {
  const named = nameAndOptions(given);
  if (named === undefined) {
    return [{ path: [], message: `expected the name of a ${kind}, or an object with "type" and options` }];
  }
  const { name, options } = named;
  const found = find(kind, name);
  if (typeof found === 'string') return [{ path: typeof given === 'string' ? [] : ['type'], message: found }];
  const result = found.schema.safeParse(options);
  if (result.success) return { type: camel(name, kind), ...(plain(result.data) as object) };
  return result.error.issues.flatMap((issue) => optionProblems(issue, found.schema, options));
}

/** Problems of an object inside the options are told with their own key path. */
function optionProblems(issue: z.core.$ZodIssue, schema: z.ZodType, options: object): Problem[] {
  const known = shapeOf(schema);
  if (issue.code === 'unrecognized_keys' && issue.path.length === 0) {
    return [{ path: issue.keys.slice(0, 1), message: unknownKeys(issue.keys, Object.keys(known)) }];
  }
  const [key] = issue.path;
  const kind = typeof key === 'string' && known[key] ? kindOf(known[key]) : undefined;
  if (kind !== undefined && typeof key === 'string') {
    const inner = resolveSpec(kind, valueAt(options, [key]));
    if (Array.isArray(inner)) return inner.map((p) => ({ ...p, path: [key, ...p.path] }));
  }
  return problemsOf([issue], options);
}

function nameAndOptions(given: unknown): { name: string; options: object } | undefined {
  if (typeof given === 'string') return { name: given, options: {} };
  if (typeof given !== 'object' || given === null) return undefined;
  const { type, ...options } = given as { type?: unknown };
  return typeof type === 'string' ? { name: type, options } : undefined;
}

function find(kind: string, name: string): { readonly schema: z.ZodType } | string {
  const registry = kinds.get(kind);
  if (registry === undefined) throw new TypeError(`no kind "${kind}"`);
  try {
    return registry.get(name);
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
}

/** The name in our spelling: the registries take Keras's too. */
function camel(name: string, kind: string): string {
  const fold = (text: string): string => text.replaceAll('_', '').toLowerCase();
  return (
    kinds
      .get(kind)
      ?.names()
      .find((known) => fold(known) === fold(name)) ?? name
  );
}

/** Options as plain data, objects inside as `{ type, ...options }`. */
function plain(value: unknown): unknown {
  if (value instanceof Configured)
    return { type: idOf(value.className), ...(plain(value.options) as object) };
  if (Array.isArray(value)) return value.map(plain);
  if (value === null || typeof value !== 'object') return value;
  const entries = Object.entries(value).filter(([, inner]) => inner !== undefined);
  return Object.fromEntries(entries.map(([key, inner]) => [key, plain(inner)]));
}
