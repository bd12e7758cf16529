import * as z from 'zod';
import { deferred } from '../core/deferred.ts';
import { type Cursor, done } from '../core/resumable.ts';
import { anyState, parseState, type State } from '../core/state.ts';
import { Follower, type Item, type Stage } from './stage.ts';

const interleaveState = deferred(() =>
  z.strictObject({
    open: z.array(z.strictObject({ element: anyState, place: anyState }).nullable()),
    turn: z.int(),
    given: z.int(),
  }),
);

/** A pipeline under way, and the element that it was made of. */
interface Strand<T, U> {
  readonly element: T;
  readonly cursor: Cursor<U>;
}

/** How strands take turns. */
export interface InterleaveSettings {
  /** Strands that are open at once. */
  readonly cycleLength: number;
  /** Elements of a strand before it is the next one's turn. */
  readonly blockLength: number;
}

class InterleaveCursor<T, U> extends Follower<T, U> {
  readonly #make: (element: T) => Stage<U>;
  readonly #settings: InterleaveSettings;
  readonly #pass: number;
  #strands: (Strand<T, U> | undefined)[];
  #turn = 0;
  /** Elements given in this turn. */
  #given = 0;

  constructor(inner: Cursor<T>, make: (element: T) => Stage<U>, settings: InterleaveSettings, pass: number) {
    super(inner);
    this.#make = make;
    this.#settings = settings;
    this.#pass = pass;
    this.#strands = new Array<undefined>(settings.cycleLength).fill(undefined);
  }

  override async next(): Promise<Item<U>> {
    // as many empty turns in a row as there are places: nothing is left
    for (let empty = 0; empty < this.#settings.cycleLength; ) {
      const strand = this.#strands[this.#turn] ?? (await this.#begin());
      const item = strand && (await strand.cursor.next());
      if (item && !item.done) {
        if (++this.#given >= this.#settings.blockLength) this.#passOn();
        return item;
      }
      this.#strands[this.#turn] = undefined;
      if (strand === undefined) empty++;
      this.#passOn();
    }
    return done;
  }

  async #begin(): Promise<Strand<T, U> | undefined> {
    const item = await this.inner.next();
    if (item.done) return undefined;
    const strand = { element: item.value, cursor: this.#make(item.value).open(this.#pass) };
    this.#strands[this.#turn] = strand;
    return strand;
  }

  #passOn(): void {
    this.#turn = (this.#turn + 1) % this.#settings.cycleLength;
    this.#given = 0;
  }

  override async return(): Promise<void> {
    for (const strand of this.#strands) await strand?.cursor.return();
    await this.inner.return();
  }

  protected override ownState(): State {
    const open = this.#strands.map((strand) =>
      strand ? { element: strand.element as State, place: strand.cursor.state() } : null,
    );
    return { open, turn: this.#turn, given: this.#given };
  }

  protected override async restoreOwn(state: State): Promise<void> {
    const { open, turn, given } = parseState(interleaveState, state, 'data: interleave');
    this.#turn = turn;
    this.#given = given;
    this.#strands = [];
    for (const strand of open) {
      const element = strand?.element as T;
      const cursor = strand ? this.#make(element).open(this.#pass) : undefined;
      if (strand && cursor) await cursor.restore(strand.place);
      this.#strands.push(cursor && { element, cursor });
    }
  }
}

export const interleaveStage = <T, U>(
  inner: Stage<T>,
  make: (element: T) => Stage<U>,
  settings: InterleaveSettings,
): Stage<U> => ({
  size: undefined,
  open: (pass) => new InterleaveCursor(inner.open(pass), make, settings, pass),
});
