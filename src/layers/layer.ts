import * as z from 'zod';
import { Configured } from '../core/configured.ts';
import { deferred } from '../core/deferred.ts';
import { isFloat } from '../core/dtype.ts';
import { snakeCase } from '../core/registry.ts';
import { formatShape, type PartialShape, sameShape } from '../core/shape.ts';
import type { Tensor } from '../core/tensor.ts';
import { ConfigError, ShapeError } from '../errors.ts';
import { currentScope, input, inScope, type Value, withScope } from '../ir/graph.ts';
import { cast, div } from '../ops/index.ts';
import {
  type CallArguments,
  type CallOptions,
  type CallSignature,
  type LayerCall,
  mapArguments,
  type NamedArguments,
  noArguments,
  type PartialType,
  sortArguments,
} from './call-arguments.ts';
import type { Initializer } from './initializer.ts';
import { checkInputs, type InputSpec } from './input-spec.ts';
import { located, standIns } from './layer-errors.ts';
import { keepMask, maskOf, setMask, withMask } from './masks.ts';
import { type Regularizer, regularizers } from './regularizers.ts';
import { SymbolicTensor } from './symbolic.ts';
import { addLoss, noteOutputs, Trace, withTrace } from './trace.ts';
import { Weight, type WeightOptions } from './weight.ts';

export type { CallOptions, LayerCall };

/** One or more values, the first always there: `call([x])`. */
export type Values = readonly [Value, ...Value[]];
/** Shapes of a layer's inputs, unknown sizes `null`. */
export type PartialShapes = readonly [PartialShape, ...PartialShape[]];

/** Options of every layer; each layer's schema extends them. */
export const layerOptions = deferred(() =>
  z.strictObject({
    /** Unique within its model; made from the class name where left out. */
    name: z
      .string()
      .regex(/^[^/]+$/, 'expected a name without "/"')
      .optional(),
    /** `false` freezes the weights (and batch normalization's statistics). */
    trainable: z.boolean().default(true),
    /** Penalty on the outputs, divided by the batch size, added to the loss. */
    activityRegularizer: regularizers.option().nullable().default(null),
  }),
);

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
  /** What is expected of the input, or of each; checked before the layer is built or called. A layer may set it. */
  inputSpec?: InputSpec | readonly (InputSpec | null)[];
  /** Uses of this layer in functional models, in order. */
  readonly calls: LayerCall[] = [];
  readonly #weights: Weight[] = [];
  /** Layers inside this one, with the names under which their weights are saved. */
  readonly #parts = new Map<Layer, string>();
  readonly #states: Weight[] = [];
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

  /** Penalty on what the layer puts out. */
  protected get outputRegularizer(): Regularizer | null {
    return ((this.options ?? {}) as z.output<typeof layerOptions>).activityRegularizer ?? null;
  }

  /** What the layer takes beside its inputs: `{ masks: ['mask'], lists: ['initialState'] }`. */
  get signature(): CallSignature {
    return {};
  }

  /** Whether {@link computeMask} says which steps of the outputs count; else masks end here. */
  protected get supportsMasking(): boolean {
    return false;
  }

  /** Masks of the outputs; by default the first has that of the first input. Inputs carry theirs: `maskOf(x)`. */
  protected computeMask(inputs: Values, _outputs: readonly Value[]): readonly (Value | undefined)[] {
    return [maskOf(inputs[0])];
  }

  /**
   * Uses the layer in a functional model: symbolic tensors in, symbolic tensors out.
   * @param args - what the layer takes beside its inputs, e.g. `{ useCausalMask: true }`
   */
  apply(inputs: SymbolicTensor | readonly SymbolicTensor[], args: CallArguments = {}): SymbolicTensor {
    return this.applyMulti(inputs, args)[0] as SymbolicTensor;
  }

  /** Like {@link apply}, for layers (and models) with several outputs. */
  applyMulti(
    inputs: SymbolicTensor | readonly SymbolicTensor[],
    args: CallArguments = {},
  ): readonly SymbolicTensor[] {
    const list = Array.isArray(inputs) ? (inputs as readonly SymbolicTensor[]) : [inputs as SymbolicTensor];
    const stranger = list.find((x) => !(x instanceof SymbolicTensor));
    if (stranger !== undefined || list.length === 0) {
      throw new ConfigError(
        `${this.label}.apply() takes symbolic tensors, from tfk.input() or another layer's apply(). ` +
          `Received ${stranger === undefined ? 'none' : Object.prototype.toString.call(stranger)}.`,
        { op: this.name },
      );
    }
    const named = sortArguments(args, this.signature, this.label);
    const types = this.inferOutputs(list, named);
    const outputs: SymbolicTensor[] = [];
    const call: LayerCall = { layer: this as unknown as Layer, inputs: list, ...named, outputs };
    types.forEach(({ shape, dtype }, index) => {
      outputs.push(new SymbolicTensor(shape, dtype, { call, index, callIndex: this.calls.length }));
    });
    this.calls.push(call);
    return outputs;
  }

  /** Shapes and types of the outputs: builds the layer, then traces `call` twice with stand-in sizes. */
  inferOutputs(
    inputs: readonly PartialType[],
    args: NamedArguments<PartialType> = noArguments,
  ): PartialType[] {
    this.#checkInputs(inputs);
    this.ensureBuilt(inputs.map((x) => x.shape) as unknown as PartialShapes);
    const [first, second] = standIns.map((size) => this.#probe(inputs, args, size)) as [
      readonly Value[],
      readonly Value[],
    ];
    return first.map((value, i) => ({
      dtype: value.dtype,
      shape: value.shape.map((n, axis) => (n === second[i]?.shape[axis] ? n : null)),
    }));
  }

  #probe(inputs: readonly PartialType[], args: NamedArguments<PartialType>, size: number): readonly Value[] {
    const standIn = ({ shape, dtype }: PartialType, name: string): Value =>
      input(name, { dtype, shape: shape.map((n) => n ?? size) });
    const values = inputs.map((x, i) => standIn(x, `x${i}`));
    const options = { training: false, ...mapArguments(args, standIn) };
    return withTrace(new Trace(false, { anySize: true }), () => this.invoke(values, options));
  }

  #checkInputs(inputs: readonly PartialType[]): void {
    checkInputs(this, [this.inputSpec ?? []].flat(), this.arity, inputs);
  }

  /** Calls the layer on values of the graph being built: conversion, arity, errors and extra losses around `call`. */
  invoke(inputs: readonly Value[], options: CallOptions): readonly Value[] {
    this.#checkInputs(inputs);
    const ready = inputs.map((x, i) => this.#prepare(x, i, options)) as unknown as Values;
    return withScope(this.name, () => {
      this.ensureBuilt(ready.map((x) => x.shape) as unknown as PartialShapes);
      const list = located(this, inputs, () => {
        const outputs = this.call(ready, options);
        return this.#maskOutputs(ready, Array.isArray(outputs) ? outputs : [outputs as Value]);
      });
      this.#regularizeActivity(list);
      noteOutputs(list);
      return list;
    });
  }

  /** An input as `call` gets it: floating unless the layer takes indices, with the mask that the call gives it. */
  #prepare(x: Value, i: number, { tensors }: CallOptions): Value {
    const ready = this.castsInputs && !isFloat(x.dtype) ? keepMask(cast(x, 'float32'), x) : x;
    const [mask] = tensors?.[this.signature.masks?.[i] ?? ''] ?? [];
    return mask ? withMask(ready, cast(mask, 'bool')) : ready;
  }

  /** Outputs with their masks: those that layers inside gave, else {@link computeMask}'s. */
  #maskOutputs(inputs: Values, outputs: readonly Value[]): readonly Value[] {
    const masks = this.supportsMasking ? this.computeMask(inputs, outputs) : [];
    return outputs.map((y, i) => {
      if (inputs.includes(y)) return withMask(y, masks[i]);
      const mask = maskOf(y) ?? masks[i];
      if (mask) setMask(y, mask);
      return y;
    });
  }

  /** Creates the weights if that has not happened. */
  ensureBuilt(inputShapes: PartialShapes): void {
    if (this.#builtFor !== undefined) return;
    const scope = currentScope();
    const path = this.#path ?? (scope === '' || !scope.endsWith(this.name) ? this.name : scope);
    this.#path = path;
    located(
      this,
      inputShapes.map((shape) => ({ shape })),
      () => inScope(path, () => this.build(inputShapes)),
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

  /**
   * Creates a tensor that the layer carries from one batch to the next, in training and inference alike. It is neither
   * counted among the weights nor saved.
   */
  protected addState(name: string, shape: readonly number[], initializer: Initializer): Weight {
    const path = `${this.#path ?? this.name}/${name}`;
    const state = new Weight(name, path, shape, { initializer, trainable: false });
    this.#states.push(state);
    return state;
  }

  /** What this layer and those inside it carry from one batch to the next. */
  get states(): readonly Weight[] {
    return [...new Set([...this.#states, ...this.sublayers.flatMap((layer) => layer.states)])];
  }

  /** Sets all {@link states} to zero. */
  resetStates(): void {
    for (const state of this.states) state.clear();
  }

  /**
   * Makes another layer part of this one: its weights are counted, saved and trained here.
   * @param attribute - name of Keras's attribute that holds the layer, as files have it
   */
  protected track<L extends Layer>(layer: L, attribute: string = layer.name): L {
    this.#parts.set(layer, attribute);
    return layer;
  }

  /** Builds a layer inside this one; the paths of its weights go on from this one's. */
  protected buildPart(layer: Layer, inputShapes: PartialShapes): void {
    withScope(layer.name, () => layer.ensureBuilt(inputShapes));
  }

  /** Layers inside this one. */
  get sublayers(): readonly Layer[] {
    return [...this.#parts.keys()];
  }

  /** Where files keep the weights of a layer inside this one. */
  attributeOf(layer: Layer): string {
    return this.#parts.get(layer) ?? layer.name;
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
        `${this.label} has ${weights.length} weights (${weights.map((w) => w.name + formatShape(w.shape)).join(', ')}). ` +
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
    const { outputRegularizer } = this;
    if (!outputRegularizer) return;
    for (const y of outputs) addLoss(div(outputRegularizer.call(y), y.shape[0] ?? 1));
  }

  /** Class and name, for messages. */
  get label(): string {
    return `${this.className} "${this.name}"`;
  }
}

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
    { expected: `a known ${what}`, received: formatShape(shape) },
  );
}

/** Whether a built layer can take `shape`: sizes agree where both are known. */
export const compatible = (built: PartialShape, shape: PartialShape): boolean =>
  sameShape(
    built.map((n, i) => (shape[i] === null || n === null ? null : n)),
    shape.map((n, i) => (built[i] === null || n === null ? null : n)),
  );
