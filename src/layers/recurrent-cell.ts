import * as z from 'zod';
import type { Spec } from '../core/configured.ts';
import { deferred } from '../core/deferred.ts';
import type { Shape } from '../core/shape.ts';
import type { Value } from '../ir/graph.ts';
import { add, concat, matmul, mul, type RecurrentOperands, reshape, split, transpose } from '../ops/index.ts';
import { zeros } from '../ops/indices.ts';
import { activationOption } from './activations.ts';
import type { CallSignature, Nested } from './call-arguments.ts';
import {
  type CallOptions,
  knownSize,
  Layer,
  layerOptions,
  type PartialShapes,
  type Values,
} from './layer.ts';
import {
  biasOptions,
  biasWeight,
  constraintOption,
  initializerOption,
  kernelOptions,
  kernelWeight,
  positiveInteger,
  regularizerOption,
} from './options.ts';
import { layerRegistry } from './registry.ts';
import { randomBernoulli } from './trace.ts';
import type { Weight, WeightOptions } from './weight.ts';

/** What a cell does during one call of its layer: the same masks of dropout, and the same weights, in all steps. */
export interface CellRun {
  /**
   * The part of a step that needs no state, for all steps at once.
   * @param x - `[..., batch, ...sample]`
   * @returns what {@link step} takes, `[..., batch, ...]`
   */
  project(x: Value): Value;
  /**
   * One step.
   * @param x - the step's part of what {@link project} gave
   * @returns the output, then the new states
   */
  step(x: Value, states: readonly Value[]): readonly [Value, ...Value[]];
}

/** One step of a recurrent layer: from an input and states to an output and new states. */
export abstract class RecurrentCell<S extends z.ZodType = z.ZodType> extends Layer<S> {
  /** Shapes of the states of one sample. */
  abstract get stateShapes(): readonly Shape[];

  /**
   * Begins a call.
   * @param shape - of one step's input, `[batch, ...sample]`
   */
  abstract begin(shape: Shape, options: CallOptions): CellRun;

  /**
   * All steps at once, without dropout, where the runtime has a kernel for what the cell does.
   * @param sequence - `[steps, batch, ...sample]`
   * @returns outputs `[steps, batch, ...]`, which stay at their places when it goes in `reverse`; then the last states
   */
  whole(
    _sequence: Value,
    _states: readonly Value[],
    _reverse: boolean,
  ): readonly [Value, ...Value[]] | undefined {
    return undefined;
  }

  /** Shape of the output of one sample; by default that of the first state. */
  get outputShape(): Shape {
    return this.stateShapes[0] as Shape;
  }

  protected override get arity(): { min: number; max: number } {
    return { min: 1, max: 1 + this.stateShapes.length };
  }

  override get signature(): CallSignature {
    return { rest: 'states', groups: (states) => this.groupStates(states) };
  }

  /** States in Keras's groups: those of a cell of several cells belong together. */
  groupStates<T>(states: readonly T[]): readonly Nested<T>[] {
    return states;
  }

  /** States of a fresh start: zeros. */
  initialStates(batch: number): readonly Value[] {
    return this.stateShapes.map((shape) => zeros([batch, ...shape], 'float32'));
  }

  /** One step by itself: `[x, ...states]` to `[output, ...states]`; states that are left out are zeros. */
  call([x, ...states]: Values, options: CallOptions): readonly Value[] {
    const run = this.begin(x.shape, options);
    const initial = this.initialStates(x.shape[0] as number);
    return run.step(
      run.project(x),
      initial.map((zero, i) => states[i] ?? zero),
    );
  }
}

/** An option that holds a cell. */
export const cellOption = (): z.ZodType<RecurrentCell, Spec<Layer>> =>
  layerRegistry.option().refine(isCell, 'expected a cell, such as lstmCell') as z.ZodType<
    RecurrentCell,
    Spec<Layer>
  >;
const isCell = (layer: Layer): layer is RecurrentCell => layer instanceof RecurrentCell;

/** A fraction in [0, 1). */
const rate = z.number().min(0).lt(1).default(0);

/** Initializer, regularizer and constraint of the weight `recurrentKernel`. */
export const recurrentOptions = deferred(() => ({
  recurrentInitializer: initializerOption('orthogonal'),
  recurrentRegularizer: regularizerOption(),
  recurrentConstraint: constraintOption(),
}));

/** Dropout between the layers and between the steps; one mask counts for all steps of a call. */
export const cellDropoutOptions = deferred(() => ({
  /** Fraction of the inputs that is dropped while training. */
  dropout: rate,
  /** Fraction of the state that is dropped, where a step reads it, while training. */
  recurrentDropout: rate,
  seed: z.int().nullable().default(null),
}));

/** Options of SimpleRNN, LSTM and GRU cells. */
export const cellOptions = deferred(() =>
  layerOptions.extend({
    /** Size of the output, and of each state. */
    units: positiveInteger,
    activation: activationOption('tanh'),
    useBias: z.boolean().default(true),
    ...kernelOptions,
    ...recurrentOptions,
    ...biasOptions,
    ...cellDropoutOptions,
  }),
);

/** What the weight `recurrentKernel` is made of. */
export const recurrentWeight = (
  o: Pick<
    z.output<typeof cellOptions>,
    'recurrentInitializer' | 'recurrentRegularizer' | 'recurrentConstraint'
  >,
): WeightOptions => ({
  initializer: o.recurrentInitializer,
  regularizer: o.recurrentRegularizer,
  constraint: o.recurrentConstraint,
});

interface DropoutOptions {
  readonly dropout: number;
  readonly recurrentDropout: number;
  readonly seed: number | null;
}

/** Masks of dropout for one call; none where nothing is dropped. */
export interface DropoutMasks {
  readonly input: readonly Value[];
  readonly state: readonly Value[];
}

/**
 * Draws the masks of a call.
 * @param gates - masks of each kind, where gates have masks of their own
 */
export function dropoutMasks(
  { dropout, recurrentDropout, seed }: DropoutOptions,
  { training }: CallOptions,
  shapes: { readonly input: Shape; readonly state: Shape },
  gates: number,
): DropoutMasks {
  const draw = (share: number, shape: Shape): Value[] =>
    training && share > 0
      ? Array.from({ length: gates }, () =>
          randomBernoulli(shape, 1 - share, 1 / (1 - share), seed ?? undefined),
        )
      : [];
  return { input: draw(dropout, shapes.input), state: draw(recurrentDropout, shapes.state) };
}

/**
 * `x w` for gates side by side.
 * @param masks - of dropout: none, one for all gates, or one for each
 */
export function gateProduct(x: Value, w: Value, masks: readonly Value[]): Value {
  const [first] = masks;
  if (first === undefined) return matmul(x, w);
  if (masks.length === 1) return matmul(mul(x, first), w);
  const parts = split(w, masks.length, -1);
  return concat(
    masks.map((mask, gate) => matmul(mul(x, mask), parts[gate] as Value)),
    -1,
  );
}

/** `x + bias`, if there is one. */
export const biased = (x: Value, bias: Value | undefined): Value => (bias ? add(x, bias) : x);

/** What SimpleRNN, LSTM and GRU cells have in common: weights of some gates side by side, in Keras's layouts. */
export abstract class GatedCell<S extends z.ZodType<z.output<typeof cellOptions>>> extends RecurrentCell<S> {
  #kernel!: Weight;
  #recurrent!: Weight;
  #bias: Weight | undefined;

  /** Number of gates. */
  protected abstract get gates(): number;

  /** Creates `kernel [features, gates * units]`, `recurrent_kernel [units, gates * units]` and `bias`. */
  override build([shape]: PartialShapes): void {
    const { units, useBias } = this.options;
    const width = this.gates * units;
    this.#kernel = this.addWeight(
      'kernel',
      [knownSize(shape, -1, 'size of the last axis'), width],
      kernelWeight(this.options),
    );
    this.#recurrent = this.addWeight('recurrent_kernel', [units, width], recurrentWeight(this.options));
    if (useBias) this.#bias = this.addWeight('bias', this.biasShape(width), this.biasWeight());
  }

  protected biasShape(width: number): Shape {
    return [width];
  }

  protected biasWeight(): WeightOptions {
    return biasWeight(this.options);
  }

  override get stateShapes(): readonly Shape[] {
    return [[this.options.units]];
  }

  /**
   * The weights as the runtime's kernels want them: gates in another order and under each other, two biases.
   * @param order - of Keras's gates
   */
  protected kernelOperands(order: readonly number[]): Pick<RecurrentOperands, 'w' | 'r' | 'b'> {
    const width = this.gates * this.options.units;
    const sorted = (x: Value): Value => {
      const parts = split(x, this.gates, -1);
      return concat(order.map((gate) => parts[gate] as Value));
    };
    const bias = this.bias ? sorted(this.bias) : zeros([width], 'float32');
    const b = bias.rank === 2 ? bias : concat([bias, zeros([width], 'float32')]);
    return {
      w: transpose(sorted(this.kernel)),
      r: transpose(sorted(this.recurrentKernel)),
      b: reshape(b, [2 * width]),
    };
  }

  protected get kernel(): Value {
    return this.#kernel.value;
  }

  protected get recurrentKernel(): Value {
    return this.#recurrent.value;
  }

  protected get bias(): Value | undefined {
    return this.#bias?.value;
  }
}
