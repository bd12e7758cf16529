import { isFloat } from '../core/dtype.ts';
import { Tensor } from '../core/tensor.ts';
import { constantOf, type Graph, topologicalOrder, type Value } from '../ir/graph.ts';
import type { Compiled } from './compile.ts';
import { compileGraph, type Step } from './step.ts';

/**
 * Where the numbers of a training step first went wrong, in words: its loss is not finite. The step is gone through once
 * more with every value in sight, on the same batch and weights, so it must not have updated these yet.
 */
export async function explainNonFinite(step: Step, compiled: Compiled): Promise<string> {
  const { graph, outputs } = step.step;
  const loss = graph.outputs[outputs.gradients.length + outputs.updates.length]?.value as Value;
  const feeds = feedsOf(step);
  const wrong = await nonFiniteValues(graph, loss, feeds, compiled);
  if (!wrong.has(loss))
    return 'A step before it in the same run of several steps made weights that are not finite.';
  const value = originOf(loss, wrong);
  const { node } = value;
  if (node.kind !== 'input') {
    return (
      `It was first so in ${node.scope || 'the model'}: the inputs of "${node.name}" there are finite, its result is ` +
      `${describe(wrong.get(value))}. ${advice}`
    );
  }
  const weights = step.step.inputs.weights.filter((_, i) => !allFinite(feeds[i]));
  const last = weights.at(-1);
  if (last === undefined)
    return `The data of the batch has ${describe(wrong.get(value))}. Replace or drop it.`;
  return (
    `The weight "${last.path}" is not finite: an earlier step made it so, whose loss still was finite but whose ` +
    `gradient or update was not. Look there and in the layers that follow. ${advice}`
  );
}

/** Where what is wrong with a value began. */
function originOf(value: Value, wrong: ReadonlyMap<Value, number>): Value {
  let origin = value;
  for (
    let before: Value | undefined = value;
    before;
    before = origin.node.inputs.find((v) => v && wrong.has(v))
  )
    origin = before;
  return origin;
}

const advice =
  'Look for log, sqrt, division or exp of values out of range; lower the learning rate, or clip gradients (clipNorm).';

/** Weights and the first batch whose loss is not finite, in the order of the graph's inputs. */
function feedsOf({ step, memory, repeats }: Step): Tensor[] {
  const batch = Math.max(0, memory.losses[0]?.findIndex((loss) => !Number.isFinite(loss)) ?? 0);
  const arrays = memory.inputs.map((array) => {
    const length = array.length / repeats;
    return array.subarray(batch * length, (batch + 1) * length);
  });
  const data = [...step.inputs.weights.map((weight) => weight.storage.data), ...arrays];
  return step.graph.inputs.map(({ dtype, shape }, i) => new Tensor(dtype, shape, data[i] as Tensor['data']));
}

/** The values that lead to `loss` and are not finite, each with a number of it that is not. */
async function nonFiniteValues(
  graph: Graph,
  loss: Value,
  feeds: readonly Tensor[],
  compiled: Compiled,
): Promise<ReadonlyMap<Value, number>> {
  const used = new Set([loss, ...topologicalOrder([loss]).flatMap((node) => node.inputs)]);
  const computed = [...used].filter(
    (value): value is Value =>
      value !== undefined && typeof value.node.kind !== 'string' && isFloat(value.dtype),
  );
  const outputs = computed.map((value, i) => ({ name: `value${i}`, value }));
  const executable = await compileGraph({ ...graph, outputs }, compiled);
  try {
    const tensors = [...(await executable.run(feeds)), ...feeds];
    const wrong = [...computed, ...graph.inputs].flatMap((value, i) => {
      const found = firstWrong(tensors[i]);
      return found === undefined || isMask(value, found) ? [] : [[value, found] as const];
    });
    return new Map(wrong);
  } finally {
    executable.dispose();
  }
}

/** Infinity that was put there on purpose, as masks do. */
const isMask = ({ node }: Value, found: number): boolean =>
  !Number.isNaN(found) && node.inputs.some((v) => v && !allFinite(constantOf(v)));

function firstWrong(t: Tensor | undefined): number | undefined {
  if (t === undefined || !isFloat(t.dtype)) return undefined;
  const data = t.data as Float32Array;
  return data.find(Number.isNaN) ?? data.find((v) => !Number.isFinite(v));
}

const allFinite = (t: Tensor | undefined): boolean => firstWrong(t) === undefined;

const describe = (found: number | undefined): string =>
  Number.isNaN(found) ? 'not a number (NaN)' : 'infinite';
