import type { Pieces } from '../../core/event-loop.ts';
import { InternalError } from '../../errors.ts';
import { constantOf, type Node, topologicalOrder, type Value } from '../../ir/graph.ts';
import { byName, type Lanes, type SimdEmit, type SimdInstruction } from '../../ir/op.ts';
import { optimizing } from '../../ir/passes.ts';
import { compileModule, type SimpleInstruction, WasmFunction } from './assembler.ts';
import type { WasmMemory, WasmModule } from './host.ts';
import { compileScalars, type ScalarProgram } from './scalars.ts';
import { type SharedLoop, sharedLoop } from './second-thread.ts';

/** An elementwise expression over float32 vectors of one length, and float32 scalars. */
export interface KernelExpression {
  readonly outputs: readonly Value[];
  readonly vectors: readonly Value[];
  readonly scalars: readonly Value[];
}

const instructions: Readonly<Record<SimdInstruction, SimpleInstruction>> = {
  add: 'f32x4.add',
  sub: 'f32x4.sub',
  mul: 'f32x4.mul',
  div: 'f32x4.div',
  min: 'f32x4.min',
  max: 'f32x4.max',
  abs: 'f32x4.abs',
  neg: 'f32x4.neg',
  sqrt: 'f32x4.sqrt',
  floor: 'f32x4.floor',
  ceil: 'f32x4.ceil',
  nearest: 'f32x4.nearest',
  eq: 'f32x4.eq',
  ne: 'f32x4.ne',
  lt: 'f32x4.lt',
  gt: 'f32x4.gt',
  le: 'f32x4.le',
  ge: 'f32x4.ge',
  and: 'v128.and',
  or: 'v128.or',
  xor: 'v128.xor',
  not: 'v128.not',
  select: 'v128.bitselect',
};

/** One SIMD loop over a memory; a second thread takes part where the memory is shared and the vectors are long. */
export class Kernel {
  readonly #loop: SharedLoop;
  readonly #uniforms: ScalarProgram;
  readonly #pointers: number;
  /** Arguments of the loop, kept between calls so that a run allocates nothing of its own. */
  readonly #args: number[];

  constructor(
    module: WasmModule,
    memory: WasmMemory,
    uniforms: ScalarProgram,
    pointers: number,
    count: number,
  ) {
    this.#loop = sharedLoop(module, memory, this);
    this.#uniforms = uniforms;
    this.#pointers = pointers;
    this.#args = new Array<number>(pointers + 1 + count).fill(0);
  }

  /**
   * Runs over `length` elements, rounded up to whole vectors of four: the memory behind the last element, up to the
   * next multiple of 16 bytes, is read and written too. An output may lie exactly over an input.
   * @param pointers - byte offsets, multiples of 16: of the vectors, then of the outputs
   * @param scalars - values of the scalars
   */
  run(pointers: readonly number[], length: number, scalars: readonly number[]): void {
    const args = this.#args;
    const count = this.#pointers;
    for (let i = 0; i < count; i++) args[i] = pointers[i] as number;
    args[count] = vectorBytes(length);
    const uniforms = this.#uniforms(scalars);
    for (let i = 0; i < uniforms.length; i++) args[count + 1 + i] = uniforms[i] as number;
    this.#loop(args, count);
  }
}

/** Bytes of `length` float32 elements, rounded up to whole vectors. */
export const vectorBytes = (length: number): number => Math.ceil(length / 4) * 16;

/**
 * Compiles an elementwise expression to one SIMD loop. Parts that depend on scalars and constants only are computed
 * once a run, in float64, outside of the loop; equal subexpressions are computed once.
 * @returns `undefined` where an op has no SIMD form: the expression then runs as a graph
 */
export function* compileKernel(expression: KernelExpression, memory: WasmMemory): Pieces<Kernel | undefined> {
  const { vectors, scalars } = expression;
  const graph = yield* optimizing({
    name: 'kernel',
    inputs: [...vectors, ...scalars],
    outputs: expression.outputs.map((value, i) => ({ name: `output${i}`, value })),
  });
  const outputs = graph.outputs.map((o) => o.value);
  const nodes = topologicalOrder(outputs).filter((node) => node.outputs.some((y) => y.rank > 0));
  if (!nodes.every((node) => isLaneWise(node, vectors))) return undefined;
  const uniforms = uniformsOf(nodes, outputs);
  const isVector = (node: Node): boolean => vectors.some((v) => v.node === node);
  if (topologicalOrder(uniforms).some(isVector)) return undefined;
  const computed = uniforms.filter((value) => constantOf(value) === undefined);
  const code = new LoopCompiler(vectors, outputs, computed);
  for (const value of uniforms) code.uniform(value);
  code.loop(nodes);
  yield;
  return new Kernel(
    compileModule([code.function], memory),
    memory,
    compileScalars(computed, scalars),
    vectors.length + outputs.length,
    computed.length,
  );
}

/** Whether a node can run on lanes: a vector that is given, or an op with a SIMD form. */
function isLaneWise(node: Node, vectors: readonly Value[]): boolean {
  const { kind, outputs } = node;
  const [y] = outputs as readonly [Value];
  if (kind === 'input') return vectors.includes(y);
  if (kind === 'constant') return false;
  return kind.simd !== undefined && outputs.length === 1 && (y.dtype === 'float32' || y.dtype === 'bool');
}

/** The scalars that the loop reads: inputs of its nodes, and results that are no vectors. */
function uniformsOf(nodes: readonly Node[], outputs: readonly Value[]): Value[] {
  const read = [...nodes.flatMap((node) => node.inputs), ...outputs];
  return [...new Set(read.filter((v): v is Value => v !== undefined && v.rank === 0))];
}

interface Local extends Lanes {
  readonly local: number;
}

/** Writes the function `loop(pointers..., bytes, uniforms...)`. */
class LoopCompiler implements SimdEmit {
  readonly function: WasmFunction;
  readonly #vectors: readonly Value[];
  readonly #outputs: readonly Value[];
  readonly #computed: readonly Value[];
  readonly #locals = new Map<Value, Local>();
  readonly #splats = new Map<number, Local>();

  constructor(vectors: readonly Value[], outputs: readonly Value[], computed: readonly Value[]) {
    const pointers = [...vectors, ...outputs].map(() => 'i32' as const);
    this.function = new WasmFunction('loop', [...pointers, 'i32', ...computed.map(() => 'f32' as const)]);
    this.#vectors = vectors;
    this.#outputs = outputs;
    this.#computed = computed;
  }

  /** Spreads a scalar over the lanes of a local, before the loop; a boolean becomes a mask. */
  uniform(value: Value): void {
    const known = constantOf(value);
    const code = this.function;
    const local = code.local('v128');
    if (known !== undefined) code.f32x4(Number(known.data[0]));
    else code.get(this.#bytesLocal + 1 + this.#computed.indexOf(value)).op('f32x4.splat');
    if (value.dtype === 'bool') code.f32x4(0).op('f32x4.ne');
    code.set(local);
    this.#locals.set(value, { dtype: value.dtype, local });
  }

  /** The loop: loads every vector, computes every node, then stores every output. */
  loop(nodes: readonly Node[]): void {
    const code = this.function;
    const offset = code.local('i32');
    code.block(() => {
      code.get(offset, this.#bytesLocal).op('i32.ge_u').branchIf(0);
      code.loop(() => {
        this.#vectors.forEach((value, i) => {
          const local = code.local('v128');
          code.get(i, offset).op('i32.add').load().set(local);
          this.#locals.set(value, { dtype: value.dtype, local });
        });
        for (const node of nodes) this.#node(node);
        this.#outputs.forEach((value, i) => {
          code.get(this.#vectors.length + i, offset).op('i32.add');
          code.get(this.#lanes(value).local).store();
        });
        code.get(offset).i32(16).op('i32.add').tee(offset);
        code.get(this.#bytesLocal).op('i32.lt_u').branchIf(0);
      });
    });
  }

  op(instruction: SimdInstruction, ...operands: readonly Local[]): Local {
    const code = this.function;
    const local = code.local('v128');
    // bitselect takes both choices first, the mask last
    const order = instruction === 'select' ? [...operands.slice(1), ...operands.slice(0, 1)] : operands;
    code
      .get(...order.map((x) => x.local))
      .op(instructions[instruction])
      .set(local);
    return { dtype: 'float32', local };
  }

  splat(value: number): Local {
    const known = this.#splats.get(value);
    if (known !== undefined) return known;
    const local = this.function.local('v128');
    this.function.f32x4(value).set(local);
    const made = { dtype: 'float32', local } as const;
    this.#splats.set(value, made);
    return made;
  }

  /** Parameter that holds the end of the loop; the uniforms follow it. */
  get #bytesLocal(): number {
    return this.#vectors.length + this.#outputs.length;
  }

  #node(node: Node): void {
    const { kind, inputs, outputs, attrs } = node;
    if (typeof kind === 'string' || kind.simd === undefined) return;
    const [y] = outputs as readonly [Value];
    const operands = byName(kind, inputs, (v) => this.#lanes(v));
    const { local } = kind.simd(operands, attrs, this) as Local;
    this.#locals.set(y, { dtype: y.dtype, local });
  }

  #lanes(value: Value): Local {
    const known = this.#locals.get(value);
    if (known === undefined) throw new InternalError(`kernel: "${value.node.name}" has no lanes.`);
    return known;
  }
}
