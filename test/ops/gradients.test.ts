import { beforeAll, describe, test } from '@jest/globals';
import type { Backend } from '../../src/backend/backend.ts';
import { getBackend } from '../../src/backend/registry.ts';
import { isFloat } from '../../src/core/dtype.ts';
import type { Tensor } from '../../src/core/tensor.ts';
import { gradient } from '../../src/ir/autodiff.ts';
import { constant, inputName, type Value } from '../../src/ir/graph.ts';
import { interpret } from '../../src/ir/interpret.ts';
import { type NDArray, toNDArray } from '../../src/ir/ndarray.ts';
import { opTable } from '../../src/ir/op.ts';
import { add, cast, mul, reduceSum } from '../../src/ops/index.ts';
import { expectClose, type Tolerance } from '../helpers/close.ts';
import {
  casesOf,
  differentiableInputs,
  evaluateGraph,
  feedsOf,
  graphOf,
  normalTensor,
  type OpCase,
} from '../helpers/op-samples.ts';

/** Central differences in float64 against rules whose constants are rounded to float32. */
const differences: Tolerance = { rtol: 1e-5, atol: 1e-6 };
const native: Tolerance = { rtol: 1e-3, atol: 1e-4 };
const step = 1e-5;

/** What is differentiated, and the gradients of it: `scalar` is the op's results, or gradients, times random numbers. */
interface Differentiated {
  readonly label: string;
  readonly case: OpCase;
  readonly scalar: Value;
  readonly wrt: readonly Value[];
  readonly gradients: readonly (Value | undefined)[];
}

/** `sum_i <values_i, random_i>`; `undefined` where there is nothing to differentiate. */
function project(values: readonly (Value | undefined)[], { random }: OpCase): Value | undefined {
  return values
    .filter((value) => value !== undefined && isFloat(value.dtype))
    .map((value) => value as Value)
    .map((value) => reduceSum(mul(value, cast(constant(normalTensor(random, value.shape)), value.dtype))))
    .reduce<Value | undefined>((sum, term) => (sum === undefined ? term : add(sum, term)), undefined);
}

function differentiate(c: OpCase): Differentiated[] {
  const wrt = differentiableInputs(c.node);
  const found: Differentiated[] = [];
  let values: readonly (Value | undefined)[] = c.node.outputs;
  for (let order = 1; order <= c.order && wrt.length > 0; order++) {
    const scalar = project(values, c);
    if (scalar === undefined) break;
    const gradients = gradient(scalar, wrt);
    found.push({ label: `${c.label}, order ${order}`, case: c, scalar, wrt, gradients });
    values = gradients;
  }
  return found;
}

/** Compares each gradient, along one random direction, with the central difference of the scalar. */
function checkDifferences({ label, case: c, scalar, wrt, gradients }: Differentiated): void {
  const at = new Map([...c.feeds].map(([value, tensor]) => [value, toNDArray(tensor)]));
  wrt.forEach((value, i) => {
    const direction = toNDArray(normalTensor(c.random, value.shape)).data;
    const numeric = (shifted(1) - shifted(-1)) / (2 * step);
    const known = gradients[i];
    const slope = known === undefined ? 0 : dot((interpret([known], at)[0] as NDArray).data, direction);
    expectClose(
      [slope],
      [numeric],
      differences,
      `${label}: gradient of "${inputName(value)}" along a direction`,
    );

    function shifted(sign: number): number {
      const x = at.get(value) as NDArray;
      const moved = { ...x, data: x.data.map((v, k) => v + sign * step * (direction[k] as number)) };
      return (interpret([scalar], new Map([...at, [value, moved]]))[0] as NDArray).data[0] as number;
    }
  });
}

const dot = (a: Float64Array, b: Float64Array): number =>
  a.reduce((sum, v, i) => sum + v * (b[i] as number), 0);

const ops = [...opTable.values()].filter((op) => op.vjp !== 'nondifferentiable');

describe.each(ops.map((op) => [op.name, op] as const))('%s', (_name, op) => {
  let backend: Backend;
  const cases = casesOf(op);
  let derived: Differentiated[];

  beforeAll(async () => {
    backend = await getBackend();
    derived = cases.flatMap(differentiate);
  });

  test('gradients equal central differences', () => {
    for (const one of derived) checkDifferences(one);
  });

  test('gradients run natively', async () => {
    const found = derived.flatMap(({ label, wrt, gradients }) =>
      gradients.flatMap((value, i) =>
        value ? [{ value, label: `${label}: gradient of "${inputName(wrt[i] as Value)}"` }] : [],
      ),
    );
    if (found.length === 0) return;
    const graph = graphOf(
      op.name,
      cases,
      found.map((f) => f.value),
    );
    const feeds: Tensor[] = feedsOf(graph, cases);
    const executable = await backend.compile(graph, { threads: 1 });
    const actual = await executable.run(feeds).finally(() => executable.dispose());
    evaluateGraph(graph, feeds).forEach(({ data }, i) => {
      expectClose(actual[i]?.data ?? [], data, native, found[i]?.label ?? '');
    });
  });
});
