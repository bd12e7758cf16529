/** A loop over a memory: byte offsets that move along, the bytes to go through, then scalars. */
export type Loop = (...args: number[]) => unknown;

/** Bytes that a thread takes at a time: long enough to be worth the handing out, short enough to end together. */
const pieceBytes = 65536;
const maxArguments = 64;
/** So often a thread looks for the others' end before it sleeps: about as long as a piece takes. */
const patientLooks = 5000;
const cells = { pieces: 0, done: 1 } as const;
/** The word `pieces` holds the number of the job above these bits, and how many pieces nobody has taken below. */
const pieceBits = 17;
const pieceMask = 2 ** pieceBits - 1;

/**
 * A job that threads share: one loop, cut into pieces, which each thread takes as long as there are some. Whoever is late, or
 * does not come, takes none, so that nothing waits for a thread that sleeps.
 */
export class SharedWork {
  readonly memory: SharedArrayBuffer;
  readonly #words: Int32Array;
  /** Number of the loop, count of its pointers, total bytes, count of its arguments, arguments. */
  readonly #job: Float64Array;
  /** The thread's own copy of the arguments. */
  readonly #args: number[] = [];

  constructor(memory = new SharedArrayBuffer(8 * (1 + 4 + maxArguments))) {
    this.memory = memory;
    this.#words = new Int32Array(memory, 0, 2);
    this.#job = new Float64Array(memory, 8);
  }

  /**
   * Runs a loop with whoever comes to help.
   * @param loop - the calling thread's
   * @param id - by which the others know it
   * @param args - its arguments: `pointers` byte offsets, the bytes, scalars
   */
  run(loop: Loop, id: number, args: readonly number[], pointers: number): void {
    const bytes = args[pointers] as number;
    const total = Math.ceil(bytes / pieceBytes);
    if (args.length > maxArguments || total > pieceMask) {
      loop.apply(undefined, args as number[]);
      return;
    }
    const [words, job] = [this.#words, this.#job];
    job.set([id, pointers, bytes, args.length]);
    job.set(args, 4);
    Atomics.store(words, cells.done, 0);
    Atomics.store(words, cells.pieces, this.#next(total));
    Atomics.notify(words, cells.pieces);
    this.help((known) => (known === id ? loop : undefined));
    // at most one piece of each helper is left: a few microseconds, unless its thread lost its processor
    for (let looks = 0, done = 0; done < total; looks++) {
      done = Atomics.load(words, cells.done);
      if (looks > patientLooks && done < total) Atomics.wait(words, cells.done, done);
    }
  }

  /** Takes pieces of the job at hand while there are some. @param find - the loop of a number, where it is known */
  help(find: (id: number) => Loop | undefined): void {
    const [words, job, args] = [this.#words, this.#job, this.#args];
    for (;;) {
      const seen = Atomics.load(words, cells.pieces);
      const piece = (seen & pieceMask) - 1;
      if (piece < 0) return;
      const loop = find(job[0] as number);
      if (loop === undefined) return;
      const pointers = job[1] as number;
      const at = piece * pieceBytes;
      args.length = job[3] as number;
      for (let i = 0; i < args.length; i++) args[i] = (job[4 + i] as number) + (i < pointers ? at : 0);
      args[pointers] = Math.min(pieceBytes, (job[2] as number) - at);
      // taken only if the job is still the one that was read above
      if (Atomics.compareExchange(words, cells.pieces, seen, seen - 1) !== seen) continue;
      loop.apply(undefined, args);
      Atomics.add(words, cells.done, 1);
      Atomics.notify(words, cells.done);
    }
  }

  /** Waits for a job, or to be woken. */
  wait(): void {
    const seen = Atomics.load(this.#words, cells.pieces);
    if ((seen & pieceMask) === 0) Atomics.wait(this.#words, cells.pieces, seen);
  }

  /** Wakes who waits without a job. */
  wake(): void {
    Atomics.store(this.#words, cells.pieces, this.#next(0));
    Atomics.notify(this.#words, cells.pieces);
  }

  #next(pieces: number): number {
    const number = (Atomics.load(this.#words, cells.pieces) >>> pieceBits) + 1;
    return (number << pieceBits) | pieces | 0;
  }
}
