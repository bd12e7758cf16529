import { type Graph, topologicalOrder, type Value } from '../ir/graph.ts';
import type { OnnxNode } from '../ir/onnx-node.ts';
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

function readChoice(node: OnnxNode): readonly Value[] {
  const [then, otherwise] = [node.graph('then_branch', []), node.graph('else_branch', [])];
  const inputs = [...then.body.inputs, ...otherwise.body.inputs];
  const graph = (body: Graph): Graph => ({ ...body, inputs });
  return choose(node.input(0), graph(then.body), graph(otherwise.body), [...then.outer, ...otherwise.outer]);
}
