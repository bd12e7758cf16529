import { z } from 'zod';
import { formatShape } from '../core/shape.ts';
import { ConfigError, ShapeError } from '../errors.ts';
import type { Value } from '../ir/graph.ts';
import { InputLayer } from '../layers/input.ts';
import {
  type CallOptions,
  compatible,
  type Layer,
  type LayerCall,
  type PartialShapes,
  type Values,
} from '../layers/layer.ts';
import { SymbolicTensor } from '../layers/symbolic.ts';
import { cast } from '../ops/index.ts';
import { Model, modelOptions } from './model.ts';

const isSymbolic = (v: unknown): v is SymbolicTensor => v instanceof SymbolicTensor;
const symbolic = z.custom<SymbolicTensor>(
  isSymbolic,
  'expected a symbolic tensor, from tfk.input() or layer.apply()',
);
const tensors = z.union([symbolic, z.array(symbolic).min(1)]).transform((v) => (isSymbolic(v) ? [v] : v));
const schema = modelOptions.extend({ inputs: tensors, outputs: tensors });

/** A model wired from symbolic tensors: any directed acyclic graph of layers. */
export class Functional extends Model<typeof schema> {
  static override readonly className = 'Functional';
  static override readonly schema = schema;
  /** Layer calls in the order they run, inputs first. */
  readonly #order: readonly LayerCall[];

  /** @throws {@link ConfigError} when an output depends on an input that is not listed */
  constructor(options: z.input<typeof schema>) {
    super(options);
    const { inputs, outputs } = this.options;
    for (const x of inputs) {
      if (!(x.origin.call.layer instanceof InputLayer)) {
        throw new ConfigError(`model "${this.name}": inputs must come from tfk.input(). Received ${x}.`, {
          argument: 'inputs',
        });
      }
    }
    this.#order = callOrder(outputs, inputs, this.name);
    for (const layer of distinctLayers(this.#order, this.name)) this.track(layer);
    this.ensureBuilt(inputs.map((x) => x.shape) as unknown as PartialShapes);
  }

  override get inputs(): readonly SymbolicTensor[] {
    return this.options.inputs;
  }

  override get outputs(): readonly SymbolicTensor[] {
    return this.options.outputs;
  }

  /** Layer calls in the order they run. */
  get callOrder(): readonly LayerCall[] {
    return this.#order;
  }

  protected override get arity(): { min: number; max: number } {
    return { min: this.inputs.length, max: this.inputs.length };
  }

  protected override get castsInputs(): boolean {
    return false;
  }

  call(inputs: Values, options: CallOptions): readonly Value[] {
    const values = new Map<SymbolicTensor, Value>();
    this.inputs.forEach((x, i) => {
      values.set(x, fitInput(inputs[i] as Value, x));
    });
    for (const { layer, inputs: sources, outputs } of this.#order) {
      if (outputs[0] !== undefined && values.has(outputs[0])) continue;
      const results = layer.invoke(
        sources.map((x) => values.get(x) as Value),
        options,
      );
      outputs.forEach((y, i) => {
        values.set(y, results[i] as Value);
      });
    }
    return this.outputs.map((y) => values.get(y) as Value);
  }
}

/** A model of symbolic tensors. @example `tfk.model({ inputs: x, outputs: y })` */
export const model = (options: z.input<typeof schema>): Functional => new Functional(options);

/** Data of another element type is converted; a missing last axis of size 1 is added; other mismatches are refused. */
function fitInput(value: Value, input: SymbolicTensor): Value {
  if (value.rank !== input.shape.length || !compatible(input.shape, value.shape)) {
    throw new ShapeError(
      `input "${input.origin.call.layer.name}": expected shape ${formatShape(input.shape)}. ` +
        `Received ${formatShape(value.shape)}.`,
      { expected: formatShape(input.shape), received: formatShape(value.shape) },
    );
  }
  return cast(value, input.dtype);
}

/** Depth-first order of the calls that `outputs` need; stops at `inputs`. */
function callOrder(
  outputs: readonly SymbolicTensor[],
  inputs: readonly SymbolicTensor[],
  name: string,
): LayerCall[] {
  const order: LayerCall[] = inputs.map((x) => x.origin.call);
  const done = new Set<LayerCall>(order);
  const stack = outputs.map((y) => y.origin.call).reverse();
  while (stack.length > 0) {
    const call = stack[stack.length - 1] as LayerCall;
    const waiting = done.has(call) ? [] : call.inputs.map((x) => x.origin.call).filter((c) => !done.has(c));
    if (waiting.length > 0) {
      stack.push(...waiting.reverse());
      continue;
    }
    stack.pop();
    if (done.has(call)) continue;
    if (call.layer instanceof InputLayer) {
      throw new ConfigError(
        `model "${name}": an output depends on the input "${call.layer.name}", which is not one of the model's inputs.`,
        { argument: 'inputs' },
      );
    }
    done.add(call);
    order.push(call);
  }
  return order;
}

function distinctLayers(order: readonly LayerCall[], name: string): Layer[] {
  const layers = [...new Set(order.map((call) => call.layer))];
  const twice = layers.find((layer, i) => layers.findIndex((other) => other.name === layer.name) !== i);
  if (twice !== undefined) {
    throw new ConfigError(`model "${name}": two layers are named "${twice.name}"; names must be unique.`, {
      argument: 'name',
    });
  }
  return layers;
}
