import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import * as z from 'zod';
import { type Cursor, done, type MaybePromise } from '../core/resumable.ts';
import { parseState, type State } from '../core/state.ts';
import { FormatError } from '../errors.ts';
import { ioError } from '../formats/atomic.ts';
import { packState, unpackState } from '../formats/state-file.ts';
import { readRecords, recordOf } from '../formats/tfrecord.ts';
import { CountingCursor, IndexedCursor, type Item, type Stage } from './stage.ts';

/** Where a first pass puts its elements, and later ones find them. */
interface Store<T> {
  /** A cursor over all elements, once they are there. */
  kept(): MaybePromise<Cursor<T> | undefined>;
  begin(): MaybePromise<void>;
  add(element: T): MaybePromise<void>;
  /** All elements are there. */
  finish(): MaybePromise<void>;
  abandon(): MaybePromise<void>;
}

class MemoryStore<T> implements Store<T> {
  #elements: readonly T[] | undefined;
  #growing: T[] = [];

  kept(): Cursor<T> | undefined {
    const elements = this.#elements;
    return elements && new IndexedCursor(elements.length, (i) => elements[i] as T);
  }

  begin(): void {
    this.#growing = [];
  }

  add(element: T): void {
    this.#growing.push(element);
  }

  finish(): void {
    this.#elements = this.#growing;
  }

  abandon(): void {
    this.#growing = [];
  }
}

/** A file of records, each with its checksum; under another name until it is whole. */
class FileStore<T> implements Store<T> {
  readonly #path: string;
  #file: FileHandle | undefined;
  #whole = false;

  constructor(path: string) {
    this.#path = path;
  }

  async kept(): Promise<Cursor<T> | undefined> {
    this.#whole ||= await open(this.#path).then(
      (file) => file.close().then(() => true),
      () => false,
    );
    return this.#whole ? new CountingCursor(this.#elements()) : undefined;
  }

  async *#elements(): AsyncGenerator<T> {
    for await (const { index, data } of readRecords(this.#path)) {
      if (data === undefined)
        throw new FormatError(`${this.#path}: record ${index} is corrupt. Remove the file.`, { op: 'cache' });
      yield unpackState(data, `${this.#path}: record ${index}`) as T;
    }
  }

  get #growing(): string {
    return `${this.#path}.${process.pid}.tmp`;
  }

  async begin(): Promise<void> {
    this.#file = await open(this.#growing, 'w').catch((error: unknown) => {
      throw ioError(error, this.#path, 'write');
    });
  }

  async add(element: T): Promise<void> {
    try {
      await this.#file?.writeFile(recordOf(packState(element as State)));
    } catch (error) {
      throw ioError(error, this.#path, 'write');
    }
  }

  async finish(): Promise<void> {
    await this.#file?.sync();
    await this.#file?.close();
    this.#file = undefined;
    await rename(this.#growing, this.#path);
  }

  async abandon(): Promise<void> {
    if (this.#file === undefined) return;
    await this.#file.close();
    this.#file = undefined;
    await rm(this.#growing, { force: true });
  }
}

/** Elements from the store; in the first pass from the data before, which fills the store. */
class CacheCursor<T> implements Cursor<T> {
  readonly #inner: () => Cursor<T>;
  readonly #store: Store<T>;
  #source: Cursor<T> | undefined;
  #fills = false;
  #count = 0;

  constructor(inner: () => Cursor<T>, store: Store<T>) {
    this.#inner = inner;
    this.#store = store;
  }

  async next(): Promise<Item<T>> {
    this.#source ??= await this.#open();
    const item = await this.#source.next();
    if (item.done) {
      if (this.#fills) await this.#store.finish();
      this.#fills = false;
      return done;
    }
    this.#count++;
    if (this.#fills) await this.#store.add(item.value);
    return item;
  }

  async #open(): Promise<Cursor<T>> {
    const kept = await this.#store.kept();
    if (kept !== undefined) return kept;
    await this.#store.begin();
    this.#fills = true;
    return this.#inner();
  }

  async return(): Promise<void> {
    if (this.#fills) await this.#store.abandon();
    this.#fills = false;
    await this.#source?.return();
  }

  state(): State {
    return this.#count;
  }

  /** Through the elements before the place: a cache that was not whole is filled again. */
  async restore(state: State): Promise<void> {
    const count = parseState(z.int(), state, 'data: cache');
    while (this.#count < count) if ((await this.next()).done) return;
  }
}

/** @param path - file to keep the elements in; memory by default */
export function cacheStage<T>(inner: Stage<T>, path?: string): Stage<T> {
  const store: Store<T> = path === undefined ? new MemoryStore() : new FileStore(path);
  return { size: inner.size, open: () => new CacheCursor(() => inner.open(0), store) };
}
