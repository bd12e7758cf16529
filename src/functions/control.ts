import { type Graph, input, type Value } from '../ir/graph.ts';
import { optimize } from '../ir/passes.ts';
import { substitute } from '../ir/substitute.ts';
import { choose } from '../ops/cond.ts';
import { type LoopOptions, loop } from '../ops/loop.ts';
import { repeatWhile } from '../ops/while-loop.ts';
import { close, closeAll } from './close.ts';
import { asValue, resultOf } from './gradients.ts';
import { type Lifted, lift } from './lift.ts';
import { leavesOf, mapTree } from './tree.ts';

/**
 * One of two functions, as a boolean scalar says; the other is not computed. Gradients flow through the one that is taken.
 * @param then - from the arguments; gives one value. It may use weights and values around it
 * @param otherwise - gives a value of the same type
 * @throws {@link ShapeError} when the condition is no scalar, or the results' types differ
 * @example `tfk.cond((x) => tfk.ops.exp(x), (x) => tfk.ops.neg(x))(isLarge, x)`
 */
export function cond<A extends readonly unknown[]>(
  then: (...args: A) => Value,
  otherwise: (...args: A) => Value,
): Lifted<[condition: Value, ...args: A], Value> {
  return lift(
    (condition: Value, ...args: A) => {
      const branches = [close('cond', then, args), close('cond', otherwise, args)] as const;
      const operands = branches.flatMap((branch) => branch.inputs);
      const leaves = operands.map(({ type }, i) => input(`in${i}`, type));
      const places = new Map(operands.map((value, i) => [value, leaves[i] as Value]));
      const [ifTrue, ifFalse] = branches.map(({ result }, i): Graph => {
        const value = substitute([result], places)[0] as Value;
        return optimize({ name: i === 0 ? 'then' : 'else', inputs: leaves, outputs: [{ name: 'y', value }] });
      }) as [Graph, Graph];
      return choose(condition, ifTrue, ifFalse, operands)[0] as Value;
    },
    { name: 'cond' },
  );
}

/**
 * A loop over the first axis of `xs` that hands a state on: `step(state, x) = [state', y]`. It can be differentiated.
 * @param step - from the state and one entry of each tensor of `xs`, in lists and records as they come
 * @param options - `reverse`: from the last entry to the first; `unroll`: every step as nodes of its own (the default for up
 * to 100 steps), quicker to run and slower to compile
 * @returns a function of the first state and `xs`: the last state, and the `y` of all steps stacked to `[steps, ...]`
 * @throws {@link ShapeError} when a step changes the type of the state
 * @example `tfk.scan((sum, x) => [tfk.ops.add(sum, x), sum])(tfk.scalar(0), tfk.tensor([1, 2, 3]))`
 */
export function scan<S, X, Y>(
  step: (state: S, x: X) => readonly [S, Y],
  options: LoopOptions = {},
): Lifted<[initial: S, xs: X], readonly [S, Y]> {
  return lift(
    (initial: S, xs: X) => {
      let shape: readonly unknown[] = [];
      const result = loop(
        (states, entries) => {
          shape = step(refill(initial, states) as S, refill(xs, entries) as X);
          return { states: valuesOf(shape[0]), outputs: valuesOf(shape[1]) };
        },
        valuesOf(initial),
        valuesOf(xs) as readonly Value[] as readonly [Value, ...Value[]],
        options,
      );
      return [refill(shape[0], result.states) as S, refill(shape[1], result.outputs) as Y] as const;
    },
    { name: 'scan' },
  );
}

/**
 * Repeats a step on a state for as long as a condition holds. The number of steps is not known beforehand, so that nothing
 * can be remembered for a gradient: no gradient flows through. Where there is a bound, `scan` has one.
 * @param condition - from the state, a boolean scalar
 * @param step - from the state, the next one, of the same types
 * @returns a function of the first state: the first one for which the condition does not hold
 * @throws {@link ShapeError} when a step changes the type of the state
 * @example `tfk.whileLoop((x) => tfk.ops.less(x, 100), (x) => tfk.ops.mul(x, 2))(tfk.scalar(3)) // 192`
 */
export function whileLoop<S>(condition: (state: S) => Value, step: (state: S) => S): Lifted<[initial: S], S> {
  return lift(
    (initial: S) => {
      const states = valuesOf(initial);
      const { results, inputs } = closeAll(
        (state: S) => {
          const next = step(state);
          return [resultOf('whileLoop', condition(next)), ...valuesOf(next)];
        },
        [initial],
      );
      const leaves = inputs.map(({ type }, i) => input(`in${i}`, type));
      const places = new Map(inputs.map((value, i) => [value, leaves[i] as Value]));
      const body = optimize({
        name: 'loop',
        inputs: leaves,
        outputs: substitute(results, places).map((value, i) => ({ name: `out${i}`, value })),
      });
      const more = resultOf('whileLoop', condition(initial));
      return refill(initial, repeatWhile(more, body, states, inputs.slice(states.length))) as S;
    },
    { name: 'whileLoop' },
  );
}

const valuesOf = (tree: unknown): Value[] => leavesOf(tree).map(({ leaf }) => asValue(leaf));

/** A copy of `tree` with these values in place of its own. */
function refill(tree: unknown, values: readonly Value[]): unknown {
  let at = 0;
  return mapTree(tree, () => values[at++]);
}
