import { nearest } from '../core/registry.ts';
import { ConfigError } from '../errors.ts';
import { type Node, topologicalOrder, type Value } from '../ir/graph.ts';
import type { Layer } from '../layers/layer.ts';
import { currentTrace } from '../layers/trace.ts';
import { type Lifted, lift } from './lift.ts';

/**
 * What happens inside a model, by name: outputs of layers, at any depth (`encoder/dense_1`), what enters their
 * activation (`dense/preActivation`), and results of single ops (`dense/matmul`, the second one `dense/matmul_1`).
 */
export const probe: Lifted<
  [layer: Layer, x: Value | readonly Value[], names: readonly string[]],
  Readonly<Record<string, Value>>
> = lift(
  (layer: Layer, x: Value | readonly Value[], names: readonly string[]) => {
    const results = layer.invoke('node' in x ? [x] : x, { training: false });
    const known = namedValues(results, `${layer.name}/`);
    return Object.fromEntries(names.map((name) => [name, known.get(name) ?? unknown(layer, name, known)]));
  },
  { name: 'probe' },
);

/** All values that have a name below `prefix`. */
function namedValues(results: readonly Value[], prefix: string): Map<string, Value> {
  const known = new Map<string, Value>();
  const below = (path: string): string => (path.startsWith(prefix) ? path.slice(prefix.length) : path);
  for (const node of topologicalOrder(results)) nameNode(node, below, known);
  for (const [path, values] of currentTrace('probe').outputs) {
    values.forEach((value, i) => {
      known.set(below(i === 0 ? path : `${path}:${i}`), value);
    });
  }
  return known;
}

function nameNode(node: Node, below: (path: string) => string, known: Map<string, Value>): void {
  if (typeof node.kind === 'string') return;
  const path = `${below(node.scope)}/${node.name}`;
  let name = path;
  for (let i = 1; known.has(name); i++) name = `${path}_${i}`;
  const [value] = node.outputs;
  if (value !== undefined) known.set(name, value);
}

function unknown(layer: Layer, name: string, known: ReadonlyMap<string, Value>): never {
  const hint = nearest(name, [...known.keys()]);
  throw new ConfigError(
    `model "${layer.name}" has nothing named "${name}". ${hint === undefined ? '' : `Did you mean "${hint}"? `}` +
      `Its layers: ${layer.sublayers.map((l) => l.name).join(', ')}.`,
    { op: 'probe', argument: 'names', received: name },
  );
}
