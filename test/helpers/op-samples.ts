import { isFloat } from '../../src/core/dtype.ts';
import { Random } from '../../src/core/random.ts';
import { sizeOf } from '../../src/core/shape.ts';
import { Tensor } from '../../src/core/tensor.ts';
import { type Attrs, type Graph, input, inputName, type Node, type Value } from '../../src/ir/graph.ts';
import { interpret } from '../../src/ir/interpret.ts';
import { fromNDArray, type NDArray, toNDArray } from '../../src/ir/ndarray.ts';
import { inputSpecAt, makeNode, type Op } from '../../src/ir/op.ts';
import type { SampleData } from '../../src/ir/samples.ts';

/** An example call of an op as nodes, with deterministic data for its inputs. */
export interface OpCase {
  readonly label: string;
  readonly node: Node;
  /** How many times it may be differentiated. */
  readonly order: 0 | 1 | 2;
  readonly feeds: ReadonlyMap<Value, Tensor>;
  readonly random: Random;
}

/** A sample as the engine sees it: names and attributes untyped. */
export type RawSample = Op['samples'][number];

/** Cases of all samples of an op. */
export const casesOf = (op: Op): OpCase[] => op.samples.map((sample, index) => caseOf(op, sample, index));

/** The case of one sample; throws what building it throws. */
export function caseOf(op: Op, sample: RawSample, index: number): OpCase {
  const random = new Random(7).split(op.name).split(index);
  const feeds = new Map<Value, Tensor>();
  const inputs = sampleInputs(op, sample).map(({ name, data }) => {
    if (data === undefined) return undefined;
    const { dtype, shape } = data;
    const value = input(`${index}.${name}`, { dtype, shape });
    feeds.set(value, fromNDArray({ dtype, shape, data: data.fill(random.split(name)) }));
    return value;
  });
  const node = makeNode(op, inputs, (sample.attrs ?? {}) as Attrs);
  return { label: `${op.name}, sample ${index}`, node, order: sample.order ?? 2, feeds, random };
}

/** Flat inputs of a sample in the op's order; variadic ones are numbered. */
export function sampleInputs(op: Op, sample: RawSample): { name: string; data: SampleData | undefined }[] {
  const given = sample.inputs as Readonly<Record<string, SampleData | readonly SampleData[] | undefined>>;
  return Object.keys(op.inputs).flatMap((name) => {
    const data = given[name];
    return data !== undefined && 'length' in data
      ? data.map((d, k) => ({ name: `${name}${k}`, data: d }))
      : [{ name, data }];
  });
}

/** One graph whose inputs are those of all cases, and whose outputs are `values`. */
export function graphOf(name: string, cases: readonly OpCase[], values: readonly Value[]): Graph {
  const inputs = cases.flatMap((c) => [...c.feeds.keys()]);
  return { name, inputs, outputs: values.map((value, i) => ({ name: `result${i}`, value })) };
}

/** The tensors that feed {@link graphOf}'s graph, or one read from its file. */
export function feedsOf(graph: Graph, cases: readonly OpCase[]): Tensor[] {
  const byName = new Map(
    cases.flatMap((c) => [...c.feeds].map(([value, t]) => [inputName(value), t] as const)),
  );
  return graph.inputs.map((value) => byName.get(inputName(value)) as Tensor);
}

/** Evaluates values in float64. */
export function evaluate(values: readonly Value[], feeds: ReadonlyMap<Value, Tensor>): NDArray[] {
  return interpret(values, new Map([...feeds].map(([value, tensor]) => [value, toNDArray(tensor)])));
}

/** Evaluates a whole graph in float64. */
export const evaluateGraph = (graph: Graph, feeds: readonly Tensor[]): NDArray[] =>
  evaluate(
    graph.outputs.map((output) => output.value),
    new Map(graph.inputs.map((value, i) => [value, feeds[i] as Tensor])),
  );

/** Inputs of a node that gradients flow into. */
export const differentiableInputs = ({ kind, inputs }: Node): Value[] =>
  typeof kind === 'string' || kind.vjp === 'nondifferentiable'
    ? []
    : inputs.filter(
        (value, i): value is Value =>
          value !== undefined && isFloat(value.dtype) && inputSpecAt(kind, i).spec.differentiable,
      );

/** Standard normal float32 numbers. */
export const normalTensor = (random: Random, shape: readonly number[]): Tensor =>
  new Tensor(
    'float32',
    shape,
    Float32Array.from({ length: sizeOf(shape) }, () => random.normal()),
  );
