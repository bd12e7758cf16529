import { type Key, Random } from '../core/random.ts';
import { ConfigError } from '../errors.ts';
import { messageOf } from '../formats/atomic.ts';

/** One call of a module's function. */
export interface Task {
  readonly element: unknown;
  readonly index: number;
  /** Of the random numbers that the function is given. */
  readonly key: Key;
}

type Call = (element: unknown, context: Pick<Task, 'index' | 'key'>) => unknown;

/**
 * A function of a module, as `map` calls it.
 * @throws {@link ConfigError} when the module cannot be loaded, or has no function of that name
 */
export async function importFunction(module: URL, name: string): Promise<Call> {
  const exports: Readonly<Record<string, unknown>> = await import(module.href).catch((error: unknown) => {
    throw new ConfigError(`map: cannot load ${module.href}: ${messageOf(error)}`, {
      argument: 'module',
      received: module.href,
      cause: error,
    });
  });
  const f = exports[name];
  if (typeof f === 'function') return (element, { index, key }) => f(element, new ModuleContext(index, key));
  throw new ConfigError(
    `map: ${module.href} exports no function "${name}". It exports: ${Object.keys(exports).join(', ') || 'nothing'}.`,
    { argument: 'name', received: name },
  );
}

/** What a function of another thread is told; see `MapContext`. */
class ModuleContext {
  readonly index: number;
  readonly #key: Key;

  constructor(index: number, key: Key) {
    this.index = index;
    this.#key = key;
  }

  get random(): Random {
    return new Random(this.#key);
  }
}
