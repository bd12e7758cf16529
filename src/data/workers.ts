import { Worker } from 'node:worker_threads';
import type { Key } from '../core/random.ts';
import { DataError } from '../errors.ts';
import { messageOf } from '../formats/atomic.ts';
import { importFunction, type Task } from './map-module.ts';
import type { MapFunction } from './transform.ts';
import { pack, unpack } from './wire.ts';

/** How long threads wait for more before they end. */
const lingerMs = 5000;

/** An element that waits for its result. */
interface Call {
  readonly element: unknown;
  readonly index: number;
  readonly key: Key;
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

interface Thread {
  readonly worker: Worker;
  /** What it works at. */
  call?: Call | undefined;
}

/** Where a function is that other threads can load. */
export interface MapModule {
  readonly module: URL;
  /** Name of the export. */
  readonly name: string;
}

/**
 * Worker threads that call one function of a module. They start with the first elements, and end when idle. A thread
 * has one element at a time: if it dies, that was the one.
 */
export class WorkerPool {
  readonly #what: MapModule;
  readonly #size: number;
  readonly #threads = new Set<Thread>();
  readonly #queue: Call[] = [];
  #linger: NodeJS.Timeout | undefined;

  constructor(what: MapModule, size: number) {
    this.#what = what;
    this.#size = size;
  }

  /** Calls the function in the next thread that is free. @throws {@link DataError} naming the element */
  call(element: unknown, context: Pick<Call, 'index' | 'key'>): Promise<unknown> {
    clearTimeout(this.#linger);
    return new Promise((resolve, reject) => {
      this.#queue.push({ element, ...context, resolve, reject });
      this.#assign();
    });
  }

  #assign(): void {
    while (this.#queue.length > 0) {
      const free = [...this.#threads].find((thread) => thread.call === undefined);
      if (free === undefined && this.#threads.size >= this.#size) return;
      this.#send(free ?? this.#start(), this.#queue.shift() as Call);
    }
  }

  #send(thread: Thread, call: Call): void {
    const { element, index, key } = call;
    const { value, memory } = pack(element);
    try {
      thread.worker.postMessage({ element: value, index, key } satisfies Task, memory);
    } catch (error) {
      call.reject(this.#fault(index, `cannot be sent to another thread: ${messageOf(error)}`, error));
      return;
    }
    thread.call = call;
    thread.worker.ref();
  }

  #start(): Thread {
    const { module, name } = this.#what;
    const worker = new Worker(new URL('./map-worker.js', import.meta.url), {
      workerData: { module: module.href, name },
    });
    const thread: Thread = { worker };
    let reason = '';
    worker.on('message', (answer) => this.#settle(thread, answer));
    worker.on('error', (error) => {
      reason = messageOf(error);
    });
    worker.on('exit', (code) => this.#bury(thread, reason || `exit code ${code}`));
    worker.unref();
    this.#threads.add(thread);
    return thread;
  }

  #settle(thread: Thread, answer: { value?: unknown; error?: string }): void {
    const { call } = thread;
    thread.call = undefined;
    thread.worker.unref(); // an idle thread keeps no process alive
    if (answer.error === undefined) call?.resolve(unpack(answer.value));
    else call?.reject(this.#fault(call.index, answer.error));
    this.#assign();
    if ([...this.#threads].every((other) => other.call === undefined)) this.#endLater();
  }

  /** A thread is gone: who waits for it is told, and what waits for any goes on with others. */
  #bury(thread: Thread, reason: string): void {
    this.#threads.delete(thread);
    const { call } = thread;
    call?.reject(this.#fault(call.index, `its worker thread died: ${reason}`));
    this.#assign();
  }

  #endLater(): void {
    this.#linger = setTimeout(() => {
      for (const { worker } of this.#threads) worker.terminate().catch(() => {});
      this.#threads.clear();
    }, lingerMs);
    this.#linger.unref();
  }

  #fault(index: number, what: string, cause?: unknown): DataError {
    const { module, name } = this.#what;
    return new DataError(`map: element ${index}: ${what} (function "${name}" of ${module.href}).`, {
      op: 'map',
      argument: `element ${index}`,
      cause,
    });
  }
}

/** A module's function as `map` takes it: called in `workers` other threads, or in this one where that is 0. */
export function moduleFunction<T, U>(what: MapModule, workers: number): MapFunction<T, U> {
  const pool = workers > 0 ? new WorkerPool(what, workers) : undefined;
  const here = pool ? undefined : importFunction(what.module, what.name);
  here?.catch(() => {}); // told with the first element
  return async (element, { index, random }) => {
    const context = { index, key: random.key };
    return (pool ? pool.call(element, context) : (await here)?.(element, context)) as Promise<U>;
  };
}
