import { createInterface } from 'node:readline';

/** First line of a side. */
export type Greeting = { readonly ready: string } | { readonly missing: string };
/** Answer of a side to `{"steps": n}`: what it made, and the milliseconds of each step. */
export type Answer = { readonly steps: number; readonly milliseconds: number } | { readonly error: string };

export const say = (line: Greeting | Answer): void => {
  process.stdout.write(`${JSON.stringify(line)}\n`);
};

/**
 * Answers requests on standard input, one at a time, until it ends.
 * @param train - trains for about so many steps; says how many it made. Builds its model at the first call.
 */
export async function serve(version: string, train: (steps: number) => Promise<number>): Promise<void> {
  say({ ready: version });
  for await (const line of createInterface({ input: process.stdin })) {
    const { steps } = JSON.parse(line) as { steps: number };
    const start = performance.now();
    try {
      const made = await train(steps);
      say({ steps: made, milliseconds: (performance.now() - start) / made });
    } catch (error) {
      say({ error: error instanceof Error ? error.message : String(error) });
    }
  }
}
