import { type Graph, input, topologicalOrder, type Value } from '../ir/graph.ts';
import type { OnnxNode, Subgraph } from '../ir/onnx-node.ts';
import { substitute } from '../ir/substitute.ts';
import { choose } from './cond.ts';

/** ONNX types that choose what is computed. */
export const controlReaders: Readonly<Record<string, (node: OnnxNode) => readonly Value[]>> = {
  If: readIf,
};

/** The branch that is taken, where the condition is known when the graph is built; a choice at run time elsewhere. */
function readIf(node: OnnxNode): readonly Value[] {
  const isFed = topologicalOrder([node.input(0)]).some(({ kind }) => kind === 'input');
  if (isFed) return readChoice(node);
  const condition = node.constant(0) ?? node.unsupported('a missing condition');
  return node.inline(Number(condition.data[0]) === 0 ? 'else_branch' : 'then_branch');
}

/** Both branches as graphs of what either of them reads. */
function readChoice(node: OnnxNode): readonly Value[] {
  const [then, otherwise] = [node.graph('then_branch', []), node.graph('else_branch', [])];
  const outer = [...new Set([...then.outer, ...otherwise.outer])];
  const inputs = outer.map((value, i) => input(`x${i}`, value.type));
  const graph = ({ body, outer: read }: Subgraph): Graph => {
    const leaves = body.inputs.map(
      (leaf, i) => [leaf, inputs[outer.indexOf(read[i] as Value)] as Value] as const,
    );
    const values = substitute(
      body.outputs.map(({ value }) => value),
      new Map(leaves),
    );
    const outputs = body.outputs.map(({ name }, i) => ({ name, value: values[i] as Value }));
    return { name: body.name, inputs, outputs };
  };
  return choose(node.input(0), graph(then), graph(otherwise), outer);
}
