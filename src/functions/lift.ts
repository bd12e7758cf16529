import { Tensor } from '../core/tensor.ts';
import { constant, type Value } from '../ir/graph.ts';
import { isTracing } from '../layers/trace.ts';
import { Program } from './program.ts';
import { type Concrete, type ConcreteAll, type MixedAll, mapTree, Pattern, Signature } from './tree.ts';

/** A function of graph values that takes tensors too: it then runs at once and gives tensors. */
export interface Lifted<A extends readonly unknown[], R> {
  (...args: ConcreteAll<A>): Concrete<R>;
  (...args: MixedAll<A>): R;
}

/** Programs kept for one function; the oldest goes when another signature comes. */
const programLimit = 256;

export interface LiftOptions {
  /** For messages and profiles. */
  readonly name: string;
  /** The function reads nothing but its arguments: on tensors alone it runs at once, even while another is traced. */
  readonly closed?: true;
}

/**
 * Makes a function of graph values work on tensors: it is traced once for each signature (types of the tensors, other
 * arguments as they are), compiled, and run on the calling thread. On graph values, and inside of another function that
 * is being traced, it is just called.
 */
export function lift<A extends readonly unknown[], R>(
  fn: (...args: A) => R,
  { name, closed }: LiftOptions,
): Lifted<A, R> {
  const programs = new Map<string, Program>();
  let last: { readonly pattern: Pattern; readonly program: Program } | undefined;
  const runsAtOnce = (tensors: readonly Tensor[]): boolean =>
    !isTracing() || (closed === true && tensors.length > 0);
  const lifted = (...args: A): unknown => {
    const alike = last?.pattern.tensorsOf(args);
    if (last !== undefined && alike !== undefined && runsAtOnce(alike)) return last.program.run(alike);
    const { key, tensors, symbolic } = new Signature(args);
    if (symbolic || !runsAtOnce(tensors)) {
      return fn(...(tensors.length > 0 ? (mapTree(args, asValue) as A) : args));
    }
    let program = programs.get(key);
    if (program === undefined) {
      program = new Program(fn as (...args: never[]) => unknown, args, name);
      programs.set(key, program);
      dropOldest(programs);
    }
    const pattern = Pattern.of(args);
    last = pattern && { pattern, program };
    return program.run(tensors);
  };
  // The overloads are the two branches above.
  return lifted as Lifted<A, R>;
}

const asValue = (leaf: Tensor | Value): Value => (leaf instanceof Tensor ? constant(leaf) : leaf);

function dropOldest(programs: Map<string, Program>): void {
  if (programs.size <= programLimit) return;
  const [oldest] = programs;
  if (oldest === undefined) return;
  programs.delete(oldest[0]);
  oldest[1].dispose();
}
