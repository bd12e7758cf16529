import * as z from 'zod';
import { deferred } from '../core/deferred.ts';
import { type Cursor, done, type MaybePromise, whenThere } from '../core/resumable.ts';
import { anyState, parseState, type State } from '../core/state.ts';

/** A part of a pipeline: how to go through it, again and again. */
export interface Stage<T> {
  /** Elements in a pass: a number, `Infinity`, or `undefined` where that is not known before. */
  readonly size: number | undefined;
  /** @param pass - how often this was gone through before, for orders that differ between passes */
  open(pass: number): Cursor<T>;
}

export type Item<T> = IteratorResult<T, undefined>;

const innerState = deferred(() => z.strictObject({ inner: anyState, own: anyState }));

/** A cursor over another one; remembers the other's place beside its own. */
export abstract class Follower<T, U> implements Cursor<U> {
  protected readonly inner: Cursor<T>;

  constructor(inner: Cursor<T>) {
    this.inner = inner;
  }

  abstract next(): MaybePromise<Item<U>>;

  return(): MaybePromise<unknown> {
    return this.inner.return();
  }

  state(): State {
    return { inner: this.inner.state(), own: this.ownState() };
  }

  restore(state: State): MaybePromise<void> {
    const { inner, own } = parseState(innerState, state, 'data');
    return whenThere(this.inner.restore(inner), () => this.restoreOwn(own));
  }

  /** What there is to remember besides the place of the data before; nothing by default. */
  protected ownState(): State {
    return null;
  }

  protected restoreOwn(_state: State): MaybePromise<void> {}
}

/** Elements that can be had by number: those of arrays in memory. */
export class IndexedCursor<T> implements Cursor<T> {
  readonly #size: number;
  readonly #get: (index: number) => T;
  #at = 0;

  constructor(size: number, get: (index: number) => T) {
    this.#size = size;
    this.#get = get;
  }

  next(): Item<T> {
    return this.#at < this.#size ? { done: false, value: this.#get(this.#at++) } : done;
  }

  return(): void {
    this.#at = this.#size;
  }

  state(): State {
    return this.#at;
  }

  restore(state: State): void {
    this.#at = parseState(z.int(), state, 'data');
  }
}

/** Elements of an iterable that knows no place: it is gone through again to find one. */
export class CountingCursor<T> implements Cursor<T> {
  readonly #iterator: Iterator<T> | AsyncIterator<T>;
  #count = 0;

  constructor(iterable: Iterable<T> | AsyncIterable<T>) {
    this.#iterator =
      Symbol.asyncIterator in iterable ? iterable[Symbol.asyncIterator]() : iterable[Symbol.iterator]();
  }

  next(): MaybePromise<Item<T>> {
    return whenThere(this.#iterator.next(), (item) => {
      if (item.done) return done;
      this.#count++;
      return { done: false, value: item.value };
    });
  }

  async return(): Promise<void> {
    await this.#iterator.return?.();
  }

  state(): State {
    return this.#count;
  }

  async restore(state: State): Promise<void> {
    const count = parseState(z.int(), state, 'data');
    while (this.#count < count) if ((await this.next()).done) return;
  }
}

/** Elements `[start, end)` that are in memory. */
export interface Block<T> {
  readonly start: number;
  readonly end: number;
  get(index: number): T;
}

/** Elements by number that are fetched a block at a time. */
export abstract class BlockCursor<T> implements Cursor<T> {
  readonly #size: number;
  #block: Block<T> | undefined;
  #at = 0;

  constructor(size: number) {
    this.#size = size;
  }

  /** The block that holds an element: the one after the last block, or the first after `close`. */
  protected abstract load(index: number): Promise<Block<T>>;

  abstract close(): MaybePromise<unknown>;

  next(): MaybePromise<Item<T>> {
    if (this.#at >= this.#size) return whenThere(this.return(), () => done);
    const block = this.#block;
    return block && this.#at < block.end
      ? { done: false, value: block.get(this.#at++) }
      : this.load(this.#at).then((loaded) => {
          this.#block = loaded;
          return { done: false, value: loaded.get(this.#at++) };
        });
  }

  return(): MaybePromise<unknown> {
    this.#at = this.#size;
    this.#block = undefined;
    return this.close();
  }

  state(): State {
    return this.#at;
  }

  restore(state: State): void {
    this.#at = parseState(z.int().min(0), state, 'data');
  }
}
