/** Places of rows; negative ones count from the end. */
export type IndexData = Int32Array | BigInt64Array;

/** A gradient `[count, ...]` that is zero but in some rows, other ones at each step. */
export class RowGradient {
  readonly #gradient: Float32Array;
  readonly #count: number;
  readonly #width: number;
  /** The step in which each row was last written. */
  readonly #writtenAt: Uint32Array;
  #step = 0;
  /** The rows that are not zero now. */
  #filled = new Int32Array();

  constructor(gradient: Float32Array, count: number) {
    this.#gradient = gradient;
    this.#count = count;
    this.#width = gradient.length / count;
    this.#writtenAt = new Uint32Array(count);
  }

  /** Makes it the sum of `rows[i]` at `indices[i]`; all other rows become zero. */
  fill(indices: IndexData, rows: Float32Array): void {
    const [gradient, width, writtenAt] = [this.#gradient, this.#width, this.#writtenAt];
    const before = this.#filled;
    const filled = new Int32Array(indices.length);
    const step = ++this.#step;
    for (let i = 0; i < filled.length; i++) {
      const place = Number(indices[i]);
      const row = place < 0 ? place + this.#count : place;
      const [to, from] = [row * width, i * width];
      filled[i] = row;
      if (writtenAt[row] === step) {
        for (let k = 0; k < width; k++)
          gradient[to + k] = (gradient[to + k] as number) + (rows[from + k] as number);
      } else {
        gradient.set(rows.subarray(from, from + width), to);
        writtenAt[row] = step;
      }
    }
    for (const row of before) if (writtenAt[row] !== step) gradient.fill(0, row * width, (row + 1) * width);
    this.#filled = filled;
  }
}
