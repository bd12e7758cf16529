import type { TensorData } from '../../core/dtype.ts';
import { NativeBinding } from './capi-binding.ts';
import { DeviceCopies } from './device-copies.ts';
import {
  type Binding,
  type BindOptions,
  checkArray,
  checkArrays,
  checkCount,
  checkResidents,
  type Driver,
  type Session,
  type SessionOptions,
  type TensorSpec,
} from './driver.ts';
import { Lifetime } from './lifetime.ts';
import { hasCuda, nativeOptions } from './native-options.ts';
import {
  type Address,
  Block,
  NativeType,
  preloadLibrary,
  type Runtime,
  runtime,
  Strings,
} from './runtime.ts';

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
  /** Types of the inputs and of the outputs. */
  readonly types: { readonly read: readonly NativeType[]; readonly written: readonly NativeType[] };
  readonly lifetime: Lifetime;
  readonly copies: DeviceCopies;
  readonly #options: SessionOptions;
  readonly #bindings = new Set<NativeBinding>();
  /** The `OrtValue`s of {@link runSync}: inputs, then outputs. */
  readonly #values: Block<BigInt64Array>;
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
    const typesOf = (specs: readonly TensorSpec[]) => specs.map((spec) => new NativeType(spec));
    this.types = { read: typesOf(inputs), written: typesOf(outputs) };
    this.#values = Block.words(new Array<number>(inputs.length + outputs.length).fill(0));
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

  runSync(inputs: readonly TensorData[], outputs: readonly TensorData[]): void {
    this.lifetime.check();
    checkCount('input', this.inputs, inputs);
    checkCount('output', this.outputs, outputs);
    const { runtime, inputNames, outputNames } = this;
    const { address } = this.#values;
    const written = address + 8 * inputs.length;
    try {
      for (let i = 0; i < inputs.length; i++) this.#place('input', i, inputs[i] as TensorData, address);
      for (let o = 0; o < outputs.length; o++) this.#place('output', o, outputs[o] as TensorData, written);
      const { run } = runtime.api;
      const [n, m] = [inputNames.length, outputNames.length];
      const status = run(this.address, 0, inputNames.address, address, n, outputNames.address, m, written);
      runtime.check('run', status);
    } finally {
      this.#releaseValues();
    }
  }

  /** Leaves an `OrtValue` over the array at word `at` from `out` on. */
  #place(kind: 'input' | 'output', at: number, array: TensorData, out: Address): void {
    const type = (kind === 'input' ? this.types.read : this.types.written)[at] as NativeType;
    if (!type.fits(array))
      checkArray(kind, (kind === 'input' ? this.inputs : this.outputs)[at] as TensorSpec, array);
    this.runtime.check('bind', this.runtime.placeTensor(type, array, out + 8 * at));
  }

  #releaseValues(): void {
    const { data } = this.#values;
    for (let i = 0; i < data.length; i++) {
      if (data[i] !== 0n) this.runtime.api.releaseValue(Number(data[i]));
      data[i] = 0n;
    }
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
