import type { State } from './state.ts';

/** A value now, or later. */
export type MaybePromise<T> = T | Promise<T>;

/** Goes through data, and can say where it is. Values that are there at once come without a promise. */
export interface Cursor<T> {
  next(): MaybePromise<IteratorResult<T, undefined>>;
  /** Ends the pass: files are closed. */
  return(): MaybePromise<unknown>;
  /** The place after the last element that was given. */
  state(): State;
  /** Goes to a place; right after the cursor was opened. */
  restore(state: State): MaybePromise<void>;
  /** Says that nobody uses an element any more: its memory may serve for a later one. */
  recycle?(element: T): void;
}

/** Data whose place is part of a checkpoint, as a `tfk.data` pipeline. */
export interface ResumableSource<T> {
  /** Passes begun so far; orders that differ between passes follow from it. */
  passes: number;
  /** Begins the next pass. */
  open(): Cursor<T>;
}

/** Whether the place in a source can be kept without going through it again. */
export const isResumable = <T>(source: object): source is ResumableSource<T> =>
  'open' in source && typeof source.open === 'function' && 'passes' in source;

/** The end of data. */
export const done: IteratorReturnResult<undefined> = { done: true, value: undefined };

/** `value` put to use, now or when it is there. */
export const whenThere = <T, U>(
  value: MaybePromise<T>,
  use: (value: T) => MaybePromise<U>,
): MaybePromise<U> => (value instanceof Promise ? value.then(use) : use(value));
