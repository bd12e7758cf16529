import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import type { Command } from './contenders.ts';
import type { Answer, Greeting } from './sides/serve.ts';

export type Measured = Extract<Answer, { milliseconds: number }>;

/** A side that cannot be measured: not installed, no model for the task, or failed. */
export class Unavailable extends Error {}

/** Threads that a side left spinning when it answered are asleep after this. */
const settleMs = 100;
const patienceMs = 300_000;
const alive = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of alive) child.kill('SIGKILL');
});

/** A process that trains, or predicts, when told to, and is idle otherwise. */
export class Side {
  readonly variant: string;
  /** What the process calls itself: name and version. */
  version = '';
  /** From the start of the process until everything was imported. */
  importSeconds = 0;
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  #complaints = '';

  private constructor(child: ChildProcess, variant: string) {
    this.variant = variant;
    this.#child = child;
    this.#lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]();
    child.stderr?.on('data', (text: Buffer) => {
      this.#complaints = (this.#complaints + text).slice(-2000);
    });
    child.stdin?.on('error', () => {}); // a side that died is noticed when it does not answer
    alive.add(child);
    child.on('exit', () => alive.delete(child));
  }

  /** @throws {@link Unavailable} when the framework is not installed */
  static async start({ file, args, env }: Command, variant: string): Promise<Side> {
    const start = performance.now();
    const child = spawn(file, args, { env: { ...process.env, ...env } });
    const side = new Side(child, variant);
    const failed = new Promise<never>((_, reject) => {
      child.once('error', (error) => reject(new Unavailable(`not installed: ${error.message}`)));
    });
    const greeting = (await Promise.race([side.#line(), failed])) as Greeting;
    if ('missing' in greeting) {
      side.close();
      throw new Unavailable(`not installed: ${greeting.missing}`);
    }
    side.version = greeting.ready;
    side.importSeconds = (performance.now() - start) / 1000;
    return side;
  }

  /**
   * Makes about so many steps.
   * @throws {@link Unavailable} when the side fails; it is closed then
   */
  async run(steps: number): Promise<Measured> {
    await delay(settleMs);
    this.#child.stdin?.write(`${JSON.stringify({ steps })}\n`);
    const answer = (await this.#line()) as Answer;
    if (!('error' in answer)) return answer;
    this.close();
    throw new Unavailable(answer.error);
  }

  async #line(): Promise<unknown> {
    const waiting = new AbortController();
    const tooLong = delay(patienceMs, undefined, { signal: waiting.signal }).then(
      () => ({ value: undefined, late: true }),
      () => ({ value: undefined, late: false }),
    );
    const line = await Promise.race([this.#lines.next(), tooLong]);
    waiting.abort();
    if (line.value !== undefined) return JSON.parse(line.value);
    this.close();
    const reason =
      'late' in line ? `no answer in ${patienceMs / 1000} s` : this.#complaints.trim().split('\n').at(-1);
    throw new Unavailable(reason || 'ended without an answer');
  }

  /** Most memory that was resident at once, in MiB; known on Linux. */
  get peakMiB(): number | undefined {
    try {
      const status = readFileSync(`/proc/${this.#child.pid}/status`, 'utf8');
      return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024;
    } catch {
      return undefined;
    }
  }

  close(): void {
    this.#child.kill('SIGKILL');
  }
}
