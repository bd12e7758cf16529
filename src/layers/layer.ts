import { z } from 'zod';
import { Configured } from '../core/configured.ts';
import { type DType, isFloat } from '../core/dtype.ts';
import { snakeCase } from '../core/registry.ts';
import { formatShape, type PartialShape, sameShape } from '../core/shape.ts';
import type { Tensor } from '../core/tensor.ts';
import { ConfigError, ShapeError, TfkError } from '../errors.ts';
import { currentScope, input, type Value, withScope } from '../ir/graph.ts';
import { cast, div } from '../ops/index.ts';
import { regularizers } from './regularizers.ts';
import { SymbolicTensor } from './symbolic.ts';
import { addLoss, Trace, withTrace } from './trace.ts';
import { Weight, type WeightOptions } from './weight.ts';

/** One or more values, the first always there: `call([x])`. */
export type Values = readonly [Value, ...Value[]];
/** Shapes of a layer's inputs, unknown sizes `null`. */
export type PartialShapes = readonly [PartialShape, ...PartialShape[]];

/** How a layer is called. */
export interface CallOptions {
  /** Whether this is a training step: dropout drops, batch normalization uses the batch. */
  readonly training: boolean;
}

/** One use of a layer in a functional model. */
export interface LayerCall {
  readonly layer: Layer;
  readonly inputs: readonly SymbolicTensor[];
  readonly outputs: readonly SymbolicTensor[];
}

/** Options of every layer; each layer's schema extends them. */
export const layerOptions = z.strictObject({
  /** Unique within its model; made from the class name where left out. */
  name: z
    .string()
    .regex(/^[^/]+$/, 'expected a name without "/"')
    .optional(),
  /** `false` freezes the weights (and batch normalization's statistics). */
  trainable: z.boolean().default(true),
  /** Penalty on the outputs, divided by the batch size, added to the loss. */
  activityRegularizer: regularizers.option().nullable().default(null),
});

const counters = new Map<string, number>();

/** Keras's automatic names: `dense`, `dense_1`, ... */
export function autoName(className: string): string {
  const base = snakeCase(className);
  const count = counters.get(base) ?? 0;
  counters.set(base, count + 1);
  return count === 0 ? base : `${base}_${count}`;
}

/** Starts automatic names anew. */
export const clearSession = (): void => counters.clear();

/**
 * A step of a model, with weights of its own.
 *
 * A subclass states `className` and `schema`, creates weights in `build` and computes in `call` with `tfk.ops`.
 * Output shapes need no code: they are found by tracing `call` with two different stand-in sizes.
 */
export abstract class Layer<S extends z.ZodType = z.ZodType> extends Configured<S> {
  static override readonly schema: z.ZodType = layerOptions;
  readonly name: string;
  /** Uses of this layer in functional models, in order. */
  readonly calls: LayerCall[] = [];
  readonly #weights: Weight[] = [];
  readonly #sublayers: Layer[] = [];
  #trainable: boolean;
  #builtFor: PartialShapes | undefined;
  #path: string | undefined;

  constructor(options: z.input<S>) {
    super(options);
    const { name, trainable } = (this.options ?? {}) as { name?: string; trainable?: boolean };
    this.name = name ?? autoName(this.className);
    this.#trainable = trainable ?? true;
  }

  /** Creates the weights; `inputShapes` may have unknown sizes (the batch, as a rule). */
  build(_inputShapes: PartialShapes): void {}

  /** The layer's computation, in `tfk.ops`. */
  abstract call(inputs: Values, options: CallOptions): Value | readonly Value[];

  /** How many inputs the layer takes. */
  protected get arity(): { readonly min: number; readonly max: number } {
    return { min: 1, max: 1 };
  }

  /** Whether inputs that are not floating are converted to float32 first; indices are not. */
  protected get castsInputs(): boolean {
    return true;
  }

  /** Uses the layer in a functional model: symbolic tensors in, symbolic tensors out. */
  apply(inputs: SymbolicTensor): SymbolicTensor;
  apply(inputs: readonly SymbolicTensor[]): SymbolicTensor;
  apply(inputs: SymbolicTensor | readonly SymbolicTensor[]): SymbolicTensor {
    return this.applyMulti(inputs)[0] as SymbolicTensor;
  }

  /** Like {@link apply}, for layers (and models) with several outputs. */
  applyMulti(inputs: SymbolicTensor | readonly SymbolicTensor[]): readonly SymbolicTensor[] {
    const list = Array.isArray(inputs) ? (inputs as readonly SymbolicTensor[]) : [inputs as SymbolicTensor];
    const stranger = list.find((x) => !(x instanceof SymbolicTensor));
    if (stranger !== undefined || list.length === 0) {
      throw new ConfigError(
        `${this.#label()}.apply() takes symbolic tensors, from tfk.input() or another layer's apply(). ` +
          `Received ${stranger === undefined ? 'none' : Object.prototype.toString.call(stranger)}.`,
        { op: this.name },
      );
    }
    const types = this.inferOutputs(list);
    const outputs: SymbolicTensor[] = [];
    const call: LayerCall = { layer: this as unknown as Layer, inputs: list, outputs };
    types.forEach(({ shape, dtype }, index) => {
      outputs.push(new SymbolicTensor(shape, dtype, { call, index, callIndex: this.calls.length }));
    });
    this.calls.push(call);
    return outputs;
  }

  /** Shapes and types of the outputs: builds the layer, then traces `call` twice with stand-in sizes. */
  inferOutputs(
    inputs: readonly { readonly shape: PartialShape; readonly dtype: DType }[],
  ): { shape: PartialShape; dtype: DType }[] {
    this.ensureBuilt(inputs.map((x) => x.shape) as unknown as PartialShapes);
    const [first, second] = standIns.map((size) => this.#probe(inputs, size)) as [
      readonly Value[],
      readonly Value[],
    ];
    return first.map((value, i) => ({
      dtype: value.dtype,
      shape: value.shape.map((n, axis) => (n === second[i]?.shape[axis] ? n : null)),
    }));
  }

  #probe(
    inputs: readonly { readonly shape: PartialShape; readonly dtype: DType }[],
    size: number,
  ): readonly Value[] {
    const values = inputs.map(({ shape, dtype }, i) =>
      input(`x${i}`, { dtype, shape: shape.map((n) => n ?? size) }),
    );
    return withTrace(new Trace(false), () => this.invoke(values, { training: false }));
  }

  /** Calls the layer on values of the graph being built: conversion, arity, errors and extra losses around `call`. */
  invoke(inputs: readonly Value[], options: CallOptions): readonly Value[] {
    const { min, max } = this.arity;
    if (inputs.length < min || inputs.length > max) {
      const expected = min === max ? `${min}` : `${min} to ${max}`;
      throw new ShapeError(`${this.#label()} takes ${expected} inputs. Received ${inputs.length}.`, {
        op: this.name,
      });
    }
    const ready = this.castsInputs ? inputs.map((x) => (isFloat(x.dtype) ? x : cast(x, 'float32'))) : inputs;
    return withScope(this.name, () => {
      this.ensureBuilt(ready.map((x) => x.shape) as unknown as PartialShapes);
      const outputs = this.#located(inputs, () => this.call(ready as unknown as Values, options));
      const list: readonly Value[] = Array.isArray(outputs) ? outputs : [outputs as Value];
      this.#regularizeActivity(list);
      return list;
    });
  }

  /** Creates the weights if that has not happened. */
  ensureBuilt(inputShapes: PartialShapes): void {
    if (this.#builtFor !== undefined) return;
    const scope = currentScope();
    this.#path ??= scope === '' || !scope.endsWith(this.name) ? this.name : scope;
    this.#located(
      inputShapes.map((shape) => ({ shape })),
      () => this.build(inputShapes),
    );
    this.#builtFor = inputShapes;
    if (!this.#trainable) this.trainable = false;
  }

  get built(): boolean {
    return this.#builtFor !== undefined;
  }

  /** Input shapes the layer was built for. */
  get buildShapes(): PartialShapes | undefined {
    return this.#builtFor;
  }

  /** Creates a weight. @param name - Keras's name, e.g. `kernel` */
  protected addWeight(name: string, shape: readonly number[], options: WeightOptions): Weight {
    const weight = new Weight(name, `${this.#path ?? this.name}/${name}`, shape, options);
    this.#weights.push(weight);
    return weight;
  }

  /** Makes another layer part of this one: its weights are counted, saved and trained here. */
  protected track<L extends Layer>(layer: L): L {
    this.#sublayers.push(layer);
    return layer;
  }

  /** Layers inside this one. */
  get sublayers(): readonly Layer[] {
    return this.#sublayers;
  }

  /** Weights of this layer alone: the trainable ones in order of creation, then the others. */
  get ownWeights(): readonly Weight[] {
    return [...this.#weights.filter((w) => w.learnable), ...this.#weights.filter((w) => !w.learnable)];
  }

  /** All weights, layer by layer: of each the trainable ones in order of creation, then the others. */
  get weights(): readonly Weight[] {
    const inside = this.sublayers.flatMap((layer) => layer.weights);
    return [...new Set([...this.ownWeights, ...inside])];
  }

  get trainableWeights(): readonly Weight[] {
    return this.weights.filter((w) => w.trainable);
  }

  get nonTrainableWeights(): readonly Weight[] {
    return this.weights.filter((w) => !w.trainable);
  }

  /** `false` freezes this layer and all inside it. */
  get trainable(): boolean {
    return this.#trainable;
  }

  set trainable(value: boolean) {
    this.#trainable = value;
    for (const weight of this.#weights) weight.trainable = value && weight.learnable;
    for (const layer of this.sublayers) layer.trainable = value;
  }

  /** Copies of the weights, in Keras's order and layout. */
  getWeights(): Tensor[] {
    return this.weights.map((w) => w.read());
  }

  /** @throws {@link ShapeError} when number or shapes differ */
  setWeights(values: readonly Tensor[]): void {
    const { weights } = this;
    if (values.length !== weights.length) {
      throw new ShapeError(
        `${this.#label()} has ${weights.length} weights (${weights.map((w) => w.name + formatShape(w.shape)).join(', ')}). ` +
          `Received ${values.length}.${this.built ? '' : ' The layer is not built yet: call it, or give the model an input.'}`,
        { op: this.name, expected: String(weights.length), received: String(values.length) },
      );
    }
    for (const [i, w] of weights.entries()) w.write(values[i] as Tensor);
  }

  /** Number of elements of all weights. */
  countParams(): number {
    return this.weights.reduce((n, w) => n + w.storage.size, 0);
  }

  override getConfig(): Record<string, unknown> {
    return { ...super.getConfig(), name: this.name, trainable: this.trainable };
  }

  #regularizeActivity(outputs: readonly Value[]): void {
    const { activityRegularizer } = (this.options ?? {}) as z.output<typeof layerOptions>;
    if (!activityRegularizer) return;
    for (const y of outputs) addLoss(div(activityRegularizer.call(y), y.shape[0] ?? 1));
  }

  #label(): string {
    return `${this.className} "${this.name}"`;
  }

  /** Runs a user-visible part of the layer; errors from the ops say which layer it was and what came in. */
  #located<T>(inputs: readonly { readonly shape: PartialShape }[], body: () => T): T {
    try {
      return body();
    } catch (error) {
      if (!(error instanceof TfkError) || error.layerPath !== undefined) throw error;
      const received = hideStandIns(inputs.map((x) => formatShape(x.shape)).join(', '));
      const Kind = error.constructor as typeof TfkError;
      const text = error.message.startsWith(this.#label())
        ? error.message
        : `${this.#label()}: ${error.message}`;
      throw new Kind(`${hideStandIns(text)} The layer's input shape: ${received}.`, {
        op: error.op ?? this.name,
        layerPath: currentScope() || this.name,
        cause: error,
        ...(error.argument !== undefined && { argument: error.argument }),
        ...(error.expected !== undefined && { expected: error.expected }),
        received: error.received === undefined ? received : hideStandIns(error.received),
      });
    }
  }
}

/** Two primes: sizes that follow an unknown input size differ between them, all others do not. */
const standIns = [1009, 2003] as const;

/** Text of a message or shape with the stand-ins shown as what they are: unknown sizes. */
const hideStandIns = (text: string): string => text.replace(/\b(1009|2003)\b/g, '?');

/**
 * Checks the number of axes of an input.
 * @param layout - names of the axes, for the message: `[batch, height, width, channels]`
 * @throws {@link ShapeError}
 */
export function expectRank(shape: PartialShape, rank: number, layout: string): void {
  if (shape.length === rank) return;
  const fix = shape.length === rank - 1 ? ' Add an axis, e.g. with reshape, or a batch axis in front.' : '';
  throw new ShapeError(`expected a ${rank}-D input ${layout}. Received ${formatShape(shape)}.${fix}`, {
    expected: `${rank}-D ${layout}`,
    received: formatShape(shape),
  });
}

/** A size that must be known when a layer is built. @throws {@link ShapeError} */
export function knownSize(shape: PartialShape, axis: number, what: string): number {
  const size = shape.at(axis);
  if (typeof size === 'number') return size;
  throw new ShapeError(
    `the ${what} must be known to create the weights. Received input shape ${formatShape(shape)}.`,
    {
      expected: `a known ${what}`,
      received: formatShape(shape),
    },
  );
}

/** Whether a built layer can take `shape`: sizes agree where both are known. */
export const compatible = (built: PartialShape, shape: PartialShape): boolean =>
  sameShape(
    built.map((n, i) => (shape[i] === null || n === null ? null : n)),
    shape.map((n, i) => (built[i] === null || n === null ? null : n)),
  );
