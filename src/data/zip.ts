import * as z from 'zod';
import { type Cursor, done, type MaybePromise, whenThere } from '../core/resumable.ts';
import { anyState, parseState, type State } from '../core/state.ts';
import type { Item, Stage } from './stage.ts';

/** One element of each of several pipelines. */
export type Zipped<P> = {
  -readonly [K in keyof P]: P[K] extends AsyncIterable<infer T> ? T : never;
};

class ZipCursor<T> implements Cursor<T> {
  readonly #cursors: readonly Cursor<unknown>[];
  readonly #join: (parts: readonly unknown[]) => T;

  constructor(cursors: readonly Cursor<unknown>[], join: (parts: readonly unknown[]) => T) {
    this.#cursors = cursors;
    this.#join = join;
  }

  next(): MaybePromise<Item<T>> {
    return whenThere(allOf(this.#cursors.map((cursor) => cursor.next())), (items) =>
      items.length === 0 || items.some((item) => item.done)
        ? whenThere(this.return(), () => done)
        : { done: false, value: this.#join(items.map((item) => item.value)) },
    );
  }

  recycle(element: T): void {
    const parts = Object.values(element as object);
    for (const [i, cursor] of this.#cursors.entries()) cursor.recycle?.(parts[i]);
  }

  return(): MaybePromise<unknown> {
    return allOf(this.#cursors.map((cursor) => cursor.return()));
  }

  state(): State {
    return this.#cursors.map((cursor) => cursor.state());
  }

  restore(state: State): MaybePromise<void> {
    const places = parseState(z.array(anyState).length(this.#cursors.length), state, 'data: zip');
    return whenThere(allOf(this.#cursors.map((cursor, i) => cursor.restore(places[i] as State))), () => {});
  }
}

/** Values that may come later, all together: at once where all are there. */
const allOf = <T>(values: readonly MaybePromise<T>[]): MaybePromise<readonly T[]> =>
  values.some((value) => value instanceof Promise) ? Promise.all(values) : (values as readonly T[]);

/** Elements of several stages side by side. */
export const zipStage = <T>(
  stages: readonly Stage<unknown>[],
  join: (parts: readonly unknown[]) => T,
): Stage<T> => ({
  size:
    stages.length === 0 || stages.some((stage) => stage.size === undefined)
      ? undefined
      : Math.min(...stages.map((stage) => stage.size as number)),
  open: (pass) =>
    new ZipCursor(
      stages.map((stage) => stage.open(pass)),
      join,
    ),
});
