/** Lets timers and sockets run. */
export const yieldToEventLoop = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Work that stops now and then, in places where other work may be done. */
export type Pieces<T> = Generator<void, T, void>;

/** Does work in one go. */
export function atOnce<T>(work: Pieces<T>): T {
  for (;;) {
    const { done, value } = work.next();
    if (done) return value;
  }
}

/** Pieces follow each other for as long, in milliseconds, before the event loop gets its turn. */
const turnMs = 4;

/** Does work piece by piece, so that timers and sockets wait for a few milliseconds only. */
export async function inTurns<T>(work: Pieces<T>): Promise<T> {
  for (;;) {
    await yieldToEventLoop();
    const end = performance.now() + turnMs;
    do {
      const { done, value } = work.next();
      if (done) return value;
    } while (performance.now() < end);
  }
}
