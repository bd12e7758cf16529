import { Tensor } from '../core/tensor.ts';
import { constant, type Value } from '../ir/graph.ts';
import type { OnnxNode } from '../ir/onnx-node.ts';
import { hardSigmoid, softsign } from './activation.ts';
import { cast } from './cast.ts';
import { clip, relu } from './clip.ts';
import { less } from './compare.ts';
import { split } from './concat.ts';
import { zeros } from './indices.ts';
import { recurrent } from './recurrent.ts';
import { gatesOf, joinDirections, type RecurrentKind, statesOf, unfoldRecurrent } from './recurrent-steps.ts';
import { squeeze, transpose } from './shape.ts';
import { sigmoid, softplus, tanh } from './unary.ts';

/** Activations that need no numbers of their own. */
const activations: Readonly<Record<string, (x: Value) => Value>> = {
  sigmoid,
  tanh,
  relu,
  softplus,
  softsign,
  hardsigmoid: (x) => hardSigmoid(x, 0.2, 0.5),
};
const usual: Readonly<Record<RecurrentKind, readonly string[]>> = {
  RNN: ['Tanh'],
  GRU: ['Sigmoid', 'Tanh'],
  LSTM: ['Sigmoid', 'Tanh', 'Tanh'],
};

/** Whether each direction is reversed. */
const directions: Readonly<Record<string, readonly boolean[]>> = {
  forward: [false],
  reverse: [true],
  bidirectional: [false, true],
};

/** Reads ONNX's LSTM, GRU and RNN, in all directions; the usual ones stay what they are. */
export function readRecurrent(kind: RecurrentKind): (node: OnnxNode) => readonly Value[] {
  return (node) => {
    for (const name of ['activation_alpha', 'activation_beta']) {
      if (node.has(name)) node.unsupported(`the attribute "${name}" is not supported`);
    }
    if (node.int('input_forget', 0) !== 0) node.unsupported('coupled gates are not supported');
    const batchFirst = node.int('layout', 0) === 1;
    const x = batchFirst ? transpose(node.input(0), [1, 0, 2]) : node.input(0);
    const direction = node.string('direction', 'forward');
    const reversed = directions[direction] ?? node.unsupported(`the direction "${direction}" is not known`);
    const names = node.strings(
      'activations',
      reversed.flatMap(() => usual[kind]),
    );
    const count = usual[kind].length;
    const runs = reversed.map((reverse, i) =>
      readDirection(node, kind, x, {
        index: i,
        reverse,
        batchFirst,
        names: names.slice(i * count, (i + 1) * count),
      }),
    );
    const joined = joinDirections(runs);
    if (!batchFirst) return joined;
    return joined.map((v, i) => transpose(v, i === 0 ? [2, 0, 1, 3] : [1, 0, 2]));
  };
}

interface Direction {
  readonly index: number;
  readonly reverse: boolean;
  readonly batchFirst: boolean;
  readonly names: readonly string[];
}

function readDirection(
  node: OnnxNode,
  kind: RecurrentKind,
  x: Value,
  { index, reverse, batchFirst, names }: Direction,
): readonly Value[] {
  const part = (v: Value | undefined, axis = 0): Value | undefined =>
    v && squeeze(split(v, v.shape[axis] as number, axis)[index] as Value, [axis]);
  const [w, r] = [part(node.input(1)), part(node.input(2))] as [Value, Value];
  const [batch, units] = [x.shape[1] as number, r.shape[1] as number];
  const state = (position: number): Value =>
    part(node.inputs[position], batchFirst ? 1 : 0) ?? zeros([batch, units], x.dtype);
  const states = [5, 6].slice(0, statesOf[kind]).map(state);
  const given = part(node.inputs[3]);
  const lengths = node.inputs[4];
  const p = part(node.inputs[7]);
  const linearBeforeReset = node.int('linear_before_reset', 0) === 1;
  const isUsual = names.every((name, i) => name === usual[kind][i]) && !node.has('clip');
  if (isUsual && !lengths && !p) {
    const b = given ?? zeros([2 * gatesOf[kind] * units], x.dtype);
    return recurrent({ x, w, r, b, states }, { kind, reverse, linearBeforeReset });
  }
  const rules = { kind, linearBeforeReset, activations: names.map((name) => activationOf(node, name)) };
  const counts = lengths && stepsWithin(x.shape[0] as number, lengths);
  return unfoldRecurrent(rules, x, { w, r, b: given, p }, states, { reverse, counts });
}

function activationOf(node: OnnxNode, name: string): (x: Value) => Value {
  const f = activations[name.toLowerCase()];
  if (f === undefined) return node.unsupported(`the activation "${name}" is not supported`);
  if (!node.has('clip')) return f;
  const limit = node.float('clip');
  return (x) => f(clip(x, -limit, limit));
}

/** `[steps, batch]`: whether a step lies within each sample's length. */
function stepsWithin(steps: number, lengths: Value): Value {
  const numbers = new Tensor(
    'int64',
    [steps, 1],
    BigInt64Array.from({ length: steps }, (_, t) => BigInt(t)),
  );
  return less(constant(numbers), cast(lengths, 'int64'));
}
