import { ConfigError } from '../errors.ts';

/** Keras's spelling in ours: `categorical_crossentropy` becomes `categoricalCrossentropy`. */
export const camelCase = (name: string): string =>
  name.replace(/_+([a-zA-Z0-9])/g, (_, c: string) => c.toUpperCase());

/** Keras's spelling of a class or option: `MaxPooling2D` is `max_pooling2d`, `returnSequences` is `return_sequences`. */
export const snakeCase = (name: string): string =>
  name
    .replace(/(.)([A-Z][a-z]+)/g, '$1_$2')
    .replace(/([a-z])([A-Z])/g, '$1_$2')
    .toLowerCase();

const fold = (name: string): string => name.replaceAll('_', '').toLowerCase();

/** Things found by name. Lookup ignores case and underscores, so Keras's spellings work too. */
export class Registry<T> {
  readonly #kind: string;
  readonly #entries = new Map<string, T>();
  readonly #names: string[] = [];

  /** @param kind - what the entries are, for messages: `layer`, `loss` */
  constructor(kind: string) {
    this.#kind = kind;
  }

  /** Adds an entry under its name and further spellings; a name given twice keeps the newest entry. */
  add(name: string, entry: T, ...aliases: readonly string[]): void {
    if (!this.#names.includes(name)) this.#names.push(name);
    for (const key of [name, ...aliases]) this.#entries.set(fold(key), entry);
  }

  has(name: string): boolean {
    return this.#entries.has(fold(name));
  }

  /** @throws {@link ConfigError} that suggests the nearest name */
  get(name: string): T {
    const entry = this.#entries.get(fold(name));
    if (entry === undefined) throw unknownName(this.#kind, name, this.#names);
    return entry;
  }

  names(): readonly string[] {
    return this.#names;
  }
}

/** Error for a name that is none of `known`, with the nearest one as a suggestion. */
export function unknownName(kind: string, name: string, known: readonly string[]): ConfigError {
  const hint = nearest(name, known);
  return new ConfigError(
    `Unknown ${kind} "${name}".${hint ? ` Did you mean "${hint}"?` : ''} Known: ${known.join(', ')}.`,
    { argument: kind, expected: known.join(', '), received: name },
  );
}

/** The known name within two edits (or a third of its length), if any. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.max(2, Math.floor(name.length / 3)) + 1;
  for (const candidate of known) {
    const distance = editDistance(fold(name), fold(candidate));
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitute = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(substitute, (row[j] as number) + 1, (next[j - 1] as number) + 1));
    }
    row = next;
  }
  return row[b.length] as number;
}
