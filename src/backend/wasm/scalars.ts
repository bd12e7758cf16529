import { isFloat } from '../../core/dtype.ts';
import { constantOf, type Node, topologicalOrder, type Value } from '../../ir/graph.ts';
import { type NDArray, normalize } from '../../ir/ndarray.ts';
import { byName } from '../../ir/op.ts';

/** Computes the values, in order, from the inputs, in order; the array is reused by the next call. */
export type ScalarProgram = (inputs: readonly number[]) => Float64Array;

/**
 * Compiles scalar expressions to a straight line of calls of the ops' float64 references.
 * @param outputs - values of one element that depend on `inputs` and constants only
 */
export function compileScalars(outputs: readonly Value[], inputs: readonly Value[]): ScalarProgram {
  const cells = new Map<Value, NDArray>();
  const cell = (value: Value): NDArray => {
    const known = cells.get(value);
    if (known !== undefined) return known;
    const data = Float64Array.of(Number(constantOf(value)?.data[0] ?? 0));
    const made = { ...value.type, data };
    cells.set(value, made);
    return made;
  };
  const steps = topologicalOrder(outputs).flatMap((node) => compileStep(node, cell));
  const sources = inputs.map((value) => cell(value).data);
  const targets = outputs.map((value) => cell(value).data);
  const results = new Float64Array(outputs.length);
  return (values) => {
    for (let i = 0; i < sources.length; i++) (sources[i] as Float64Array)[0] = values[i] as number;
    for (const step of steps) step();
    for (let i = 0; i < targets.length; i++) results[i] = (targets[i] as Float64Array)[0] as number;
    return results;
  };
}

function compileStep(node: Node, cell: (value: Value) => NDArray): (() => void)[] {
  const { kind, attrs, inputs, outputs } = node;
  if (typeof kind === 'string') return [];
  const named = byName(
    kind,
    inputs.map((v) => v && cell(v)),
    (array) => array,
  );
  const types = outputs.map((y) => y.type);
  const targets = outputs.map(cell);
  const run = (): void => {
    const raw = kind.reference(named, attrs, types);
    for (let i = 0; i < targets.length; i++) {
      const { dtype, data } = targets[i] as NDArray;
      const result = raw[i] as Float64Array;
      data[0] = (isFloat(dtype) ? result : normalize(dtype, result))[0] as number;
    }
  };
  return [run];
}
