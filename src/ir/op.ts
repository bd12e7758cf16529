import type { DType } from '../core/dtype.ts';
import { formatType, type Shape, sizeOf, type TensorType } from '../core/shape.ts';
import { DtypeError, InternalError, type TfkError } from '../errors.ts';
import { type Attrs, currentScope, type Graph, Node, type Value } from './graph.ts';
import type { NDArray } from './ndarray.ts';
import type { OnnxNode } from './onnx-node.ts';
import type { SampleData } from './samples.ts';

/** One input of an op: which element types it takes and whether gradients flow into it. */
export interface InputSpec {
  readonly dtypes: readonly DType[];
  readonly differentiable: boolean;
  /** Any number of values; only the last input may be variadic. */
  readonly variadic?: true;
  readonly optional?: true;
}

export type Inputs = Readonly<Record<string, InputSpec>>;

/** `T` for each input by name: a list where variadic, possibly `undefined` where optional. */
export type Of<I extends Inputs, T> = {
  readonly [K in keyof I]: I[K] extends { variadic: true }
    ? readonly T[]
    : I[K] extends { optional: true }
      ? T | undefined
      : T;
};

/** What a gradient rule must answer: one cotangent (or `null`: zero) for every differentiable input, by name. */
export type Cotangents<I extends Inputs> = {
  readonly [K in keyof I as I[K]['differentiable'] extends true ? K : never]: I[K] extends { variadic: true }
    ? readonly (Value | null)[]
    : Value | null;
};

/** An ONNX attribute to be written. A whole `number` in `ints`/`int`; a graph becomes a subgraph. */
export type OnnxAttr =
  | { readonly int: number }
  | { readonly ints: readonly number[] }
  | { readonly float: number }
  | { readonly floats: readonly number[] }
  | { readonly string: string }
  /** `outer`: the values around the subgraph that stand for the graph's last inputs. */
  | { readonly graph: Graph; readonly outer?: readonly Operand[] };

/** An ONNX value during emission. */
export interface Operand {
  readonly name: string;
  readonly type: TensorType;
}

/** Writes ONNX nodes for one IR node. */
export interface Emit {
  /** `standard`: only ops of the ONNX standard. `runtime`: fused ops of ONNX Runtime too. */
  readonly target: 'standard' | 'runtime';
  /** Channels in a block of the runtime's blocked layout; `undefined` where its kernels are not to be used. */
  readonly channelBlock: number | undefined;
  /** Adds a node with one output and returns that output's name. `undefined` leaves an optional input out. */
  op(
    type: string,
    inputs: readonly (Operand | string | undefined)[],
    attrs?: Readonly<Record<string, OnnxAttr>>,
    domain?: string,
  ): string;
  /** Adds a node with `count` outputs; none may be left out. */
  many(
    type: string,
    inputs: readonly (Operand | string | undefined)[],
    attrs: Readonly<Record<string, OnnxAttr>>,
    count: number,
    domain?: string,
  ): string[];
  /** An initializer, shared by equal values. */
  constant(values: readonly number[], dtype: DType, shape?: Shape): string;
}

/** Instructions on four float32 lanes. A comparison gives a mask; `select` takes a mask, then both choices. */
export type SimdInstruction =
  | 'add'
  | 'sub'
  | 'mul'
  | 'div'
  | 'min'
  | 'max'
  | 'abs'
  | 'neg'
  | 'sqrt'
  | 'floor'
  | 'ceil'
  | 'nearest'
  | 'eq'
  | 'ne'
  | 'lt'
  | 'gt'
  | 'le'
  | 'ge'
  | 'and'
  | 'or'
  | 'xor'
  | 'not'
  | 'select';

/** Four lanes of a value in a SIMD kernel: numbers where `float32`, all-ones or all-zeros masks where `bool`. */
export interface Lanes {
  readonly dtype: DType;
}

/** Writes SIMD instructions for one IR node. */
export interface SimdEmit {
  op(instruction: SimdInstruction, ...operands: readonly Lanes[]): Lanes;
  /** One number in all lanes. */
  splat(value: number): Lanes;
}

/** Unbounded scores and how they become probabilities: a loss of the scores is exact where a probability saturates. */
export interface Logits {
  readonly x: Value;
  /** Axis along which the probabilities sum to 1 (softmax); left out where each is for itself (sigmoid). */
  readonly axis?: number;
}

/** Rows that are added up: `y[indices[i]] += rows[i]`; negative indices count from the end. */
export interface AddedRows {
  readonly indices: Value;
  readonly rows: Value;
}

/** Facts that passes may ask for; each op answers for itself. */
export interface Traits<I extends Inputs, A> {
  /** Each output element depends on the elements of the (broadcast) inputs at its own place only. */
  readonly elementwise?: true;
  readonly commutative?: true;
  /** An elementwise op of one input that never falls where its input rises: it may change places with a maximum. */
  readonly monotone?: true;
  /** An equivalent, simpler value, or `undefined`. `ys` are the node's own results. */
  readonly simplify?: (inputs: Of<I, Value>, attrs: A, ys: readonly Value[]) => Value | undefined;
  /** The op repeats its input along axes of size 1 and does nothing else. */
  readonly broadcasts?: true;
  /** The axis order where the op is nothing but a reordering of axes. */
  readonly permutation?: (attrs: A) => readonly number[];
  /**
   * The op applied to `transpose(x, permutation)`, written as a transpose (or less) of the op applied to `x`,
   * where the first input (or every value of a variadic one) is given as it was before the transpose.
   */
  readonly sinkTranspose?: (
    inputs: Of<I, Value>,
    attrs: A,
    permutation: readonly number[],
  ) => Value | undefined;
  /** Where the result is zeros onto whose rows others are added: which rows, and what. */
  readonly rows?: (inputs: Of<I, Value>) => AddedRows;
  /** What the result are the probabilities of, where the op turns scores into probabilities. */
  readonly logits?: (inputs: Of<I, Value>, attrs: A) => Logits;
  /** Multiplications and additions; one for each element where an elementwise op does not say, else none. */
  readonly flops?: (inputs: Of<I, TensorType>, attrs: A, y: TensorType) => number;
  /** The op on four float32 lanes; an op without it is not part of a WebAssembly kernel. */
  readonly simd?: (inputs: Of<I, Lanes>, attrs: A, emit: SimdEmit) => Lanes;
}

interface Common<I extends Inputs, A> extends Traits<I, A> {
  readonly name: string;
  readonly inputs: I;
  /** `attrs<{ axis: number }>()`; `noAttrs` where there are none. */
  readonly attrs: AttrsOf<A>;
  /** Example calls: the generated tests run them; random data is drawn from a fixed seed. */
  readonly samples: readonly Sample<I, NoInfer<A>>[];
  /** Calls that must be refused while the graph is built. */
  readonly errors?: readonly (Sample<I, NoInfer<A>> & {
    readonly throws: new (...args: never[]) => TfkError;
  })[];
  /** Readers of ONNX node types that become this op. */
  readonly onnx?: Readonly<Record<string, (node: OnnxNode) => Value | readonly Value[]>>;
}

/** An example call of an op. */
export type Sample<I extends Inputs, A> = {
  readonly inputs: Of<I, SampleData>;
  /** How many times the op is differentiated in tests; default 2. Use 1 at kinks. */
  readonly order?: 0 | 1 | 2;
} & (Record<never, never> extends A ? { readonly attrs?: A } : { readonly attrs: A });

/** An op with one result: everything there is to know about it, in one place. */
export interface OpDef<I extends Inputs, A> extends Common<I, A> {
  /** Result type; throws on shapes and attributes that make no sense. */
  readonly infer: (types: Of<I, TensorType>, attrs: A) => TensorType;
  readonly lower: (inputs: Of<I, Operand>, attrs: A, emit: Emit, y: TensorType) => string;
  /**
   * Cotangents of the inputs from the cotangent `dy` of the result `y`. A cotangent may have the broadcast shape;
   * the engine sums it down. `'nondifferentiable'` stops gradients.
   */
  readonly vjp:
    | ((inputs: Of<I, Value>, dy: Value, attrs: A, y: Value) => Cotangents<I>)
    | 'nondifferentiable';
  /** The definition in float64: oracle of the tests, constant folder. */
  readonly reference: (inputs: Of<I, NDArray>, attrs: A, y: TensorType) => Float64Array;
}

/** An op with several results. A cotangent is `null` where a result is unused. */
export interface MultiOpDef<I extends Inputs, A> extends Common<I, A> {
  readonly infer: (types: Of<I, TensorType>, attrs: A) => readonly TensorType[];
  readonly lower: (
    inputs: Of<I, Operand>,
    attrs: A,
    emit: Emit,
    ys: readonly TensorType[],
  ) => readonly string[];
  readonly vjp:
    | ((
        inputs: Of<I, Value>,
        dys: readonly (Value | null)[],
        attrs: A,
        ys: readonly Value[],
      ) => Cotangents<I>)
    | 'nondifferentiable';
  readonly reference: (
    inputs: Of<I, NDArray>,
    attrs: A,
    ys: readonly TensorType[],
  ) => readonly Float64Array[];
}

declare const attrsType: unique symbol;
/** Carries the type of an op's attributes. */
export interface AttrsOf<A> {
  readonly [attrsType]?: A;
}
/** Type of an op's attributes; their values are checked by `infer`. */
export const attrs = <A>(): AttrsOf<A> => ({});
/** An op without attributes. */
export const noAttrs: AttrsOf<Record<never, never>> = {};

/** Any op, as the engine sees it: several results, untyped names. */
export type Op = MultiOpDef<Inputs, Attrs>;

/** A defined op: callable through {@link apply} with checked names. */
export interface TypedOp<I extends Inputs, A> {
  readonly op: Op;
  readonly inputs?: I;
  readonly attrs?: AttrsOf<A>;
}

const table = new Map<string, Op>();
/** Every op that has been defined, by name. */
export const opTable: ReadonlyMap<string, Op> = table;

/** Defines an op with several results. */
export function defineMultiOp<const I extends Inputs, A>(def: MultiOpDef<I, A>): TypedOp<I, A> {
  // The engine calls an op only with the inputs and attributes that `apply` checked against `def`.
  const op = def as unknown as Op;
  if (table.has(def.name)) throw new InternalError(`op "${def.name}" is defined twice.`);
  table.set(def.name, op);
  return { op };
}

/** Defines an op with one result. */
export function defineOp<const I extends Inputs, A>(def: OpDef<I, A>): TypedOp<I, A> {
  const { infer, lower, vjp, reference } = def;
  return defineMultiOp<I, A>({
    ...def,
    infer: (types, attrs) => [infer(types, attrs)],
    lower: (inputs, attrs, emit, ys) => [lower(inputs, attrs, emit, ys[0] as TensorType)],
    vjp:
      vjp === 'nondifferentiable'
        ? vjp
        : (inputs, dys, attrs, ys) => vjp(inputs, dys[0] as Value, attrs, ys[0] as Value),
    reference: (inputs, attrs, ys) => [reference(inputs, attrs, ys[0] as TensorType)],
  });
}

/** Applies an op and returns all results. */
export function applyMulti<I extends Inputs, A>(
  typed: TypedOp<I, A>,
  inputs: Of<I, Value>,
  attrs: A,
): readonly Value[] {
  return makeNode(typed.op, flatten(typed.op, inputs), attrs as Attrs).outputs;
}

/** Applies an op with one result. */
export function apply<I extends Inputs, A>(typed: TypedOp<I, A>, inputs: Of<I, Value>, attrs: A): Value {
  return applyMulti(typed, inputs, attrs)[0] as Value;
}

/** Makes a checked node of an op: element types, then shapes and attributes. */
export function makeNode(op: Op, inputs: readonly (Value | undefined)[], attrs: Attrs): Node {
  checkDtypes(op, inputs);
  const types = op.infer(
    byName(op, inputs, (v) => v.type),
    attrs,
  );
  return new Node(op, inputs, attrs, types, currentScope());
}

/** Flat inputs of an op from inputs by name. */
function flatten(op: Op, inputs: Readonly<Record<string, unknown>>): (Value | undefined)[] {
  return Object.entries(op.inputs).flatMap(([name, spec]): readonly (Value | undefined)[] =>
    spec.variadic ? (inputs[name] as readonly Value[]) : [inputs[name] as Value | undefined],
  );
}

/** The opposite of flattening: `f` of each flat input, under the op's names. */
export function byName<T, R>(
  op: Op,
  flat: readonly (T | undefined)[],
  f: (x: T) => R,
): Readonly<Record<string, R & readonly R[]>> {
  const result: Record<string, unknown> = {};
  let at = 0;
  for (const [name, spec] of Object.entries(op.inputs)) {
    if (spec.variadic) result[name] = (flat.slice(at) as T[]).map((x) => f(x));
    else {
      const x = flat[at++];
      result[name] = x === undefined ? undefined : f(x);
    }
  }
  // A name maps to a list exactly where the op declares a variadic input; the op's own types say which.
  return result as Readonly<Record<string, R & readonly R[]>>;
}

/** Multiplications and additions of a node. */
export function flopsOf({ kind, inputs, attrs, outputs: [y] }: Node): number {
  if (typeof kind === 'string' || y === undefined) return 0;
  const types = () => byName(kind, inputs, (v) => v.type);
  return kind.flops?.(types(), attrs, y.type) ?? (kind.elementwise ? sizeOf(y.shape) : 0);
}

/** Specification of the flat input at `position`. */
export function inputSpecAt(op: Op, position: number): { readonly name: string; readonly spec: InputSpec } {
  const entries = Object.entries(op.inputs);
  const [name, spec] = entries[Math.min(position, entries.length - 1)] as [string, InputSpec];
  return { name, spec };
}

function checkDtypes(op: Op, inputs: readonly (Value | undefined)[]): void {
  inputs.forEach((value, position) => {
    const { name, spec } = inputSpecAt(op, position);
    if (value === undefined) {
      if (!spec.optional) throw new InternalError(`op "${op.name}" got no input "${name}".`);
    } else if (!spec.dtypes.includes(value.dtype)) {
      const expected = spec.dtypes.join(', ');
      throw new DtypeError(
        `${op.name}: input "${name}" must be ${expected}. Received ${formatType(value.type)}. Use cast() to convert it.`,
        { op: op.name, argument: name, expected, received: value.dtype, layerPath: currentScope() },
      );
    }
  });
}
