import { dirname, relative, resolve } from 'node:path';
import type * as z from 'zod';
import { ConfigError } from '../errors.ts';
import { describeProblem, problemsOf } from './issues.ts';
import { readJson } from './run-folder.ts';
import { type Config, configSchema, type Source, sourceSchema } from './schema.ts';
import { textOrJson } from './text-or-json.ts';

/**
 * A config file, checked, with all defaults filled in.
 *
 * Paths in the file (`data`, `model`) are relative to the file's folder, those in `settings` and `output` to the working
 * folder.
 * @param path - JSON file
 * @param settings - `path=value` pairs that replace what the file says, e.g. `fit.epochs=3`; values are JSON or text
 * @throws {@link DataError} when the file cannot be read, {@link FormatError} when it is not JSON
 * @throws {@link ConfigError} with one line for each problem, naming the key
 */
export async function readConfig(path: string, settings: readonly string[] = []): Promise<Config> {
  let raw = withAbsolutePaths(await readJson(path), resolve(dirname(path)));
  for (const setting of settings) raw = applySetting(raw, setting);
  return parse(configSchema, withAbsolutePaths(raw, process.cwd()), path);
}

/** One source of data, as under `data.test` of a config. @throws {@link ConfigError} */
export const parseSource = (source: unknown, where: string): Source => parse(sourceSchema, source, where);

/** The config as it is written beside its results: paths are relative to `folder`, where it is kept. */
export const relocated = (config: Config, folder: string): unknown =>
  mapPaths(structuredClone(config), (path) => relative(resolve(folder), path));

function parse<S extends z.ZodType>(schema: S, raw: unknown, where: string): z.output<S> {
  const result = schema.safeParse(raw);
  if (result.success) return result.data;
  const problems = problemsOf(result.error.issues, raw);
  throw new ConfigError(problems.map((p) => `${where}: ${describeProblem(p)}`).join('\n'), {
    op: 'config',
    argument: problems[0]?.path.join('.') ?? '',
  });
}

const withAbsolutePaths = (config: unknown, base: string): unknown =>
  mapPaths(config, (path) => resolve(base, path));

/** A copy of the config with every path to something that is read changed by `change`. */
function mapPaths(config: unknown, change: (path: string) => string): unknown {
  const some = (value: unknown): unknown => {
    if (typeof value === 'string') return change(value);
    return isObject(value) ? Object.fromEntries(Object.entries(value).map(([k, v]) => [k, some(v)])) : value;
  };
  const at = (value: unknown, keys: Readonly<Record<string, (value: unknown) => unknown>>): unknown =>
    isObject(value)
      ? Object.fromEntries(Object.entries(value).map(([k, v]) => [k, (keys[k] ?? ((same) => same))(v)]))
      : value;
  const source = (value: unknown): unknown =>
    at(value, { csv: some, parquet: some, images: some, npz: some, npy: some });
  return at(config, {
    model: (model) => (typeof model === 'string' ? change(model) : at(model, { from: some })),
    data: (data) => at(data, { train: source, validation: source, test: source }),
  });
}

/** A copy of the config with the value at a dotted path replaced. */
function applySetting(config: unknown, setting: string): unknown {
  const split = setting.indexOf('=');
  if (split < 1) {
    throw new ConfigError(`--set: expected path=value, e.g. fit.epochs=3. Received "${setting}".`, {
      argument: '--set',
      received: setting,
    });
  }
  return replaceAt(config, setting.slice(0, split).split('.'), textOrJson(setting.slice(split + 1)));
}

function replaceAt(at: unknown, [key, ...rest]: readonly string[], value: unknown): unknown {
  if (key === undefined) return value;
  if (Array.isArray(at))
    return at.map((item, i) => (String(i) === key ? replaceAt(item, rest, value) : item));
  // "adam" is short for {"type": "adam"}
  const object = isObject(at) ? at : typeof at === 'string' ? { type: at } : {};
  return { ...object, [key]: replaceAt(object[key], rest, value) };
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
