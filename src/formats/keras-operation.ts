import * as z from 'zod';
import { FormatError } from '../errors.ts';
import type { Value } from '../ir/graph.ts';
import { Layer, layerOptions, type Values } from '../layers/layer.ts';
import type { SymbolicTensor } from '../layers/symbolic.ts';
import { type Arguments, argumentFrom, type Place, placesIn, withTensors } from './keras-arguments.ts';
import type { Json, JsonRecord } from './keras-json.ts';
import { excerpt, type KerasObject, type RawObject } from './keras-objects.ts';
import { kerasOp } from './keras-ops.ts';

const record = z.record(z.string(), z.unknown());
/** How an op is called: positions and names, with tensors as the file has them. */
const nodeSchema = z.strictObject({ args: z.array(z.unknown()), kwargs: record });
const schema = layerOptions.extend({
  module: z.string(),
  operation: z.string(),
  config: record,
  node: nodeSchema,
});

/**
 * An op of `keras.ops` between the layers of a model, as `x + 1` or the mask that an embedding gives: Keras writes it as
 * a node of its own, with the numbers it is called with.
 * @source keras/src/ops/operation.py
 */
export class KerasOperation extends Layer<typeof schema> {
  static override readonly className = 'KerasOperation';
  static override readonly schema = schema;

  protected override get castsInputs(): boolean {
    return false;
  }

  protected override get arity(): { min: number; max: number } {
    const count = this.places.length;
    return { min: count, max: count };
  }

  /** Where the file takes the inputs from. */
  get places(): readonly Place[] {
    return placesIn(this.options.node);
  }

  call(inputs: Values): Value | readonly Value[] {
    const { operation, config, node } = this.options;
    const rest = [...inputs];
    const next = (): Value => rest.shift() as Value;
    const args = node.args.map((arg) => argumentFrom(arg, next));
    const named: Arguments = Object.fromEntries(
      Object.entries({ ...config, ...node.kwargs }).map(([key, arg]) => [key, argumentFrom(arg, next)]),
    );
    return kerasOp(operation, this.label)(args, named);
  }

  /** The op in Keras's form. */
  toKeras(): KerasObject {
    const { module, operation, config } = this.options;
    return {
      module,
      class_name: operation,
      config: { ...(config as JsonRecord), name: this.name },
      registered_name: operation,
    };
  }

  /** Its node in Keras's form. */
  nodeToKeras(inputs: readonly SymbolicTensor[], toKeras: (tensor: SymbolicTensor) => Json): Json {
    const rest = [...inputs];
    return withTensors(this.options.node, () => toKeras(rest.shift() as SymbolicTensor));
  }
}

/** Whether an object of a file is an op. */
export const isKerasOperation = ({ module }: RawObject): boolean =>
  /^keras(\.src)?\.ops(\.|$)/.test(module ?? '');

/** The op that a file describes. @throws {@link FormatError} for ops that are not supported, or called several times */
export function operationFromKeras(raw: RawObject, where: string): KerasOperation {
  const { className: operation, module, config } = raw;
  kerasOp(operation, where);
  const nodes = z.tuple([nodeSchema]).safeParse(raw.rest.inbound_nodes);
  const { name, ...options } = config;
  if (!nodes.success || typeof name !== 'string') {
    throw new FormatError(
      `${where}: ${operation}: expected a name and one node of { "args", "kwargs" }. ` +
        `Received ${excerpt(raw.rest.inbound_nodes)}.`,
      { op: 'keras', argument: 'inbound_nodes' },
    );
  }
  const [node] = nodes.data;
  return new KerasOperation({ name, module: module ?? 'keras.src.ops', operation, config: options, node });
}
