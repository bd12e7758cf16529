import { sizeOf } from '../core/shape.ts';
import type { Tensor } from '../core/tensor.ts';
import { InternalError } from '../errors.ts';
import { type Node, topologicalOrder, type Value } from './graph.ts';
import { type NDArray, normalize, toNDArray } from './ndarray.ts';
import { byName } from './op.ts';

/**
 * Evaluates values with the ops' float64 references.
 * @param feeds - an array for every input leaf that `outputs` need
 */
export function interpret(outputs: readonly Value[], feeds: ReadonlyMap<Value, NDArray>): NDArray[] {
  const results = new Map<Value, NDArray>(feeds);
  for (const node of topologicalOrder(outputs)) runNode(node, results);
  return outputs.map((value) => results.get(value) as NDArray);
}

function runNode(node: Node, results: Map<Value, NDArray>): void {
  const { kind, outputs } = node;
  if (kind === 'constant') {
    results.set(outputs[0] as Value, toNDArray(node.attrs.value as Tensor));
  } else if (kind === 'input') {
    if (!results.has(outputs[0] as Value))
      throw new InternalError(`input "${String(node.attrs.name)}" was not fed.`);
  } else {
    const named = byName(kind, node.inputs, (v) => results.get(v) as NDArray);
    const types = outputs.map((o) => o.type);
    const data = kind.reference(named, node.attrs, types);
    outputs.forEach((output, i) => {
      const raw = data[i] as Float64Array;
      if (raw.length !== sizeOf(output.shape)) {
        throw new InternalError(
          `reference of "${kind.name}" returned ${raw.length} elements for ${output.shape}.`,
        );
      }
      results.set(output, { ...output.type, data: normalize(output.dtype, raw) });
    });
  }
}
