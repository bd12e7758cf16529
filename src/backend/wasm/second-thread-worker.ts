/** What runs in the second thread: waits for loops to be known, and for work on them. */
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { bindModule } from './assembler.ts';
import type { WasmMemory, WasmModule } from './host.ts';
import { type Loop, SharedWork } from './shared-work.ts';

/** A loop to be known by a number, or a number to be forgotten. */
export interface Notice {
  readonly id: number;
  readonly loop?: { readonly module: WasmModule; readonly memory: WasmMemory };
}

const work = new SharedWork(workerData as SharedArrayBuffer);
const loops = new Map<number, Loop>();

function read(): void {
  for (;;) {
    const message = parentPort ? receiveMessageOnPort(parentPort) : undefined;
    if (message === undefined) return;
    const { id, loop } = message.message as Notice;
    const bound = loop && bindModule(loop.module, loop.memory).loop;
    if (bound) loops.set(id, bound);
    else loops.delete(id);
  }
}

for (;;) {
  read();
  work.help((id) => loops.get(id));
  work.wait();
}
