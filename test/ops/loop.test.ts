import { describe, expect, test } from '@jest/globals';
import { getBackend } from '../../src/backend/registry.ts';
import { Random } from '../../src/core/random.ts';
import type { Tensor } from '../../src/core/tensor.ts';
import { gradient } from '../../src/ir/autodiff.ts';
import { input, nodesOf, topologicalOrder, type Value } from '../../src/ir/graph.ts';
import { interpret } from '../../src/ir/interpret.ts';
import { type NDArray, toNDArray } from '../../src/ir/ndarray.ts';
import { optimize } from '../../src/ir/passes.ts';
import { add, loop, matmul, mul, reduceSum, tanh } from '../../src/ops/index.ts';
import { expectClose } from '../helpers/close.ts';
import { normalTensor } from '../helpers/op-samples.ts';

const tolerance = { rtol: 1e-9, atol: 1e-12 };
const leaf = (name: string, shape: readonly number[]): Value => input(name, { dtype: 'float32', shape });

/** `h' = tanh(x + h w)` over a sequence, and a second state that no output shows. */
function network(options: { reverse?: boolean; unroll?: boolean }, steps = 4) {
  const [x, h, c, w] = [leaf('x', [steps, 2, 3]), leaf('h', [2, 3]), leaf('c', [2, 3]), leaf('w', [3, 3])];
  const scaled = mul(w, 0.5);
  const { states, outputs } = loop(
    ([before, sum], [entry]) => {
      const next = tanh(add(entry as Value, matmul(before as Value, scaled)));
      return { states: [next, add(mul(sum as Value, next), before as Value)], outputs: [next] };
    },
    [h, c],
    [x],
    options,
  );
  const random = new Random(3);
  const feeds = new Map([x, h, c, w].map((v) => [v, normalTensor(random, v.shape)] as const));
  return { leaves: [x, h, c, w], values: [...states, ...outputs], feeds };
}

const evaluate = (values: readonly Value[], feeds: ReadonlyMap<Value, Tensor>): NDArray[] =>
  interpret(values, new Map([...feeds].map(([v, t]) => [v, toNDArray(t)])));

const sumOf = (values: readonly Value[]): Value =>
  values.map((v) => reduceSum(mul(v, mul(v, v)))).reduce((a, b) => add(a, b));

/** Values, gradients, and gradients of those. */
function derived({ leaves, values }: ReturnType<typeof network>): Value[] {
  const first = gradient(sumOf(values), leaves) as Value[];
  return [...values, ...first, ...(gradient(sumOf(first), leaves) as Value[])];
}

describe.each([false, true])('a loop, reverse: %s', (reverse) => {
  test('is the same as a loop in the graph, with first and second derivatives', () => {
    const [unrolled, scanned] = [true, false].map((unroll) => network({ reverse, unroll }));
    if (unrolled === undefined || scanned === undefined) throw new Error('two networks');
    const expected = evaluate(derived(unrolled), unrolled.feeds);
    for (const [i, { shape, data }] of evaluate(derived(scanned), scanned.feeds).entries()) {
      expect(shape).toEqual(expected[i]?.shape);
      expectClose(data, expected[i]?.data ?? [], tolerance, `value ${i}`);
    }
  });

  test('runs natively, with its gradients', async () => {
    const { leaves, values, feeds } = network({ reverse, unroll: false });
    const results = [...values, ...(gradient(sumOf(values), leaves) as Value[])];
    const graph = optimize({
      name: 'loop',
      inputs: leaves,
      outputs: results.map((value, i) => ({ name: `out${i}`, value })),
    });
    const executable = await (await getBackend('onnxruntime')).compile(graph, { threads: 1 });
    const actual = await executable.run([...feeds.values()]).finally(() => executable.dispose());
    for (const [i, { data }] of evaluate(results, feeds).entries()) {
      expectClose(actual[i]?.data ?? [], data, { rtol: 1e-4, atol: 1e-5 }, `value ${i}`);
    }
  });
});

test('what is the same in every step is computed once, outside', () => {
  const { values } = network({ unroll: false });
  const [scan] = topologicalOrder(values).filter((node) => node.name === 'scan');
  const body = scan?.attrs.body as Parameters<typeof nodesOf>[0];
  expect(nodesOf(body).filter((node) => node.name === 'mul').length).toBe(1);
});

test('the gradient of a weight used in many steps is one product', () => {
  const { leaves, values } = network({ unroll: true }, 30);
  const [found] = gradient(reduceSum(values[0] as Value), [leaves[3] as Value]) as [Value];
  const graph = optimize({ name: 'g', inputs: leaves, outputs: [{ name: 'out', value: found }] });
  const products = nodesOf(graph).filter((node) => node.name === 'matmul' && node.attrs.transposeA);
  expect(products.length).toBe(1);
});
