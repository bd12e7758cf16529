import { BackendError } from '../../errors.ts';
import type { Driver } from './driver.ts';

/**
 * Loads a driver: the C API, or the JavaScript API where the former cannot be loaded.
 *
 * @param name - one driver, with no fallback
 * @throws {@link BackendError} when no driver can be loaded
 */
export async function openDriver(name?: Driver['name']): Promise<Driver> {
  const failures: unknown[] = [];
  for (const candidate of name === undefined ? (['c-api', 'js-api'] as const) : [name]) {
    try {
      return candidate === 'c-api'
        ? await (await import('./capi.ts')).openCApiDriver()
        : await (await import('./js-api.ts')).jsApiDriver();
    } catch (error) {
      failures.push(error);
    }
  }
  const reasons = failures.map((error) => (error instanceof Error ? error.message : String(error)));
  throw new BackendError(
    `ONNX Runtime cannot be loaded: ${reasons.join(' ')} Reinstall koffi and onnxruntime-node.`,
    {
      op: 'openDriver',
      expected: name ?? 'c-api or js-api',
      received: reasons.join(' '),
      cause: failures[0],
    },
  );
}
