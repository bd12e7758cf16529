import { type Shape, sameShape, sameType, sizeOf } from '../core/shape.ts';
import { algebra } from './algebra.ts';
import type { Node, Value } from './graph.ts';
import { byName, makeNode, type Op } from './op.ts';
import type { Rule } from './rewrite.ts';

/**
 * Moves transposes from the inputs of a node to its result, where they meet the next ones and cancel: the
 * channels-last API then costs nothing between channels-first kernels.
 */
export const sinkTransposes: Rule = (node) => {
  const { kind } = node;
  if (typeof kind === 'string' || node.outputs.length !== 1) return undefined;
  if (kind.elementwise) return sinkThroughElementwise(node, kind);
  const [first] = node.inputs;
  const permutation = first && permutationOf(first);
  if (permutation === undefined || kind.sinkTranspose === undefined) return undefined;
  // moving more elements than before is no gain
  if (sizeOf((node.outputs[0] as Value).shape) > sizeOf(first?.shape ?? [])) return undefined;
  const variadic = Object.values(kind.inputs)[0]?.variadic === true;
  const inputs = node.inputs.map((v, i) =>
    v !== undefined && (variadic || i === 0) ? beforeTranspose(v, permutation) : v,
  );
  if (variadic && inputs.includes(undefined)) return undefined;
  return kind.sinkTranspose(
    byName(kind, inputs, (v) => v),
    node.attrs,
    permutation,
  );
};

/** Drops broadcasts that an elementwise op does by itself, and computes on the small operands first. */
export const sinkBroadcasts: Rule = (node) => {
  const { kind } = node;
  if (typeof kind === 'string' || !kind.elementwise || node.outputs.length !== 1) return undefined;
  const output = node.outputs[0] as Value;
  const inner = node.inputs.map((v) => (v !== undefined && isBroadcast(v) ? v.node.inputs[0] : v));
  if (inner.every((v, i) => v === node.inputs[i])) return undefined;
  const small = makeNode(kind, inner, node.attrs).outputs[0] as Value;
  if (sameType(small.type, output.type)) return small;
  return sizeOf(small.shape) < sizeOf(output.shape) ? algebra().broadcastTo(small, output.shape) : undefined;
};

const permutationOf = ({ node }: Value): readonly number[] | undefined =>
  typeof node.kind === 'string' ? undefined : node.kind.permutation?.(node.attrs);

const isBroadcast = ({ node }: Value): boolean =>
  typeof node.kind !== 'string' && node.kind.broadcasts === true;

/** `v` as it was before being transposed by `permutation`; `undefined` where it was not. */
function beforeTranspose(v: Value, permutation: readonly number[]): Value | undefined {
  const found = permutationOf(v);
  return found !== undefined && sameShape(found, permutation) ? v.node.inputs[0] : undefined;
}

function sinkThroughElementwise(node: Node, kind: Op): Value | undefined {
  const { rank } = node.outputs[0] as Value;
  const permutation = node.inputs
    .map((v) => (v !== undefined && v.rank === rank ? permutationOf(v) : undefined))
    .find((p) => p !== undefined);
  if (permutation === undefined) return undefined;
  const inputs: (Value | undefined)[] = [];
  for (const v of node.inputs) {
    const inner = v && (beforeTranspose(v, permutation) ?? untransposeSmall(v, permutation));
    if (v !== undefined && inner === undefined) return undefined;
    inputs.push(inner);
  }
  return algebra().transpose(makeNode(kind, inputs, node.attrs).outputs[0] as Value, permutation);
}

/** Undoes `permutation` on an operand for which that is a mere reshape: at most one axis is longer than 1. */
function untransposeSmall(v: Value, permutation: readonly number[]): Value | undefined {
  const rank = permutation.length;
  const shape: Shape = [...new Array<number>(rank - v.rank).fill(1), ...v.shape];
  if (shape.filter((n) => n !== 1).length > 1) return undefined;
  if (sizeOf(shape) === 1) return v;
  const before = new Array<number>(rank);
  permutation.forEach((axis, i) => {
    before[axis] = shape[i] as number;
  });
  return algebra().reshape(v, before);
}
