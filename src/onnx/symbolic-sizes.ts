/**
 * Unknown sizes in a model whose graphs are static. The same graph is emitted at several sizes; what differs between the
 * emissions must be a linear function of the sizes, and becomes a symbol or is computed from the inputs' shapes.
 */
import { isDeepStrictEqual } from 'node:util';
import { dtypeFromOnnx, type TensorData, viewOf } from '../core/dtype.ts';
import { sizeOf } from '../core/shape.ts';
import { Tensor } from '../core/tensor.ts';
import { ConfigError } from '../errors.ts';
import type { DimProto, GraphProto, NodeProto, TensorProto, TypeProto, ValueInfoProto } from './proto.ts';
import { protoFromTensor } from './tensors.ts';

/** An unknown size: its name, and the input of which it is an axis. */
export interface SizeSymbol {
  readonly name: string;
  readonly input: string;
  readonly axis: number;
}

/** Primes: large, so that nothing of such a size is folded into a constant, and unlikely to occur by themselves. */
const standIns = [4099, 4217, 4337] as const;

/** The sizes at which a graph with `count` symbols is to be emitted: a base, each symbol moved, and all moved again. */
export function standInSizes(count: number): number[][] {
  const at = (size: (symbol: number) => number): number[] => Array.from({ length: count }, (_, k) => size(k));
  const base = (k: number): number => standIns[0] + 840 * k;
  const moved = at((m) => m).map((m) => at((k) => base(k) + (k === m ? standIns[1] - standIns[0] : 0)));
  return [at(base), ...moved, at((k) => base(k) + standIns[2] - standIns[0])];
}

/** `offset + sum of factors[k] * size of symbol k`. */
interface Linear {
  readonly offset: number;
  readonly factors: readonly number[];
}

/** A constant that depends on the sizes. */
interface SizedConstant {
  readonly proto: TensorProto;
  readonly elements: readonly Linear[];
}

/**
 * One graph for all sizes, of emissions at {@link standInSizes}.
 * @throws {@link ConfigError} where the emissions differ in more than sizes
 */
export function withSymbols(emissions: readonly GraphProto[], symbols: readonly SizeSymbol[]): GraphProto {
  const reconciler = new Reconciler(symbols);
  const graph = reconciler.graph(emissions);
  const { nodes, initializers } = reconciler.prelude();
  return {
    ...graph,
    nodes: [...nodes, ...graph.nodes],
    initializers: [...initializers, ...graph.initializers],
  };
}

class Reconciler {
  readonly #symbols: readonly SizeSymbol[];
  readonly #sizes: readonly (readonly number[])[];
  /** Constants that depend on the sizes and must be computed when the model runs, by name. */
  readonly #computed = new Map<string, SizedConstant>();

  constructor(symbols: readonly SizeSymbol[]) {
    this.#symbols = symbols;
    this.#sizes = standInSizes(symbols.length);
  }

  graph(emissions: readonly GraphProto[]): GraphProto {
    const first = emissions[0] as GraphProto;
    const sized = new Map<string, SizedConstant>();
    const initializers = across(emissions, (g) => g.initializers).flatMap((protos) => {
      const found = this.#sizedConstant(protos);
      if (found === undefined) return [protos[0] as TensorProto];
      sized.set(found.proto.name, found);
      return [];
    });
    const nodes = across(emissions, (g) => g.nodes).map((same) => this.#node(same));
    const open = new Map<string, TensorProto>();
    return {
      ...first,
      nodes: nodes.map((node) => this.#withOpenShape(node, sized, open)),
      initializers: [...initializers, ...open.values()],
      inputs: across(emissions, (g) => g.inputs).map((infos) => this.#info(infos)),
      outputs: across(emissions, (g) => g.outputs).map((infos) => this.#info(infos)),
    };
  }

  /** Nodes and constants from which the computed constants come; they stand in front of all others. */
  prelude(): { readonly nodes: NodeProto[]; readonly initializers: TensorProto[] } {
    const nodes: NodeProto[] = [];
    const initializers: TensorProto[] = [];
    const add = (
      opType: string,
      inputs: string[],
      output: string,
      ints: Readonly<Record<string, number>> = {},
    ) => {
      const attributes = Object.entries(ints).map(([name, value]) => ({ name, type: 'int' as const, value }));
      nodes.push({ name: output, domain: '', opType, inputs, outputs: [output], attributes });
      return output;
    };
    const constant = (name: string, values: readonly number[]): string => {
      const data = BigInt64Array.from(values, BigInt);
      initializers.push(protoFromTensor(name, new Tensor('int64', [values.length], data)));
      return name;
    };
    const needed = [...this.#computed.values()].flatMap(({ elements }) => elements);
    for (const [k, { name, input, axis }] of this.#symbols.entries()) {
      if (needed.some(({ factors }) => factors[k] !== 0)) {
        add('Shape', [input], `size:${name}`, { start: axis, end: axis + 1 });
      }
    }
    for (const [name, { proto, elements }] of this.#computed) {
      let sum = constant(
        `${name}:offset`,
        elements.map(({ offset }) => offset),
      );
      for (const [k, symbol] of this.#symbols.entries()) {
        const factors = elements.map((e) => e.factors[k] as number);
        if (factors.every((f) => f === 0)) continue;
        const part = [`size:${symbol.name}`, constant(`${name}:factor${k}`, factors)];
        sum = add('Add', [sum, add('Mul', part, `${name}:part${k}`)], `${name}:sum${k}`);
      }
      const shaped = add('Reshape', [sum, constant(`${name}:shape`, proto.dims)], `${name}:whole`);
      add('Cast', [shaped], name, { to: proto.elementType });
    }
    return { nodes, initializers };
  }

  /** A constant whose elements follow the sizes; `undefined` for one that is the same in all emissions. */
  #sizedConstant(protos: readonly TensorProto[]): SizedConstant | undefined {
    const first = protos[0] as TensorProto;
    if (
      protos.every((p) => isDeepStrictEqual(p.dims, first.dims) && Buffer.compare(p.data, first.data) === 0)
    )
      return undefined;
    if (!protos.every((p) => isDeepStrictEqual(p.dims, first.dims)))
      throw dependent('a constant', first.dims);
    const elements = protos.map(elementsOf);
    const found = Array.from({ length: sizeOf(first.dims) }, (_, i) =>
      this.#linear(elements.map((data) => Number(data[i]))),
    );
    if (!found.every((e) => e !== undefined))
      throw dependent(
        'a constant',
        elements.map((e) => [...e]),
      );
    return { proto: first, elements: found };
  }

  #linear(values: readonly number[]): Linear | undefined {
    const [base, ...others] = this.#sizes as readonly [readonly number[], ...(readonly number[])[]];
    const start = values[0] as number;
    const factors = base.map(
      (size, k) => ((values[k + 1] as number) - start) / ((others[k]?.[k] as number) - size),
    );
    const at = (sizes: readonly number[]): number =>
      sizes.reduce((sum, size, k) => sum + size * (factors[k] as number), 0);
    const offset = start - at(base);
    const exact = factors.every(Number.isInteger) && Number.isInteger(offset);
    return exact && values.at(-1) === offset + at(others.at(-1) as readonly number[])
      ? { offset, factors }
      : undefined;
  }

  #node(same: readonly NodeProto[]): NodeProto {
    const first = same[0] as NodeProto;
    const attributes = across(same, (node) => node.attributes).map((attrs) => {
      const attribute = attrs[0] as NodeProto['attributes'][number];
      const graphs = attrs.flatMap((a) => (a.type === 'graph' ? [a.value] : []));
      if (attribute.type === 'graph') return { ...attribute, value: this.graph(graphs) };
      if (attrs.every((a) => isDeepStrictEqual(a, attribute))) return attribute;
      throw dependent(
        `"${attribute.name}" of node "${first.name}"`,
        attrs.map((a) => a.value),
      );
    });
    const plain = ({ opType, inputs, outputs }: NodeProto) => ({ opType, inputs, outputs });
    if (same.every((node) => isDeepStrictEqual(plain(node), plain(first)))) return { ...first, attributes };
    throw dependent(
      `node "${first.name}"`,
      same.map((node) => node.opType),
    );
  }

  /** Leaves the one unknown size of a `Reshape` open, as -1; all other constants of sizes will be computed. */
  #withOpenShape(
    node: NodeProto,
    sized: ReadonlyMap<string, SizedConstant>,
    open: Map<string, TensorProto>,
  ): NodeProto {
    const inputs = node.inputs.map((name, i) => {
      const constant = sized.get(name);
      if (constant === undefined) return name;
      const shape = node.opType === 'Reshape' && i === 1 ? openShape(constant) : undefined;
      if (shape === undefined) {
        this.#computed.set(name, constant);
        return name;
      }
      const data = BigInt64Array.from(shape, BigInt);
      open.set(name, protoFromTensor(`${name}:open`, new Tensor('int64', [shape.length], data)));
      return `${name}:open`;
    });
    return { ...node, inputs };
  }

  #info(infos: readonly ValueInfoProto[]): ValueInfoProto {
    const first = infos[0] as ValueInfoProto;
    const shapes = infos.map(({ type }) => (type?.kind === 'tensor' ? (type.shape ?? []) : []));
    if (first.type?.kind !== 'tensor') return first;
    const shape = across(shapes, (s) => s).map((dims) => this.#dim(dims));
    return { ...first, type: { ...first.type, shape } satisfies TypeProto };
  }

  #dim(dims: readonly DimProto[]): DimProto {
    const [first] = dims;
    if (typeof first === 'number' && dims.every((dim) => dim === first)) return first;
    const linear = this.#linear(dims.map(Number));
    const plain = linear?.offset === 0 && linear.factors.reduce((a, b) => a + b, 0) === 1;
    const symbol = plain && linear.factors.indexOf(1);
    return typeof symbol === 'number' ? (this.#symbols[symbol]?.name ?? null) : null;
  }
}

/** The shape with -1 for the one size that is not known; `undefined` where there are several, or empty axes. */
function openShape({ elements }: SizedConstant): number[] | undefined {
  const known = (e: Linear): boolean => e.factors.every((f) => f === 0);
  const shape = elements.map((e) => (known(e) ? e.offset : -1));
  return shape.filter((n) => n === -1).length === 1 && !shape.includes(0) ? shape : undefined;
}

/** What stands in the same place of each. */
function across<T, U>(all: readonly T[], list: (one: T) => readonly U[]): U[][] {
  const lists = all.map(list);
  const first = lists[0] as readonly U[];
  if (lists.some(({ length }) => length !== first.length)) {
    throw dependent(
      'the number of steps',
      lists.map(({ length }) => length),
    );
  }
  return first.map((_, i) => lists.map((l) => l[i] as U));
}

function elementsOf({ dims, elementType, data }: TensorProto): TensorData {
  return viewOf(dtypeFromOnnx(elementType), data.buffer, data.byteOffset, sizeOf(dims));
}

function dependent(what: string, received: unknown): ConfigError {
  const text = JSON.stringify(received, (_key, v: unknown) => (typeof v === 'bigint' ? Number(v) : v));
  return new ConfigError(
    `export: ${what} depends on the batch size in a way that no ONNX file for all sizes has: ${text.slice(0, 120)}. ` +
      'Export for one size: { batchSize: 1 }.',
    { op: 'export', argument: 'batchSize' },
  );
}
