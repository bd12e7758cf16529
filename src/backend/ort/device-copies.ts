import { type DType, onnxDtype } from '../../core/dtype.ts';
import { type Address, type Runtime, Strings } from './runtime.ts';

/** One protobuf field that holds bytes: tag, length, content (all below 128 here). */
const field = (number: number, ...content: readonly (number | readonly number[])[]): number[] => {
  const bytes = content.flat();
  return [number * 8 + 2, bytes.length, ...bytes];
};
const text = (number: number, value: string): number[] => field(number, [...Buffer.from(value)]);
const integer = (number: number, value: number): number[] => [number * 8, value];

/** ONNX bytes of `y = Identity(x)` for any shape. */
export function identityModel(dtype: DType): Uint8Array {
  const tensor = field(2, field(1, integer(1, onnxDtype(dtype)))); // ValueInfoProto.type.tensor_type.elem_type
  const node = field(1, text(1, 'x'), text(2, 'y'), text(4, 'Identity'));
  const values = [field(11, text(1, 'x'), tensor), field(12, text(1, 'y'), tensor)];
  const graph = field(7, node, text(2, 'copy'), ...values);
  const opset = field(8, integer(2, 13));
  return Uint8Array.from([...integer(1, 8), ...graph, ...opset]); // ir_version, graph, opset_import
}

/**
 * Copies tensors between the host and a device by running `Identity` there: the runtime moves its operands,
 * whatever the device. One session per element type, made when first needed.
 */
export class DeviceCopies {
  readonly #runtime: Runtime;
  readonly #open: (model: Uint8Array) => Address;
  readonly #sessions = new Map<DType, Address>();
  readonly #source = new Strings(['x']);
  readonly #target = new Strings(['y']);

  constructor(runtime: Runtime, open: (model: Uint8Array) => Address) {
    this.#runtime = runtime;
    this.#open = open;
  }

  /** Copies one `OrtValue` into another, given cells that point to them. */
  copy(dtype: DType, source: Address, target: Address): void {
    let session = this.#sessions.get(dtype);
    if (session === undefined) {
      session = this.#open(identityModel(dtype));
      this.#sessions.set(dtype, session);
    }
    const { api } = this.#runtime;
    const [x, y] = [this.#source.address, this.#target.address];
    this.#runtime.check('copy', api.run(session, 0, x, source, 1, y, 1, target));
  }

  dispose(): void {
    for (const session of this.#sessions.values()) this.#runtime.api.releaseSession(session);
    this.#sessions.clear();
  }
}
