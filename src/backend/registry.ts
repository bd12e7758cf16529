import { Registry } from '../core/registry.ts';
import type { Backend } from './backend.ts';

/** Name of the backend that is used where none is named. */
export const defaultBackend = 'onnxruntime';

const loaders = new Registry<() => Promise<Backend>>('backend');
const loaded = new Map<() => Promise<Backend>, Promise<Backend>>();

/** Makes a backend known; `load` is called when it is first asked for. */
export function registerBackend(name: string, load: () => Promise<Backend>): void {
  loaders.add(name, load);
}

/**
 * The backend of a name, loaded on first use.
 * @throws {@link ConfigError} when no backend has the name
 * @throws {@link BackendError} when it cannot be loaded on this machine
 */
export async function getBackend(name: string = defaultBackend): Promise<Backend> {
  const load = loaders.get(name);
  const backend = loaded.get(load) ?? load();
  loaded.set(load, backend);
  return backend;
}

/** Names that {@link getBackend} takes. */
export const backendNames = (): readonly string[] => loaders.names();

registerBackend('onnxruntime', async () => (await import('./ort/backend.ts')).ortBackend());
registerBackend('reference', async () => (await import('./reference.ts')).referenceBackend);
