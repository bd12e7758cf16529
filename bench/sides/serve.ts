import { createInterface } from 'node:readline';

/** First line of a side. */
export type Greeting = { readonly ready: string } | { readonly missing: string };
/** Answer of a side to `{"steps": n}`. */
export type Answer =
  | {
      /** Steps that were timed: all but those of the first epoch. */
      readonly steps: number;
      /** Of each of these. */
      readonly milliseconds: number;
      /** From the request to the end of the first epoch. */
      readonly firstEpoch: number;
    }
  | { readonly error: string };

/**
 * Makes about so many steps, calls `mark` at the end of each epoch (two at least), and returns the steps of an epoch.
 * The model is built in the first call.
 */
export type Run = (steps: number, mark: () => void) => Promise<number>;

export const say = (line: Greeting | Answer): void => {
  process.stdout.write(`${JSON.stringify(line)}\n`);
};

/** Answers requests on standard input, one at a time, until it ends. */
export async function serve(version: string, run: Run): Promise<void> {
  say({ ready: version });
  for await (const line of createInterface({ input: process.stdin })) {
    const { steps } = JSON.parse(line) as { steps: number };
    const start = performance.now();
    const ends: number[] = [];
    try {
      const timed = (await run(steps, () => ends.push(performance.now()))) * (ends.length - 1);
      const [first = Number.NaN, last = Number.NaN] = [ends[0], ends.at(-1)];
      say({ steps: timed, milliseconds: (last - first) / timed, firstEpoch: first - start });
    } catch (error) {
      say({ error: error instanceof Error ? error.message : String(error) });
    }
  }
}

/** Runs of single calls, each with the next of the inputs; one call counts as the first epoch. */
export function calls<T>(inputs: readonly T[], call: (input: T) => void | Promise<void>): Run {
  return async (steps, mark) => {
    await call(inputs[0] as T);
    mark();
    for (let i = 0; i < steps; i++) await call(inputs[i % inputs.length] as T);
    mark();
    return steps;
  };
}
