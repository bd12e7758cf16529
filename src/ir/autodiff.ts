import { isFloat } from '../core/dtype.ts';
import { atOnce, type Pieces } from '../core/event-loop.ts';
import { formatType, sameShape } from '../core/shape.ts';
import { ShapeError } from '../errors.ts';
import { algebra } from './algebra.ts';
import { inScope, type Node, topologicalOrder, type Value } from './graph.ts';
import { byName, inputSpecAt } from './op.ts';

/**
 * Gradients of a scalar with respect to values, as new nodes of the same graph: reverse-mode differentiation.
 *
 * Only nodes on a path from a value of `wrt` to `loss` are visited, so no gradient is built that nobody asked for.
 * @param loss - scalar, or any shape when `seed` is given
 * @param seed - cotangent of `loss`; ones by default
 * @returns one value per entry of `wrt`, or `undefined` where `loss` does not depend on it differentiably
 */
export const gradient = (loss: Value, wrt: readonly Value[], seed?: Value): (Value | undefined)[] =>
  atOnce(differentiating(loss, wrt, seed));

/** {@link gradient} in pieces. */
export function* differentiating(
  loss: Value,
  wrt: readonly Value[],
  seed?: Value,
): Pieces<(Value | undefined)[]> {
  if (seed === undefined && loss.rank !== 0) {
    throw new ShapeError(
      `gradient: the loss must be a scalar. Received ${formatType(loss.type)}; reduce it first.`,
      {
        op: 'gradient',
        expected: 'a scalar',
        received: formatType(loss.type),
      },
    );
  }
  const order = topologicalOrder([loss]);
  const active = dependents(order, new Set(wrt));
  const walk = new ReverseWalk();
  walk.accumulate(loss, seed ?? algebra().fill(loss, 1));
  for (let i = order.length - 1; i >= 0; i--) {
    const node = order[i] as Node;
    if (!active.has(node)) continue;
    inScope(gradientScope(node), () => walk.visit(node, active, wrt));
    yield;
  }
  return wrt.map((value) => walk.cotangent(value));
}

const gradientScope = (node: Node): string =>
  node.scope.endsWith('(gradient)') ? node.scope : `${node.scope}(gradient)`;

/** Nodes that differentiably depend on one of `sources`. */
function dependents(order: readonly Node[], sources: ReadonlySet<Value>): Set<Node> {
  const active = new Set<Node>();
  for (const node of order) {
    const { kind } = node;
    if (typeof kind === 'string' || kind.vjp === 'nondifferentiable') continue;
    const reached = node.inputs.some(
      (value, i) =>
        value !== undefined &&
        isFloat(value.dtype) &&
        inputSpecAt(kind, i).spec.differentiable &&
        (sources.has(value) || active.has(value.node)),
    );
    if (reached) active.add(node);
  }
  return active;
}

class ReverseWalk {
  /** What has come in for each value; one entry once it has been summed. */
  readonly #cotangents = new Map<Value, Value[]>();

  /** The cotangent of a value whose users have all been visited. */
  cotangent(value: Value): Value | undefined {
    const parts = this.#cotangents.get(value);
    if (parts !== undefined && parts.length > 1) parts.splice(0, parts.length, algebra().sum(parts));
    return parts?.[0];
  }

  /** Adds to the cotangent of `value`, summing broadcast axes down. */
  accumulate(value: Value, cotangent: Value): void {
    const fitted = sameShape(cotangent.shape, value.shape)
      ? cotangent
      : algebra().sumTo(cotangent, value.shape);
    const parts = this.#cotangents.get(value);
    if (parts === undefined) this.#cotangents.set(value, [fitted]);
    else parts.push(fitted);
  }

  /** Sends the cotangents of a node's results to those of its inputs that need them. */
  visit(node: Node, active: ReadonlySet<Node>, wrt: readonly Value[]): void {
    const { kind, inputs, attrs } = node;
    if (typeof kind === 'string' || kind.vjp === 'nondifferentiable') return;
    const dys = node.outputs.map((y) => this.cotangent(y) ?? null);
    if (dys.every((dy) => dy === null)) return;
    const named = byName(kind, inputs, (v) => v);
    const answers = kind.vjp(named, dys, attrs, node.outputs) as Readonly<
      Record<string, Value | null | readonly (Value | null)[]>
    >;
    let at = 0;
    for (const [name, spec] of Object.entries(kind.inputs)) {
      const count = spec.variadic ? inputs.length - at : 1;
      const answer = spec.differentiable ? answers[name] : null;
      const list = Array.isArray(answer) ? (answer as (Value | null)[]) : [answer as Value | null];
      for (let k = 0; k < count; k++) {
        const value = inputs[at + k];
        const cotangent = list[k];
        if (value && cotangent && (active.has(value.node) || wrt.includes(value)))
          this.accumulate(value, cotangent);
      }
      at += count;
    }
  }
}
