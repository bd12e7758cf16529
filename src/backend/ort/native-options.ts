import { availableParallelism } from 'node:os';
import { configEntries, type SessionOptions } from './driver.ts';
import { cudaError } from './library.ts';
import { logLevel } from './log-level.ts';
import { type Address, type Runtime, Strings } from './runtime.ts';

const optimizationLevels = { none: 0, basic: 1, extended: 2, all: 99 } as const;

/** Native session options; the caller releases them. */
export function nativeOptions(runtime: Runtime, options: SessionOptions): Address {
  const { api } = runtime;
  const native = runtime.create('session options', (out) => api.createSessionOptions(out));
  try {
    fill(runtime, native, options);
    return native;
  } catch (error) {
    api.releaseSessionOptions(native);
    throw error;
  }
}

function fill(runtime: Runtime, native: Address, options: SessionOptions): void {
  const { api } = runtime;
  const check = (status: Address) => runtime.check('session options', status);
  const {
    threads = availableParallelism(),
    optimize = 'all',
    deterministic = false,
    oneBlock = true,
  } = options;
  check(api.setIntraOpNumThreads(native, threads));
  check(api.setSessionGraphOptimizationLevel(native, optimizationLevels[optimize]));
  check(api.setSessionLogSeverityLevel(native, logLevel()));
  if (!oneBlock) check(api.disableMemPattern(native));
  check(api.setDeterministicCompute(native, deterministic));
  if (options.profilePrefix !== undefined) check(api.enableProfiling(native, options.profilePrefix));
  for (const [key, value] of Object.entries(configEntries(options)))
    check(api.addSessionConfigEntry(native, key, value));
  if (options.device === 'cuda') appendCuda(runtime, native, options.deviceId ?? 0);
}

/** Puts CUDA in front of the CPU; throws when the device cannot be had. */
function appendCuda(runtime: Runtime, native: Address, deviceId: number): void {
  const { api } = runtime;
  const keys = new Strings(['device_id']);
  const values = new Strings([String(deviceId)]);
  let cuda = 0;
  try {
    cuda = runtime.create('cuda options', (out) => api.createCudaProviderOptions(out));
    const status = api.updateCudaProviderOptions(cuda, keys.address, values.address, keys.length);
    runtime.check('cuda options', status);
    runtime.check('cuda', api.appendCuda(native, cuda));
  } catch (cause) {
    throw cudaError(cause);
  } finally {
    if (cuda !== 0) api.releaseCudaProviderOptions(cuda);
  }
}

/** Whether sessions can be asked to run on CUDA. */
export function hasCuda(runtime: Runtime): boolean {
  try {
    runtime.api.releaseSessionOptions(nativeOptions(runtime, { device: 'cuda' }));
    return true;
  } catch {
    return false;
  }
}
