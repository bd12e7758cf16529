import type { Value } from '../ir/graph.ts';
import type { CallOptions, Layer } from '../layers/layer.ts';
import { type Lifted, lift } from './lift.ts';

/**
 * A function of graph values as one of tensors: traced once for each signature (types of the tensors; numbers, strings and
 * the like as they are), compiled, and run on the calling thread. Tensors that `fn` reads from around it are constants;
 * weights are read anew at each run.
 * @param fn - written in `tfk.ops`, with graph values in lists and records; it may call layers with `tfk.call`
 * @returns a function of tensors; on graph values it is `fn` itself
 * @throws {@link ConfigError} when `fn` reads graph values of another function
 * @example `tfk.jit((x, y) => tfk.ops.add(tfk.ops.mul(x, 2), y))(tfk.tensor([1]), tfk.tensor([2]))`
 */
export function jit<A extends readonly Value[], R>(fn: (...args: A) => R): Lifted<A, R>;
export function jit<A extends readonly unknown[], R>(fn: (...args: A) => R): Lifted<A, R>;
export function jit<A extends readonly unknown[], R>(fn: (...args: A) => R): Lifted<A, R> {
  return lift(fn, { name: fn.name || 'jit' });
}

/** How {@link call} calls; `training` (dropout drops, batch normalization keeps statistics) is `false` by default. */
export type CallSettings = Partial<CallOptions>;

/**
 * Calls a layer or model: on tensors at once, on graph values as part of the graph.
 * @returns the output; the first one of a model with several, all of which {@link callMulti} gives
 * @throws {@link ShapeError} when the inputs do not fit the layer
 * @example `tfk.call(model, x)`
 */
export const call: Lifted<[layer: Layer, x: Value | readonly Value[], settings?: CallSettings], Value> = lift(
  (layer: Layer, x: Value | readonly Value[], settings: CallSettings = {}) =>
    invoke(layer, x, settings)[0] as Value,
  { name: 'call' },
);

/** Like {@link call}, with all outputs. */
export const callMulti: Lifted<
  [layer: Layer, x: Value | readonly Value[], settings?: CallSettings],
  readonly Value[]
> = lift(
  (layer: Layer, x: Value | readonly Value[], settings: CallSettings = {}) => invoke(layer, x, settings),
  {
    name: 'callMulti',
  },
);

function invoke(layer: Layer, x: Value | readonly Value[], settings: CallSettings): readonly Value[] {
  return layer.invoke('node' in x ? [x] : x, { training: false, ...settings });
}
