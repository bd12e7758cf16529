import { isFloat } from '../core/dtype.ts';
import { formatType } from '../core/shape.ts';
import { ConfigError, DtypeError, type TfkError } from '../errors.ts';
import { type Node, topologicalOrder, type Value } from '../ir/graph.ts';
import { inputSpecAt } from '../ir/op.ts';

/** Why `result` has no gradient with respect to a value: what stands between the two, and where. */
export function explainMissing(
  op: string,
  result: Value,
  { label, value }: { readonly label: string; readonly value: Value },
): TfkError {
  if (!isFloat(value.dtype)) {
    return new DtypeError(
      `${op}: ${label} is ${formatType(value.type)}; only floating point can be differentiated by. Convert it with ` +
        'tensor.cast("float32"), or leave it out of "wrt".',
      { op, argument: label, expected: 'float32 or float64', received: value.dtype },
    );
  }
  const blocking = findBlocking(result, value);
  if (blocking === undefined) {
    return new ConfigError(
      `${op}: the result does not depend on ${label}. Use it in the function, leave it out of "wrt", or ask for zeros ` +
        'with { unconnected: "zero" }.',
      { op, argument: label, expected: 'a result that depends on it' },
    );
  }
  const where = blocking.scope === '' ? '' : ` in ${blocking.scope}`;
  return new ConfigError(
    `${op}: no gradient reaches ${label}: the result depends on it only through "${blocking.name}"${where}, which has ` +
      'no derivative. Use a differentiable op there, or give it a gradient with customGradient().',
    { op, argument: label, received: blocking.name, layerPath: blocking.scope },
  );
}

/** The last node, on ways from `value` to `result`, at which differentiation ends. */
function findBlocking(result: Value, value: Value): Node | undefined {
  const reached = new Set<Node>([value.node]);
  const smooth = new Set<Node>([value.node]);
  let blocking: Node | undefined;
  for (const node of topologicalOrder([result])) {
    const from = (set: ReadonlySet<Node>, position: number): boolean => {
      const input = node.inputs[position];
      return input !== undefined && (input === value || (input.node !== value.node && set.has(input.node)));
    };
    const positions = node.inputs.map((_, i) => i);
    if (node === value.node || !positions.some((i) => from(reached, i))) continue;
    reached.add(node);
    if (positions.some((i) => from(smooth, i) && passes(node, i))) smooth.add(node);
    else if (positions.some((i) => from(smooth, i))) blocking = node;
  }
  return blocking;
}

/** Whether a gradient flows from a node's results to the input at `position`. */
function passes({ kind, inputs }: Node, position: number): boolean {
  if (typeof kind === 'string' || kind.vjp === 'nondifferentiable') return false;
  const dtype = inputs[position]?.dtype;
  return dtype !== undefined && isFloat(dtype) && inputSpecAt(kind, position).spec.differentiable;
}
