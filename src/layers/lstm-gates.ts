import * as z from 'zod';
import { deferred } from '../core/deferred.ts';
import type { Random } from '../core/random.ts';
import type { Shape } from '../core/shape.ts';
import type { Value } from '../ir/graph.ts';
import { add, mul, split } from '../ops/index.ts';
import { activationOption, activations } from './activations.ts';
import { Initializer } from './initializer.ts';

/** Options of gates whose forgetting can begin at a minimum. */
export const forgetOptions = deferred(() => ({
  recurrentActivation: activationOption('sigmoid'),
  /** Whether the bias of the forget gate begins at 1, so that the state is kept at first. */
  unitForgetBias: z.boolean().default(true),
}));

/** Fills the bias of the gates i, f, c, o: ones for f, `inner` for the others. */
export class UnitForgetBias extends Initializer {
  readonly #inner: Initializer;

  constructor(inner: Initializer) {
    super({});
    this.#inner = inner;
  }

  generate([width]: Shape, random: Random): Float32Array {
    const units = (width as number) / 4;
    const result = new Float32Array(4 * units).fill(1);
    result.set(this.#inner.generate([units], random));
    result.set(this.#inner.generate([2 * units], random), 2 * units);
    return result;
  }
}

/** `c' = f c + i g`, `h' = o activation(c')` from the gates' sums `[i, f, g, o]`, side by side along `axis`. */
export function lstmUpdate(
  sums: Value,
  c: Value,
  axis: number,
  { activation, recurrentActivation }: { readonly activation: string; readonly recurrentActivation: string },
): readonly [h: Value, c: Value] {
  const [squash, gate] = [activations.get(activation), activations.get(recurrentActivation)];
  const [i, f, g, o] = split(sums, 4, axis) as readonly [Value, Value, Value, Value];
  const next = add(mul(gate(f), c), mul(gate(i), squash(g)));
  return [mul(gate(o), squash(next)), next];
}
