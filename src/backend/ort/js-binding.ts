import type { InferenceSession } from 'onnxruntime-node';
import { allocate, type TensorData } from '../../core/dtype.ts';
import { BackendError } from '../../errors.ts';
import { type Binding, busy, checkArray, notResident, runtimeError, type TensorSpec } from './driver.ts';
import { Lifetime } from './lifetime.ts';

export type Ort = typeof import('onnxruntime-node');

/** What a binding needs of its session. */
interface Owner {
  readonly ort: Ort;
  readonly session: InferenceSession;
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
}

/** The bound array of an input, and the array that the runtime is given: the same one, where it accepts it. */
interface Feed {
  readonly bound: TensorData;
  readonly given: TensorData;
  readonly resident: boolean;
}

/** The JavaScript API's stand-in for bound memory: feeds are views, results are copied into the outputs. */
export class JsBinding implements Binding {
  readonly #owner: Owner;
  readonly #feeds: readonly Feed[];
  readonly #tensors: InferenceSession.FeedsType;
  readonly #outputs: readonly TensorData[];
  readonly #resident: ReadonlyMap<number, number>;
  readonly #lifetime: Lifetime;
  #running = false;

  constructor(
    owner: Owner,
    inputs: readonly TensorData[],
    outputs: readonly TensorData[],
    resident: ReadonlyMap<number, number>,
    onRelease: () => void,
  ) {
    this.#owner = owner;
    this.#outputs = outputs;
    this.#resident = resident;
    this.#lifetime = new Lifetime('binding', onRelease);
    const kept = new Set(resident.values());
    this.#feeds = inputs.map((bound, i) => feed(bound, owner.inputs[i], kept.has(i)));
    const tensor = ({ dtype, shape, name }: TensorSpec, i: number) =>
      [name, new owner.ort.Tensor(dtype, this.#feeds[i]?.given ?? allocate(dtype, 0), shape)] as const;
    this.#tensors = Object.fromEntries(owner.inputs.map(tensor));
  }

  runSync(): never {
    throw notSync();
  }

  async run(): Promise<void> {
    this.#lifetime.enter();
    try {
      if (this.#running) throw busy();
      this.#running = true;
      for (const { bound, given, resident } of this.#feeds) {
        if (bound !== given && !resident) copyBytes(bound, given);
      }
      const names = this.#owner.outputs.map((spec) => spec.name);
      this.#store(await this.#owner.session.run(this.#tensors, names));
    } catch (cause) {
      throw cause instanceof BackendError ? cause : jsError('run', cause);
    } finally {
      this.#running = false;
      this.#lifetime.leave();
    }
  }

  cancel(): never {
    throw new BackendError('cancel needs the C API driver; the JavaScript API cannot stop a run.', {
      op: 'cancel',
      expected: 'driver c-api',
      received: 'driver js-api',
    });
  }

  read(input: number, into: TensorData): void {
    copyBytes(this.#residentFeed(input, into), into);
  }

  write(input: number, data: TensorData): void {
    copyBytes(data, this.#residentFeed(input, data));
  }

  dispose(): void {
    this.#lifetime.dispose();
  }

  #store(results: InferenceSession.OnnxValueMapType): void {
    for (const [index, { name }] of this.#owner.outputs.entries()) {
      const result = results[name];
      const input = this.#resident.get(index);
      const target = input === undefined ? this.#outputs[index] : this.#feeds[input]?.given;
      if (result === undefined || !ArrayBuffer.isView(result.data) || target === undefined) {
        throw new BackendError(`run: output "${name}" is missing or not a numeric tensor.`, { op: 'run' });
      }
      copyBytes(result.data, target);
    }
  }

  #residentFeed(input: number, array: TensorData): TensorData {
    this.#lifetime.check();
    if (this.#running) throw busy();
    const spec = this.#owner.inputs[input];
    const kept = this.#feeds[input];
    if (spec === undefined || !kept?.resident) throw notResident(input);
    checkArray('input', spec, array);
    return kept.given;
  }
}

/** The runtime refuses shared memory, and a resident's value changes from run to run: those get a copy. */
function feed(bound: TensorData, spec: TensorSpec | undefined, resident: boolean): Feed {
  const shared = bound.buffer instanceof SharedArrayBuffer;
  if (spec === undefined || (!shared && !resident)) return { bound, given: bound, resident };
  const given = allocate(spec.dtype, bound.length);
  copyBytes(bound, given);
  return { bound, given, resident };
}

const bytesIn = (view: ArrayBufferView) => new Uint8Array(view.buffer, view.byteOffset, view.byteLength);

function copyBytes(from: ArrayBufferView, to: ArrayBufferView): void {
  if (from.byteLength !== to.byteLength) {
    throw new BackendError(`run: expected ${to.byteLength} bytes. Received ${from.byteLength}.`, {
      op: 'run',
    });
  }
  bytesIn(to).set(bytesIn(from));
}

/** Wraps what the JavaScript API throws. */
export function jsError(op: string, cause: unknown): BackendError {
  const message = cause instanceof Error ? cause.message : String(cause);
  return runtimeError(op, message, cause);
}

/** The error for a run on the calling thread. */
export const notSync = (): BackendError =>
  new BackendError('runSync needs the C API driver; the JavaScript API only offers run().', {
    op: 'runSync',
    expected: 'driver c-api',
    received: 'driver js-api',
  });
