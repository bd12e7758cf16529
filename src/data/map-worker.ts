/** What runs in the worker threads of `map`: loads the user's module, and calls its function for each element. */
import { parentPort, workerData } from 'node:worker_threads';
import { importFunction, type Task } from './map-module.ts';
import { pack, unpack } from './wire.ts';

const { module, name } = workerData as { readonly module: string; readonly name: string };
const loading = importFunction(new URL(module), name);
loading.catch(() => {}); // told with the first element

parentPort?.on('message', async ({ element, index, key }: Task) => {
  try {
    const f = await loading;
    const { value, memory } = pack(await f(unpack(element), { index, key }));
    parentPort?.postMessage({ value }, memory);
  } catch (error) {
    parentPort?.postMessage({ error: error instanceof Error ? error.message : String(error) });
  }
});
