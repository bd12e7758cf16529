import { z } from 'zod';
import { type Cursor, done } from '../core/resumable.ts';
import { parseState, type State } from '../core/state.ts';
import type { Tensor } from '../core/tensor.ts';
import { NpyRows } from '../formats/npy-rows.ts';
import { Pipeline } from './pipeline.ts';
import type { Item } from './stage.ts';

/** Bytes that are read at once. */
const blockBytes = 2 ** 20;

class NpyCursor implements Cursor<Tensor> {
  readonly #file: NpyRows;
  readonly #perBlock: number;
  #block: Tensor | undefined;
  #start = 0;
  #at = 0;

  constructor(file: NpyRows) {
    this.#file = file;
    const { shape } = file.header;
    this.#perBlock = Math.max(1, Math.floor(blockBytes / (8 * shape.slice(1).reduce((a, b) => a * b, 1))));
  }

  next(): Item<Tensor> | Promise<Item<Tensor>> {
    if (this.#at >= this.#file.rows) return done;
    const within = this.#at - this.#start;
    if (this.#block === undefined || within >= (this.#block.shape[0] as number)) return this.#load();
    this.#at++;
    const row = this.#block.rows(within, within + 1);
    return { done: false, value: row.reshape(row.shape.slice(1)) };
  }

  async #load(): Promise<Item<Tensor>> {
    this.#start = this.#at;
    this.#block = await this.#file.read(this.#at, this.#at + this.#perBlock);
    return this.next();
  }

  return(): void {
    this.#at = this.#file.rows;
  }

  state(): State {
    return this.#at;
  }

  restore(state: State): void {
    this.#at = parseState(z.int(), state, 'data: npyRows');
    this.#block = undefined;
  }
}

/**
 * The rows of a `.npy` file, which stays on the disk: a megabyte of it is in memory at a time.
 * @throws {@link FormatError} when the file is corrupt, big-endian or in Fortran order
 */
export async function npyRows(path: string): Promise<Pipeline<Tensor>> {
  const file = await NpyRows.open(path);
  return new Pipeline({ size: file.rows, open: () => new NpyCursor(file) });
}
