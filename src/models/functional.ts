import * as z from 'zod';
import { deferred } from '../core/deferred.ts';
import { formatShape } from '../core/shape.ts';
import type { Tensor } from '../core/tensor.ts';
import { ConfigError, ShapeError } from '../errors.ts';
import type { Value } from '../ir/graph.ts';
import { mapArguments, sourcesOf } from '../layers/call-arguments.ts';
import { InputLayer } from '../layers/input.ts';
import {
  type CallOptions,
  compatible,
  type Layer,
  type LayerCall,
  type PartialShapes,
  type Values,
} from '../layers/layer.ts';
import { keepMask } from '../layers/masks.ts';
import { SymbolicTensor } from '../layers/symbolic.ts';
import { cast } from '../ops/index.ts';
import { Model, modelOptions, type Prediction } from './model.ts';

const isSymbolic = (v: unknown): v is SymbolicTensor => v instanceof SymbolicTensor;
const symbolic = z.custom<SymbolicTensor>(
  isSymbolic,
  'expected a symbolic tensor, from tfk.input() or layer.apply()',
);
const tensors = z
  .union([symbolic, z.array(symbolic).min(1).readonly()])
  .transform((v) => (isSymbolic(v) ? [v] : v));
const schema = deferred(() => modelOptions.extend({ inputs: tensors, outputs: tensors }));

/** A model wired from symbolic tensors: any directed acyclic graph of layers. */
export class Functional<P extends Prediction = Prediction> extends Model<typeof schema, P> {
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
    const { calls, layers } = byDepth(explore(outputs, inputs, this.name));
    checkNames(layers, this.name);
    this.#order = calls;
    for (const layer of layers) this.track(layer);
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

  call(inputs: Values, options: CallOptions): readonly Value[] {
    const values = new Map<SymbolicTensor, Value>();
    this.inputs.forEach((x, i) => {
      values.set(x, fitInput(inputs[i] as Value, x));
    });
    const find = (x: SymbolicTensor): Value => values.get(x) as Value;
    for (const call of this.#order) {
      const { layer, outputs } = call;
      if (outputs[0] !== undefined && values.has(outputs[0])) continue;
      const results = layer.invoke(call.inputs.map(find), {
        training: options.training,
        ...mapArguments(call, find),
      });
      outputs.forEach((y, i) => {
        values.set(y, results[i] as Value);
      });
    }
    return this.outputs.map(find);
  }
}

type Wires = z.input<typeof schema>;

/** A model of symbolic tensors; how many outputs there are says what `predict` gives. @example `tfk.model({ inputs: x, outputs: y })` */
export function model(options: Wires & { readonly outputs: SymbolicTensor }): Functional<Tensor>;
export function model(
  options: Wires & { readonly outputs: readonly [SymbolicTensor, SymbolicTensor, ...SymbolicTensor[]] },
): Functional<Tensor[]>;
export function model(options: Wires): Functional;
export function model(options: Wires): Functional {
  return new Functional(options);
}

/** Data of another element type is converted; a missing last axis of size 1 is added; other mismatches are refused. */
function fitInput(value: Value, input: SymbolicTensor): Value {
  if (value.rank !== input.shape.length || !compatible(input.shape, value.shape)) {
    throw new ShapeError(
      `input "${input.origin.call.layer.name}": expected shape ${formatShape(input.shape)}. ` +
        `Received ${formatShape(value.shape)}.`,
      { expected: formatShape(input.shape), received: formatShape(value.shape) },
    );
  }
  return keepMask(cast(value, input.dtype), value);
}

/** What a model consists of: its calls, each after those it depends on, and its layers as they were found. */
interface Wiring {
  readonly calls: readonly LayerCall[];
  readonly layers: readonly Layer[];
}

/** Follows `outputs` back to `inputs`, depth first. */
function explore(
  outputs: readonly SymbolicTensor[],
  inputs: readonly SymbolicTensor[],
  name: string,
): Wiring {
  const entrances = new Set(inputs.map((x) => x.origin.call));
  const calls = new Set<LayerCall>();
  const layers = new Set<Layer>();
  const stack = outputs.map((y) => y.origin.call).reverse();
  while (stack.length > 0) {
    const call = stack[stack.length - 1] as LayerCall;
    layers.add(call.layer);
    const waiting = calls.has(call) ? [] : parentsOf(call).filter((c) => !calls.has(c));
    if (waiting.length > 0) {
      stack.push(...waiting.reverse());
      continue;
    }
    stack.pop();
    if (call.layer instanceof InputLayer && !entrances.has(call)) {
      throw new ConfigError(
        `model "${name}": an output depends on the input "${call.layer.name}", which is not one of the model's inputs.`,
        { argument: 'inputs' },
      );
    }
    calls.add(call);
  }
  const unused = [...entrances].filter((call) => !calls.has(call));
  return {
    calls: [...unused, ...calls],
    layers: [...new Set([...unused.map((call) => call.layer), ...layers])],
  };
}

const parentsOf = (call: LayerCall): LayerCall[] => sourcesOf(call).map((x) => x.origin.call);

/**
 * Calls and layers in Keras's order, which files and `getWeights` rely on: by the longest way to an output, the longest
 * first; at equal distance as they were found. All calls of a layer count as far away as its farthest.
 * @source keras/src/ops/function.py
 */
function byDepth({ calls, layers }: Wiring): Wiring {
  const ofCall = new Map<LayerCall, number>();
  const ofLayer = new Map<Layer, number>();
  for (const call of calls.toReversed()) {
    const depth = Math.max(ofCall.get(call) ?? 0, ofLayer.get(call.layer) ?? 0);
    ofCall.set(call, depth);
    ofLayer.set(call.layer, depth);
    for (const parent of parentsOf(call)) {
      ofCall.set(parent, Math.max(depth + 1, ofCall.get(parent) ?? 0));
    }
  }
  const farthestFirst =
    <T>(depths: ReadonlyMap<T, number>) =>
    (a: T, b: T): number =>
      (depths.get(b) as number) - (depths.get(a) as number);
  return { calls: calls.toSorted(farthestFirst(ofCall)), layers: layers.toSorted(farthestFirst(ofLayer)) };
}

function checkNames(layers: readonly Layer[], name: string): void {
  const twice = layers.find((layer, i) => layers.findIndex((other) => other.name === layer.name) !== i);
  if (twice !== undefined) {
    throw new ConfigError(`model "${name}": two layers are named "${twice.name}"; names must be unique.`, {
      argument: 'name',
    });
  }
}
