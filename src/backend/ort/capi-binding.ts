import type { TensorData } from '../../core/dtype.ts';
import { BackendError } from '../../errors.ts';
import type { NativeSession } from './capi.ts';
import { type Binding, busy, checkArray, notResident } from './driver.ts';
import { Lifetime } from './lifetime.ts';
import { type Address, Block, type NativeType, type Runtime } from './runtime.ts';

/** The `OrtValue`s that a run reads and writes, and the arguments of the native call. */
interface Phase {
  readonly inputs: Block<BigInt64Array>;
  readonly outputs: Block<BigInt64Array>;
  readonly call: Parameters<Runtime['api']['run']>;
}

/**
 * `OrtValue`s over the caller's memory, made once. A resident pair has two values on the device: even runs read
 * the first and write the second, odd runs the other way round. Hence two phases.
 */
export class NativeBinding implements Binding {
  readonly #session: NativeSession;
  readonly #lifetime: Lifetime;
  readonly #resident: ReadonlySet<number>;
  /** The caller's memory: held while native code may use it. */
  readonly #memory: TensorData[] = [];
  readonly #lengths: readonly number[];
  readonly #values: Address[] = [];
  #runOptions: Address = 0;
  #phase: Phase;
  #nextPhase: Phase;
  #running = false;
  #cancelled = false;

  constructor(
    session: NativeSession,
    inputs: readonly TensorData[],
    outputs: readonly TensorData[],
    resident: ReadonlyMap<number, number>,
    onRelease: (released: NativeBinding) => void,
  ) {
    this.#session = session;
    this.#resident = new Set(resident.values());
    session.lifetime.enter();
    this.#lifetime = new Lifetime('binding', () => {
      this.#release();
      onRelease(this);
      session.lifetime.leave();
    });
    try {
      this.#runOptions = session.runtime.create('bind', (out) => session.runtime.api.createRunOptions(out));
      const { read: reads, written: writes } = session.types;
      const read = reads.map((type, i) => this.#value(type, inputs[i], this.#resident.has(i)));
      const written = writes.map((type, o) => this.#value(type, outputs[o], resident.has(o)));
      this.#phase = this.#newPhase(read, written);
      this.#nextPhase =
        resident.size === 0 ? this.#phase : this.#newPhase(...exchanged(read, written, resident));
      this.#lengths = this.#memory.map((array) => array.length);
      for (const input of this.#resident) this.#copy(input, inputs[input], 'write');
    } catch (error) {
      this.#lifetime.dispose();
      throw error;
    }
  }

  runSync(): void {
    const call = this.#begin();
    this.#end(this.#session.runtime.api.run(...call));
  }

  run(): Promise<void> {
    return new Promise((resolve, reject) => {
      const call = this.#begin();
      const settle = (error: unknown, status: Address) => {
        try {
          this.#end(status, error);
          resolve();
        } catch (failure) {
          reject(failure);
        }
      };
      try {
        this.#session.runtime.api.run.async(...call, settle);
      } catch (error) {
        settle(error, 0);
      }
    });
  }

  cancel(): void {
    this.#lifetime.check();
    if (!this.#running) return;
    this.#cancelled = true;
    const { api } = this.#session.runtime;
    this.#session.runtime.check('cancel', api.runOptionsSetTerminate(this.#runOptions));
  }

  read(input: number, into: TensorData): void {
    this.#copy(input, into, 'read');
  }

  write(input: number, data: TensorData): void {
    this.#copy(input, data, 'write');
  }

  dispose(): void {
    this.#lifetime.dispose();
  }

  /** An `OrtValue` over `array`, or on the device; released with the binding. */
  #value(type: NativeType, array: TensorData | undefined, onDevice: boolean): Address {
    const { runtime } = this.#session;
    let value: Address;
    if (onDevice || array === undefined) {
      value = runtime.ownTensor(type, this.#session.allocator);
    } else {
      this.#memory.push(array);
      value = runtime.hostTensor(type, array);
    }
    this.#values.push(value);
    return value;
  }

  #newPhase(read: readonly Address[], written: readonly Address[]): Phase {
    const { address: session, inputNames, outputNames } = this.#session;
    const inputs = Block.words(read);
    const outputs = Block.words(written);
    const call: Phase['call'] = [
      session,
      this.#runOptions,
      inputNames.address,
      inputs.address,
      inputNames.length,
      outputNames.address,
      outputNames.length,
      outputs.address,
    ];
    return { inputs, outputs, call };
  }

  #begin(): Phase['call'] {
    this.#lifetime.check();
    if (this.#running) throw busy();
    this.#checkMemory();
    if (this.#cancelled) {
      const { api } = this.#session.runtime;
      this.#session.runtime.check('run', api.runOptionsUnsetTerminate(this.#runOptions));
      this.#cancelled = false;
    }
    this.#lifetime.enter();
    this.#running = true;
    return this.#phase.call;
  }

  #end(status: Address, error?: unknown): void {
    this.#running = false;
    this.#lifetime.leave();
    if (error) throw error;
    try {
      this.#session.runtime.check('run', status);
    } catch (failure) {
      if (!this.#cancelled) throw failure;
      throw new BackendError('The run was cancelled.', { op: 'run', received: 'cancel()', cause: failure });
    }
    [this.#phase, this.#nextPhase] = [this.#nextPhase, this.#phase];
  }

  /** A detached array has length 0, and its memory may be gone. */
  #checkMemory(): void {
    for (let i = 0; i < this.#memory.length; i += 1) {
      if (this.#memory[i]?.length === this.#lengths[i]) continue;
      throw new BackendError(
        'run: a bound array was detached (transferred, or its WebAssembly memory grew). Bind the new memory.',
        { op: 'run', expected: `${this.#lengths[i]} elements`, received: `${this.#memory[i]?.length}` },
      );
    }
  }

  #copy(input: number, array: TensorData | undefined, way: 'read' | 'write'): void {
    this.#lifetime.check();
    if (this.#running) throw busy();
    const { inputs, types, copies, runtime } = this.#session;
    const [spec, type] = [inputs[input], types.read[input]];
    if (spec === undefined || type === undefined || array === undefined || !this.#resident.has(input))
      throw notResident(input);
    checkArray('input', spec, array);
    const host = Block.words([runtime.hostTensor(type, array)]);
    const device = this.#phase.inputs.address + input * 8;
    try {
      if (way === 'read') copies.copy(spec.dtype, device, host.address);
      else copies.copy(spec.dtype, host.address, device);
    } finally {
      runtime.api.releaseValue(Number(host.data[0]));
    }
  }

  #release(): void {
    const { api } = this.#session.runtime;
    for (const value of this.#values) api.releaseValue(value);
    api.releaseRunOptions(this.#runOptions);
  }
}

/** The values of the run after the first: each resident output's becomes the input's, and the other way round. */
function exchanged(
  read: readonly Address[],
  written: readonly Address[],
  resident: ReadonlyMap<number, number>,
): [read: Address[], written: Address[]] {
  const inputOf = new Map([...resident].map(([output, input]) => [input, output]));
  return [
    read.map((value, i) => written[inputOf.get(i) ?? -1] ?? value),
    written.map((value, o) => read[resident.get(o) ?? -1] ?? value),
  ];
}
