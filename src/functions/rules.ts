import { ConfigError } from '../errors.ts';
import { gradient } from '../ir/autodiff.ts';
import type { Value } from '../ir/graph.ts';
import { substitute } from '../ir/substitute.ts';
import { delay, type GradientRule, withGradient } from '../ops/transform.ts';
import { close } from './close.ts';
import { resultOf } from './gradients.ts';
import { type Lifted, lift } from './lift.ts';

/**
 * A function with a gradient of your own.
 * @param fn - of graph values; gives one value
 * @param rule - from the arguments, the cotangent `dy` of the result and the result `y`, the cotangent of each argument
 * (`null` for zero). Written in ops, it can be differentiated again
 * @example `tfk.customGradient((x) => tfk.ops.sign(x), ([x], dy) => [dy])`
 */
export function customGradient<A extends readonly Value[]>(
  fn: (...xs: A) => Value,
  rule: (xs: A, dy: Value, y: Value) => readonly (Value | null)[],
): Lifted<A, Value> {
  return lift(
    (...xs: A) => {
      const y = resultOf('customGradient', fn(...xs));
      return withGradient([y, ...xs], 1, ([dy], [result, ...inputs]) => {
        const answers = rule(inputs as readonly Value[] as A, dy as Value, result as Value);
        if (answers.length === xs.length) return [null, ...answers];
        throw new ConfigError(
          `customGradient: the rule must give one gradient (or null) for each of ${xs.length} arguments. Received ${answers.length}.`,
          { op: 'customGradient', expected: String(xs.length), received: String(answers.length) },
        );
      })[0] as Value;
    },
    { name: 'customGradient' },
  );
}

/**
 * The same function, which remembers nothing for its gradient but its arguments: what happens inside is computed again
 * in the backward pass. Less memory, about a third more time.
 * @param fn - of graph values in lists and records; gives one value. It may use weights
 */
export function checkpoint<A extends readonly unknown[]>(fn: (...args: A) => Value): Lifted<A, Value> {
  return lift(
    (...args: A) => {
      const { result, inputs } = close('checkpoint', fn, args);
      // held as they are: no pass may compute the result from anything but these
      const held = withGradient(inputs, inputs.length, (dys) => dys);
      const [y] = substitute([result], new Map(inputs.map((x, i) => [x, held[i] as Value]))) as [Value];
      return withGradient([y, ...held], 1, recompute)[0] as Value;
    },
    { name: 'checkpoint' },
  );
}

/** Gradients of the first value with respect to the others, through a second computation of it. */
const recompute: GradientRule = ([dy], [y, ...xs]) => {
  const again = new Map(xs.map((x) => [x, delay(x, dy as Value)] as const));
  const [recomputed] = substitute([y as Value], again) as [Value];
  const found = gradient(recomputed, [...again.values()], dy as Value);
  return [null, ...found.map((g) => g ?? null)];
};
