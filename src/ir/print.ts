import { formatType } from '../core/shape.ts';
import { Tensor } from '../core/tensor.ts';
import { type Graph, inputName, nodesOf, type Value } from './graph.ts';

/**
 * Stable text of a graph, one line a node:
 * `%3: float32[32,10] = matmul(%x, %2) {transposeA: true}`.
 */
export function printGraph(graph: Graph): string {
  const names = new Map<Value, string>();
  const lines: string[] = [];
  for (const value of graph.inputs) names.set(value, `%${inputName(value)}`);
  const head = graph.inputs.map((v) => `${names.get(v)}: ${formatType(v.type)}`).join(',\n  ');
  let next = 0;
  for (const node of nodesOf(graph)) {
    if (node.kind === 'input') continue;
    for (const value of node.outputs) names.set(value, `%${next++}`);
    const left = node.outputs.map((v) => `${names.get(v)}: ${formatType(v.type)}`).join(', ');
    const args = node.inputs.map((v) => (v === undefined ? '_' : (names.get(v) ?? '%?'))).join(', ');
    lines.push(`  ${left} = ${node.name}(${args})${formatAttrs(node.attrs)}`);
  }
  const tail = graph.outputs.map((o) => `${o.name}: ${names.get(o.value)}`).join(', ');
  return `${graph.name}(\n  ${head}\n) {\n${lines.join('\n')}\n  return ${tail}\n}\n`;
}

function formatAttrs(attrs: Readonly<Record<string, unknown>>): string {
  const entries = Object.entries(attrs).filter(([, v]) => v !== undefined);
  return entries.length === 0 ? '' : ` {${entries.map(([k, v]) => `${k}: ${formatAttr(v)}`).join(', ')}}`;
}

function formatAttr(value: unknown): string {
  if (value instanceof Tensor) {
    const shown = value.data.subarray(0, 8).join(', ');
    return `[${shown}${value.size > 8 ? `, ... ${value.size} in all` : ''}]`;
  }
  if (value !== null && typeof value === 'object' && 'outputs' in value) {
    return printGraph(value as Graph)
      .trimEnd()
      .replaceAll('\n', '\n  ');
  }
  return Array.isArray(value) ? `[${value.map(formatAttr).join(', ')}]` : formatPlain(value);
}

/** As JSON, but for the numbers that JSON has no word for. */
const formatPlain = (value: unknown): string =>
  typeof value === 'number' ? `${value}` : JSON.stringify(value);
