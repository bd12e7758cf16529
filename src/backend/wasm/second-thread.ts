import { availableParallelism } from 'node:os';
import { SHARE_ENV, Worker } from 'node:worker_threads';
import { InternalError } from '../../errors.ts';
import { bindModule } from './assembler.ts';
import { isShared, type WasmMemory, type WasmModule } from './host.ts';
import type { Notice } from './second-thread-worker.ts';
import { type Loop, SharedWork } from './shared-work.ts';

/** Below so many bytes a loop is over before another thread has woken up. */
export const worthwhileBytes = 2 ** 19;

/** A thread that helps the calling one with long loops over shared memories. It sleeps between them. */
class SecondThread {
  readonly #work = new SharedWork();
  readonly #worker: Worker;
  readonly #forgotten = new FinalizationRegistry<number>((id) => this.#tell({ id }));
  #count = 0;

  constructor() {
    this.#worker = new Worker(new URL('./second-thread-worker.js', import.meta.url), {
      workerData: this.#work.memory,
      execArgv: [],
      // it prints nothing and reads no environment: copies and pipes for these would double the time this takes
      stdout: true,
      stderr: true,
      env: SHARE_ENV,
    });
    this.#worker.on('error', () => {}); // a thread that cannot start takes no work
    this.#worker.unref();
  }

  /**
   * Makes a loop known.
   * @param owner - the thread knows the loop, and holds its memory, as long as this is in use
   * @returns the loop as both threads run it
   */
  add(module: WasmModule, memory: WasmMemory, loop: Loop, owner: object): SharedLoop {
    const id = ++this.#count;
    this.#tell({ id, loop: { module, memory } });
    this.#forgotten.register(owner, id);
    return (args, pointers) => this.#work.run(loop, id, args, pointers);
  }

  #tell(notice: Notice): void {
    this.#worker.postMessage(notice);
    this.#work.wake();
  }
}

/** Runs a loop. @param pointers - how many of the arguments are byte offsets; the number of bytes follows them */
export type SharedLoop = (args: readonly number[], pointers: number) => void;

let thread: SecondThread | undefined;

/** The second thread, started when it is first asked for; `undefined` where the machine has one processor. */
export function secondThread(): SecondThread | undefined {
  if (availableParallelism() > 1) thread ??= new SecondThread();
  return thread;
}

/**
 * The function `loop` of a module, over a memory; the second thread takes part where the memory is shared and there is enough
 * to go through.
 * @param owner - what runs the loop; see {@link SecondThread.add}
 */
export function sharedLoop(module: WasmModule, memory: WasmMemory, owner: object): SharedLoop {
  const { loop } = bindModule(module, memory);
  if (loop === undefined) throw new InternalError('the module has no loop.');
  const shared = isShared(memory) ? secondThread()?.add(module, memory, loop, owner) : undefined;
  return (args, pointers) => {
    if (shared !== undefined && (args[pointers] as number) >= worthwhileBytes) shared(args, pointers);
    else loop.apply(undefined, args as number[]);
  };
}
