import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigError } from '../errors.ts';
import type { Step } from './step.ts';

/** Runs of steps that are traced: the trace stays small, and training goes on at full speed. */
export const tracedRuns = 20;
/** Long steps have many ops: fewer runs are traced where they take longer than this, in microseconds, but a few. */
const longRuns = 2_000_000;
const fewRuns = 3;

/** An event of Chrome's trace format; times are microseconds. */
export interface TraceEvent {
  readonly name: string;
  readonly cat?: string;
  readonly ph: string;
  readonly pid: number;
  readonly tid: number;
  readonly ts?: number;
  readonly dur?: number;
  readonly args?: Readonly<Record<string, unknown>>;
}

/** A part of a step: `feed`, `compile`, `random`, `run`, `optimizer`, `callbacks`. */
interface Span {
  readonly name: string;
  readonly start: number;
  readonly duration: number;
}

/** Rows of the trace. */
const host = { pid: 1, tid: 1 };
const native = { pid: 1, tid: 2 };

/**
 * Traces the first steps of a run: what the host does, and what ONNX Runtime does op by op, named by layer path. The
 * result is a file in Chrome's trace format, which Perfetto opens.
 */
export class Profile {
  readonly #path: string;
  readonly #folder: string;
  readonly #spans: Span[] = [];
  readonly #runs = new Map<Step, Span[]>();
  #sessions = 0;
  #traced = 0;
  #duration = 0;
  #isDone = false;
  #events: readonly TraceEvent[] = [];
  #last = performance.now();

  private constructor(path: string, folder: string) {
    this.#path = path;
    this.#folder = folder;
  }

  /** @throws {@link ConfigError} when the file cannot be written */
  static async open(path: string): Promise<Profile> {
    try {
      await writeFile(path, JSON.stringify({ traceEvents: [] }));
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new ConfigError(`fit: "profile" names a file that cannot be written: ${reason}.`, {
        argument: 'profile',
        received: path,
        cause,
      });
    }
    return new Profile(path, await mkdtemp(join(tmpdir(), 'tfk-profile-')));
  }

  /** Where the runtime writes the trace of a new session; nowhere when enough was traced. */
  nextSession(): string | undefined {
    return this.#isDone ? undefined : join(this.#folder, `session${this.#sessions++}`);
  }

  /** A span begins now. */
  begin(): void {
    this.#last = performance.now();
  }

  /** Ends a span; the next one begins. */
  mark(name: string): Span {
    const now = performance.now();
    const span = { name, start: 1000 * this.#last, duration: 1000 * (now - this.#last) };
    this.#last = now;
    if (!this.#isDone) this.#spans.push(span);
    return span;
  }

  /** Ends the span of a native run. */
  markRun(step: Step): void {
    if (this.#isDone) return;
    const span = this.mark('run');
    this.#runs.set(step, [...(this.#runs.get(step) ?? []), span]);
    this.#traced++;
    this.#duration += span.duration;
  }

  /** After each step: when enough were traced, the file is written. */
  async endStep(): Promise<void> {
    this.mark('callbacks');
    const enough = this.#duration > longRuns ? fewRuns : tracedRuns;
    if (this.#traced >= enough) await this.end();
  }

  /** Writes the file, once. @returns what was traced */
  async end(): Promise<readonly TraceEvent[]> {
    if (this.#isDone) return this.#events;
    this.#isDone = true;
    const events: TraceEvent[] = [
      { name: 'process_name', ph: 'M', ...host, args: { name: 'tfk' } },
      { name: 'thread_name', ph: 'M', ...host, args: { name: 'JavaScript' } },
      { name: 'thread_name', ph: 'M', ...native, args: { name: 'ONNX Runtime' } },
      ...this.#spans.map(({ name, start, duration }) => ({
        name,
        cat: 'host',
        ph: 'X',
        ...host,
        ts: start,
        dur: duration,
      })),
    ];
    for (const [step, runs] of this.#runs) {
      const path = step.endProfiling();
      if (path === undefined) continue;
      for (const event of opEvents(JSON.parse(await readFile(path, 'utf8')), runs)) events.push(event);
    }
    await rm(this.#folder, { recursive: true, force: true });
    await writeFile(this.#path, JSON.stringify({ displayTimeUnit: 'ms', traceEvents: events }));
    this.#events = events;
    return events;
  }
}

/** An event as ONNX Runtime writes it. */
interface RuntimeEvent {
  readonly name: string;
  readonly ts: number;
  readonly dur: number;
  readonly args: {
    readonly op_name?: string;
    readonly input_type_shape?: readonly Readonly<Record<string, readonly number[]>>[];
    readonly output_type_shape?: readonly Readonly<Record<string, readonly number[]>>[];
  };
}

/** `fused sequential/dense/MatMul_kernel_time`: a node's name and what the runtime adds to it. */
const kernelEvent = /^(?:fused )?(?<node>.*)_kernel_time$/;

/** The ops of a session's trace, on the host's clock. Nodes are named by layer path: see `onnx/emit.ts`. */
function opEvents(trace: readonly RuntimeEvent[], runs: readonly Span[]): TraceEvent[] {
  const offset = clockOffset(
    trace.filter((e) => e.name === 'model_run'),
    runs,
  );
  return trace.flatMap(({ name, ts, dur, args }) => {
    const node = kernelEvent.exec(name)?.groups?.node;
    if (node === undefined) return [];
    const inputs = (args.input_type_shape ?? []).map(formatShape);
    const outputs = (args.output_type_shape ?? []).map(formatShape);
    const details = { op: args.op_name, inputs, outputs };
    return { name: node, cat: 'op', ph: 'X', ...native, ts: ts + offset, dur, args: details };
  });
}

/** `{ float: [2, 3] }` as `float[2,3]`. */
const formatShape = (type: Readonly<Record<string, readonly number[]>>): string =>
  Object.entries(type)
    .map(([dtype, shape]) => `${dtype}[${shape}]`)
    .join();

/** What the host's clock shows when the runtime's shows 0, by the run that took least on the host beside its ops. */
function clockOffset(nativeRuns: readonly RuntimeEvent[], hostRuns: readonly Span[]): number {
  let [offset, least] = [0, Number.POSITIVE_INFINITY];
  nativeRuns.slice(0, hostRuns.length).forEach(({ ts, dur }, i) => {
    const { start, duration } = hostRuns[i] as Span;
    const slack = duration - dur;
    if (slack >= least) return;
    least = slack;
    offset = start + slack / 2 - ts;
  });
  return offset;
}
