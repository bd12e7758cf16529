import * as z from 'zod';
import { deferred } from '../core/deferred.ts';
import { Random } from '../core/random.ts';
import { type Cursor, done, type MaybePromise, whenThere } from '../core/resumable.ts';
import { anyState, parseState, type State } from '../core/state.ts';
import { Follower, type Item, type Stage } from './stage.ts';

const shuffleState = deferred(() =>
  z.strictObject({
    counter: z.int(),
    spare: z.number().nullable(),
    ended: z.boolean(),
    buffer: z.array(anyState),
  }),
);

/** Gives elements of a buffer in random order, and fills it up from the data. */
class ShuffleCursor<T> extends Follower<T, T> {
  readonly #size: number;
  readonly #key: Random['key'];
  #random: Random;
  #buffer: T[] = [];
  #ended = false;

  constructor(inner: Cursor<T>, size: number, random: Random) {
    super(inner);
    this.#size = size;
    this.#key = random.key;
    this.#random = random;
  }

  override next(): MaybePromise<Item<T>> {
    if (this.#buffer.length >= this.#size || this.#ended) return this.#draw();
    return this.#fillAndDraw();
  }

  async #fillAndDraw(): Promise<Item<T>> {
    while (this.#buffer.length < this.#size && !this.#ended) this.#put(await this.inner.next());
    return this.#draw();
  }

  #put(item: Item<T>): void {
    if (item.done) this.#ended = true;
    else this.#buffer.push(item.value);
  }

  /** One element of the buffer; the next of the data takes its place at once. */
  #draw(): MaybePromise<Item<T>> {
    if (this.#buffer.length === 0) return done;
    const at = this.#random.integer(this.#buffer.length);
    const value = this.#buffer[at] as T;
    this.#buffer[at] = this.#buffer.at(-1) as T;
    this.#buffer.pop();
    if (this.#ended) return { done: false, value };
    return whenThere(this.inner.next(), (item) => {
      this.#put(item);
      return { done: false, value };
    });
  }

  recycle(element: T): void {
    this.inner.recycle?.(element);
  }

  protected override ownState(): State {
    const { counter, spare } = this.#random.state;
    return { counter, spare, ended: this.#ended, buffer: [...this.#buffer] as State[] };
  }

  protected override restoreOwn(state: State): void {
    const { counter, spare, ended, buffer } = parseState(shuffleState, state, 'data: shuffle');
    this.#random = Random.at({ key: this.#key, counter, spare });
    this.#ended = ended;
    this.#buffer = buffer as T[];
  }
}

/** @param reshuffle - another order for every pass */
export const shuffleStage = <T>(
  inner: Stage<T>,
  size: number,
  seed: number,
  reshuffle: boolean,
): Stage<T> => ({
  size: inner.size,
  open: (pass) => new ShuffleCursor(inner.open(pass), size, new Random(seed).split(reshuffle ? pass : 0)),
});
