import * as z from 'zod';
import { deferred } from '../core/deferred.ts';
import { Random } from '../core/random.ts';
import { type Cursor, done, type MaybePromise, whenThere } from '../core/resumable.ts';
import { parseState, type State } from '../core/state.ts';
import { Follower, type Item, type Stage } from './stage.ts';

/** What a function of `map` is told besides the element. */
export interface MapContext {
  /** Number of the element in this pass. */
  readonly index: number;
  /** Random numbers of this very element, in this very pass: the same again in a run that is resumed. */
  readonly random: Random;
}
export type MapFunction<T, U> = (element: T, context: MapContext) => MaybePromise<U>;

class MapCursor<T, U> extends Follower<T, U> {
  readonly #f: MapFunction<T, U>;
  readonly #random: Random;
  #index = 0;

  constructor(inner: Cursor<T>, f: MapFunction<T, U>, random: Random) {
    super(inner);
    this.#f = f;
    this.#random = random;
  }

  override next(): MaybePromise<Item<U>> {
    const index = this.#index++;
    return whenThere(this.inner.next(), (item) => {
      if (item.done) return done;
      const context = new Context(index, this.#random);
      return whenThere(this.#f(item.value, context), (value) => ({ done: false, value }));
    });
  }

  protected override ownState(): State {
    return this.#index;
  }

  protected override restoreOwn(state: State): void {
    this.#index = parseState(z.int(), state, 'data: map');
  }
}

/** Random numbers cost nothing where nobody asks for them. */
class Context implements MapContext {
  readonly index: number;
  readonly #stream: Random;

  constructor(index: number, stream: Random) {
    this.index = index;
    this.#stream = stream;
  }

  get random(): Random {
    return this.#stream.split(this.index);
  }
}

export const mapStage = <T, U>(inner: Stage<T>, f: MapFunction<T, U>, seed: number): Stage<U> => ({
  size: inner.size,
  open: (pass) => new MapCursor(inner.open(pass), f, new Random(seed).split(pass)),
});

class FilterCursor<T> extends Follower<T, T> {
  readonly #keep: (element: T) => MaybePromise<boolean>;

  constructor(inner: Cursor<T>, keep: (element: T) => MaybePromise<boolean>) {
    super(inner);
    this.#keep = keep;
  }

  override async next(): Promise<Item<T>> {
    for (;;) {
      const item = await this.inner.next();
      if (item.done || (await this.#keep(item.value))) return item;
    }
  }
}

export const filterStage = <T>(inner: Stage<T>, keep: (element: T) => MaybePromise<boolean>): Stage<T> => ({
  size: inner.size === Number.POSITIVE_INFINITY ? inner.size : undefined,
  open: (pass) => new FilterCursor(inner.open(pass), keep),
});

class TakeCursor<T> extends Follower<T, T> {
  #left: number;

  constructor(inner: Cursor<T>, count: number) {
    super(inner);
    this.#left = count;
  }

  override next(): MaybePromise<Item<T>> {
    if (this.#left <= 0) return whenThere(this.inner.return(), () => done);
    this.#left--;
    return this.inner.next();
  }

  recycle(element: T): void {
    this.inner.recycle?.(element);
  }

  protected override ownState(): State {
    return this.#left;
  }

  protected override restoreOwn(state: State): void {
    this.#left = parseState(z.int(), state, 'data: take');
  }
}

export const takeStage = <T>(inner: Stage<T>, count: number): Stage<T> => ({
  size: inner.size === undefined ? undefined : Math.min(count, inner.size),
  open: (pass) => new TakeCursor(inner.open(pass), count),
});

class SkipCursor<T> extends Follower<T, T> {
  #left: number;

  constructor(inner: Cursor<T>, count: number) {
    super(inner);
    this.#left = count;
  }

  override next(): MaybePromise<Item<T>> {
    return this.#left > 0 ? this.#skip() : this.inner.next();
  }

  async #skip(): Promise<Item<T>> {
    for (; this.#left > 0; this.#left--) if ((await this.inner.next()).done) return done;
    return this.inner.next();
  }

  protected override ownState(): State {
    return this.#left;
  }

  protected override restoreOwn(state: State): void {
    this.#left = parseState(z.int(), state, 'data: skip');
  }
}

export const skipStage = <T>(inner: Stage<T>, count: number): Stage<T> => ({
  size: inner.size === undefined ? undefined : Math.max(0, inner.size - count),
  open: (pass) => new SkipCursor(inner.open(pass), count),
});

const repeatState = deferred(() =>
  z.strictObject({ round: z.int(), empty: z.boolean(), inner: z.custom<State>() }),
);

/** Pass after pass of the data before, as one. */
class RepeatCursor<T> implements Cursor<T> {
  readonly #open: (round: number) => Cursor<T>;
  readonly #rounds: number;
  #round = 0;
  /** Whether this round has given nothing so far. */
  #empty = true;
  #inner: Cursor<T>;

  constructor(open: (round: number) => Cursor<T>, rounds: number) {
    this.#open = open;
    this.#rounds = rounds;
    this.#inner = open(0);
  }

  async next(): Promise<Item<T>> {
    for (;;) {
      const item = await this.#inner.next();
      if (!item.done) {
        this.#empty = false;
        return item;
      }
      if (this.#empty || this.#round + 1 >= this.#rounds) return done;
      this.#round++;
      this.#empty = true;
      this.#inner = this.#open(this.#round);
    }
  }

  return(): MaybePromise<unknown> {
    return this.#inner.return();
  }

  state(): State {
    return { round: this.#round, empty: this.#empty, inner: this.#inner.state() };
  }

  restore(state: State): MaybePromise<void> {
    const { round, empty, inner } = parseState(repeatState, state, 'data: repeat');
    this.#round = round;
    this.#empty = empty;
    if (round > 0) this.#inner = this.#open(round);
    return this.#inner.restore(inner);
  }
}

/** Passes of an endless repetition that count as one: more than anybody goes through. */
const endless = 2 ** 20;

export const repeatStage = <T>(inner: Stage<T>, count: number): Stage<T> => ({
  size: inner.size === undefined ? undefined : inner.size === 0 ? 0 : inner.size * count,
  open: (pass) => new RepeatCursor((round) => inner.open(pass * Math.min(count, endless) + round), count),
});

interface Ahead<T> {
  readonly item: Item<T>;
  /** The place after it. */
  readonly after: State;
}

/** Keeps elements coming ahead of their use: taken one after the other, finished side by side, given in order. */
abstract class AheadCursor<T, U> extends Follower<T, U> {
  readonly #count: number;
  readonly #queue: Promise<Ahead<U>>[] = [];
  #taken: Promise<unknown> = Promise.resolve();
  #place: State;

  constructor(inner: Cursor<T>, count: number) {
    super(inner);
    this.#count = count;
    this.#place = inner.state();
  }

  protected abstract finish(element: T): MaybePromise<U>;

  /** Calls `fill` now, or when there is time. */
  protected abstract soon(fill: () => void): void;

  override async next(): Promise<Item<U>> {
    if (this.#queue.length === 0) this.#take();
    const { item, after } = await (this.#queue.shift() as Promise<Ahead<U>>);
    this.#place = after;
    if (!item.done) this.soon(() => this.#fill());
    return item;
  }

  #fill(): void {
    while (this.#queue.length < this.#count) this.#take();
  }

  #take(): void {
    const taken = this.#taken.then(async () => ({
      item: await this.inner.next(),
      after: this.inner.state(),
    }));
    this.#taken = taken.catch(() => {});
    const finished = taken.then(async ({ item, after }): Promise<Ahead<U>> => {
      if (item.done) return { item: done, after };
      return { item: { done: false, value: await this.finish(item.value) }, after };
    });
    finished.catch(() => {}); // told when its turn comes
    this.#queue.push(finished);
  }

  override async return(): Promise<void> {
    await this.#taken;
    await this.inner.return();
  }

  override state(): State {
    return this.#place;
  }

  override restore(state: State): MaybePromise<void> {
    this.#place = state;
    return this.inner.restore(state);
  }
}

/** Elements are made on this thread, so that whoever asked for one gets to work on it before the next is begun. */
class PrefetchCursor<T> extends AheadCursor<T, T> {
  #filling: NodeJS.Immediate | undefined;

  protected override finish(element: T): T {
    return element;
  }

  protected override soon(fill: () => void): void {
    this.#filling ??= setImmediate(() => {
      this.#filling = undefined;
      fill();
    });
  }

  override return(): Promise<void> {
    clearImmediate(this.#filling);
    this.#filling = undefined;
    return super.return();
  }

  recycle(element: T): void {
    this.inner.recycle?.(element);
  }
}

/** The next elements are made while the ones before are used. */
export const prefetchStage = <T>(inner: Stage<T>, count: number): Stage<T> => ({
  size: inner.size,
  open: (pass) => new PrefetchCursor(inner.open(pass), count),
});

/** Several calls of a function under way; the next ones begin at once. */
class ParallelCursor<U> extends AheadCursor<{ readonly later: MaybePromise<U> }, U> {
  protected override finish({ later }: { readonly later: MaybePromise<U> }): MaybePromise<U> {
    return later;
  }

  protected override soon(fill: () => void): void {
    fill();
  }
}

/** {@link mapStage} with several calls of `f` under way at once; the order stays. */
export const parallelMapStage = <T, U>(
  inner: Stage<T>,
  f: MapFunction<T, U>,
  seed: number,
  count: number,
): Stage<U> => {
  const begun = mapStage(inner, (element: T, context) => ({ later: f(element, context) }), seed);
  return { size: inner.size, open: (pass) => new ParallelCursor(begun.open(pass), count) };
};
