import type { Tensor } from '../core/tensor.ts';
import { ConfigError } from '../errors.ts';
import { type Graph, input, inputName, inScope, nodesOf, Value } from '../ir/graph.ts';
import { Trace, withTrace } from '../layers/trace.ts';
import type { Weight } from '../layers/weight.ts';
import { mapTree } from './tree.ts';

/** A function as a graph. */
export interface Traced {
  readonly trace: Trace;
  /** Inputs: weights, {@link Traced.inputs}, random numbers. Outputs: new values of weights, results. */
  readonly graph: Graph;
  readonly weights: readonly Weight[];
  /** One for each tensor of the arguments. */
  readonly inputs: readonly Value[];
  /** The function's result, with these tensors in place of its graph values. */
  rebuild(results: readonly Tensor[]): unknown;
}

/**
 * Calls `fn` on graph values of the arguments' types and collects what it builds.
 * @throws {@link ConfigError} when it reads values of another graph
 */
export function traceFunction(
  fn: (...args: never[]) => unknown,
  args: readonly unknown[],
  name: string,
): Traced {
  const trace = new Trace(true);
  const inputs: Value[] = [];
  const symbolic = mapTree(args, ({ dtype, shape }) => {
    const value = input(`x${inputs.length}`, { dtype, shape });
    inputs.push(value);
    return value;
  });
  const result = withTrace(trace, () => inScope('', () => fn(...(symbolic as never[]))));
  const outputs: Value[] = [];
  mapTree(result, (leaf) => leaf instanceof Value && outputs.push(leaf));
  const graph: Graph = {
    name,
    inputs: [...trace.weights.values(), ...inputs, ...trace.randoms.map((r) => r.value)],
    outputs: [...trace.updates.values(), ...outputs].map((value, i) => ({ name: `y${i}`, value })),
  };
  checkClosed(graph);
  const rebuild = (results: readonly Tensor[]): unknown => {
    if (result instanceof Value) return results[0];
    let at = 0;
    return mapTree(result, (leaf) => (leaf instanceof Value ? results[at++] : leaf));
  };
  return { trace, graph, weights: [...trace.weights.keys()], inputs, rebuild };
}

/** Refuses functions that read values which another function is (or was) traced with. */
function checkClosed(graph: Graph): void {
  const own = new Set(graph.inputs);
  const stranger = nodesOf(graph).find((n) => n.kind === 'input' && !own.has(n.outputs[0] as Value));
  if (stranger === undefined) return;
  const found = inputName(stranger.outputs[0] as Value);
  throw new ConfigError(
    `${graph.name}: the function reads "${found}", a value of another function. Values live as long as their function ` +
      'is traced: pass tensors as arguments, and return what is needed afterwards.',
    { op: graph.name, received: found },
  );
}
