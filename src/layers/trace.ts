import type { Shape } from '../core/shape.ts';
import { ConfigError } from '../errors.ts';
import { currentScope, input, type Value } from '../ir/graph.ts';
import type { Weight } from './weight.ts';

/** Random numbers that a layer asks for; drawn anew for each step from a stream of its own. */
export type RandomRequest =
  /** Uniform in [0, 1). */
  | { readonly kind: 'uniform'; readonly shape: Shape }
  /** `scale` with probability `keep`, else 0. */
  | { readonly kind: 'bernoulli'; readonly shape: Shape; readonly keep: number; readonly scale: number };

/** A graph input that is filled with random numbers before each step. */
export interface RandomInput {
  readonly value: Value;
  readonly request: RandomRequest;
  /** The layer's own seed, if it has one. */
  readonly seed: number | undefined;
}

interface TraceOptions {
  /** Whether weights stand for themselves and their adapters together, as in files. */
  readonly merged?: boolean;
  /** Whether sizes of the inputs stand for unknown ones, so that none is too large. */
  readonly anySize?: boolean;
}

/**
 * One building of a graph: what layers read, update and ask for while they are called.
 * Weights become graph inputs, each once; state updates, extra losses and random inputs are collected.
 */
export class Trace {
  readonly training: boolean;
  readonly merged: boolean;
  readonly anySize: boolean;
  readonly weights = new Map<Weight, Value>();
  readonly updates = new Map<Weight, Value>();
  readonly losses: Value[] = [];
  readonly randoms: RandomInput[] = [];
  /** What layers gave, by path: those of the last call. */
  readonly outputs = new Map<string, readonly Value[]>();
  readonly #instead = new Map<Weight, Value>();

  constructor(training: boolean, { merged = false, anySize = false }: TraceOptions = {}) {
    this.training = training;
    this.merged = merged;
    this.anySize = anySize;
  }

  /** The graph input that stands for a weight (or its new value, once assigned). */
  weight(weight: Weight): Value {
    const assigned = this.#instead.get(weight) ?? this.updates.get(weight);
    if (assigned !== undefined) return assigned;
    let value = this.weights.get(weight);
    if (value === undefined) {
      value = input(`weight${this.weights.size}:${weight.path}`, {
        dtype: weight.dtype,
        shape: weight.shape,
      });
      this.weights.set(weight, value);
    }
    return value;
  }

  /** Whether another value than its own stands for a weight now. */
  replaces(weight: Weight): boolean {
    return this.#instead.has(weight);
  }

  /** Runs `body` with a value in the place of a weight, which stays as it is. */
  withValue<T>(weight: Weight, value: Value, body: () => T): T {
    this.#instead.set(weight, value);
    try {
      return body();
    } finally {
      this.#instead.delete(weight);
    }
  }

  assign(weight: Weight, value: Value): void {
    this.updates.set(weight, value);
  }

  random(request: RandomRequest, seed?: number): Value {
    const value = input(`random${this.randoms.length}`, { dtype: 'float32', shape: request.shape });
    this.randoms.push({ value, request, seed });
    return value;
  }
}

let current: Trace | undefined;

/** Runs `body` with `trace` collecting. */
export function withTrace<T>(trace: Trace, body: () => T): T {
  const outer = current;
  current = trace;
  try {
    return body();
  } finally {
    current = outer;
  }
}

/** Makes values known as outputs of the layer being called, or under a name of their own below it. */
export function noteOutputs(outputs: readonly Value[], name?: string): void {
  const path = currentScope();
  current?.outputs.set(name === undefined ? path : `${path}/${name}`, outputs);
}

/** Whether a graph is being built. */
export const isTracing = (): boolean => current !== undefined;

/** The trace that is collecting now. @throws {@link ConfigError} outside of a layer's `call` */
export function currentTrace(what: string): Trace {
  if (current === undefined) {
    throw new ConfigError(
      `${what} was used outside of a layer's call(); only there is a computation being built.`,
    );
  }
  return current;
}

/** Random numbers inside a layer's `call`, from a stream of the layer's own. */
export const randomUniform = (shape: Shape, seed?: number): Value =>
  currentTrace('randomUniform()').random({ kind: 'uniform', shape }, seed);

/** `scale` with probability `keep`, else 0: the mask of inverted dropout. */
export const randomBernoulli = (shape: Shape, keep: number, scale: number, seed?: number): Value =>
  currentTrace('randomBernoulli()').random({ kind: 'bernoulli', shape, keep, scale }, seed);

/** Adds a scalar to the training loss. */
export const addLoss = (loss: Value): void => {
  currentTrace('addLoss()').losses.push(loss);
};
