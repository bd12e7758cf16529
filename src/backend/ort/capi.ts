import type { TensorData } from '../../core/dtype.ts';
import { NativeBinding } from './capi-binding.ts';
import { DeviceCopies } from './device-copies.ts';
import {
  type Binding,
  type BindOptions,
  checkArrays,
  checkResidents,
  type Driver,
  type Session,
  type SessionOptions,
  type TensorSpec,
} from './driver.ts';
import { Lifetime } from './lifetime.ts';
import { hasCuda, nativeOptions } from './native-options.ts';
import { type Address, preloadLibrary, type Runtime, runtime, Strings } from './runtime.ts';

/** The same as {@link cApiDriver}, with the library loaded beside the event loop. */
export async function openCApiDriver(): Promise<Driver> {
  await preloadLibrary();
  return cApiDriver();
}

/** Drives ONNX Runtime through its C API: no copies, no allocation per run, and runs beside the event loop. */
export function cApiDriver(): Driver {
  const native = runtime();
  return {
    name: 'c-api',
    version: () => native.version,
    devices: () => (hasCuda(native) ? ['cpu', 'cuda'] : ['cpu']),
    async createSession(model, inputs, outputs, options) {
      const settings = nativeOptions(native, options);
      try {
        const address = await native.createSession(model, settings);
        return new NativeSession(native, address, inputs, outputs, options);
      } finally {
        native.api.releaseSessionOptions(settings);
      }
    },
    createSessionSync(model, inputs, outputs, options) {
      const settings = nativeOptions(native, options);
      try {
        const address = native.createSessionSync(model, settings);
        return new NativeSession(native, address, inputs, outputs, options);
      } finally {
        native.api.releaseSessionOptions(settings);
      }
    },
  };
}

/** An `OrtSession` and what all its bindings share. */
export class NativeSession implements Session {
  readonly canRunSync = true;
  readonly canCancel = true;
  readonly runtime: Runtime;
  readonly address: Address;
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  readonly inputNames: Strings;
  readonly outputNames: Strings;
  readonly lifetime: Lifetime;
  readonly copies: DeviceCopies;
  readonly #options: SessionOptions;
  readonly #bindings = new Set<NativeBinding>();
  #allocator: Address = 0;

  constructor(
    native: Runtime,
    address: Address,
    inputs: readonly TensorSpec[],
    outputs: readonly TensorSpec[],
    options: SessionOptions,
  ) {
    this.runtime = native;
    this.address = address;
    this.inputs = inputs;
    this.outputs = outputs;
    this.#options = options;
    this.inputNames = new Strings(inputs.map((spec) => spec.name));
    this.outputNames = new Strings(outputs.map((spec) => spec.name));
    this.copies = new DeviceCopies(native, (model) => this.#openCopier(model));
    this.lifetime = new Lifetime('session', () => this.#release());
  }

  bind(inputs: readonly TensorData[], outputs: readonly TensorData[], options: BindOptions = {}): Binding {
    this.lifetime.check();
    const { resident = new Map() } = options;
    checkArrays('input', this.inputs, inputs);
    checkArrays('output', this.outputs, outputs);
    checkResidents(this.inputs, this.outputs, resident);
    const forget = (released: NativeBinding) => this.#bindings.delete(released);
    const binding = new NativeBinding(this, inputs, outputs, resident, forget);
    this.#bindings.add(binding);
    return binding;
  }

  /** An `OrtAllocator` of the session's device, made when first needed. */
  get allocator(): Address {
    const { api } = this.runtime;
    if (this.#allocator === 0) {
      const name = this.#options.device === 'cuda' ? 'Cuda' : 'Cpu';
      const memory = this.runtime.memoryInfo(name, this.#options.deviceId ?? 0);
      try {
        this.#allocator = this.runtime.create('bind', (out) =>
          api.createAllocator(this.address, memory, out),
        );
      } finally {
        api.releaseMemoryInfo(memory);
      }
    }
    return this.#allocator;
  }

  endProfiling(): string | undefined {
    this.lifetime.check();
    if (this.#options.profilePrefix === undefined) return undefined;
    const end = this.runtime.api.sessionEndProfiling;
    return this.runtime.takeString('endProfiling', (allocator, out) => end(this.address, allocator, out));
  }

  dispose(): void {
    for (const binding of this.#bindings) binding.dispose();
    this.lifetime.dispose();
  }

  #openCopier(model: Uint8Array): Address {
    const { device, deviceId = 0 } = this.#options;
    const settings = nativeOptions(this.runtime, { device, deviceId, threads: 1 });
    try {
      return this.runtime.createSessionSync(model, settings);
    } finally {
      this.runtime.api.releaseSessionOptions(settings);
    }
  }

  #release(): void {
    const { api } = this.runtime;
    this.copies.dispose();
    api.releaseAllocator(this.#allocator);
    api.releaseSession(this.address);
  }
}
