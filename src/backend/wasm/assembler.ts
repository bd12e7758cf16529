import { Instance, isShared, Module, type WasmExports, type WasmMemory, type WasmModule } from './host.ts';

/** Types of locals, parameters and results. */
export type WasmType = keyof typeof valueTypes;
const valueTypes = { i32: 0x7f, f32: 0x7d, f64: 0x7c, v128: 0x7b } as const;

const scalarOpcodes = {
  'i32.lt_u': 0x49,
  'i32.ge_u': 0x4f,
  'i32.add': 0x6a,
  'i32.shr_u': 0x76,
  'f64.add': 0xa0,
} as const;

/** Numbers behind the SIMD prefix. @source WebAssembly core specification 2.0, appendix "Index of Instructions" */
const simdOpcodes = {
  'i32x4.splat': 0x11,
  'f32x4.splat': 0x13,
  'f32x4.eq': 0x41,
  'f32x4.ne': 0x42,
  'f32x4.lt': 0x43,
  'f32x4.gt': 0x44,
  'f32x4.le': 0x45,
  'f32x4.ge': 0x46,
  'v128.not': 0x4d,
  'v128.and': 0x4e,
  'v128.or': 0x50,
  'v128.xor': 0x51,
  'v128.bitselect': 0x52,
  'f64x2.promote_low_f32x4': 0x5f,
  'f32x4.ceil': 0x67,
  'f32x4.floor': 0x68,
  'f32x4.nearest': 0x6a,
  'i32x4.extend_low_i16x8_u': 0xa9,
  'i32x4.extend_high_i16x8_u': 0xaa,
  'i32x4.shl': 0xab,
  'i32x4.shr_u': 0xad,
  'i32x4.add': 0xae,
  'i32x4.lt_s': 0x39,
  'f32x4.abs': 0xe0,
  'f32x4.neg': 0xe1,
  'f32x4.sqrt': 0xe3,
  'f32x4.add': 0xe4,
  'f32x4.sub': 0xe5,
  'f32x4.mul': 0xe6,
  'f32x4.div': 0xe7,
  'f32x4.min': 0xe8,
  'f32x4.max': 0xe9,
  'f64x2.add': 0xf0,
  'f64x2.mul': 0xf2,
  'f32x4.convert_i32x4_s': 0xfa,
} as const;

/** Instructions without immediate operands. */
export type SimpleInstruction = keyof typeof scalarOpcodes | keyof typeof simdOpcodes;

const simdPrefix = 0xfd;
const emptyBlock = 0x40;

const isScalar = (name: SimpleInstruction): name is keyof typeof scalarOpcodes => name in scalarOpcodes;

/** LEB128, unsigned. */
function unsigned(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  do {
    const low = rest % 128;
    rest = Math.floor(rest / 128);
    bytes.push(rest > 0 ? low + 128 : low);
  } while (rest > 0);
  return bytes;
}

/** LEB128, signed, of a 32-bit integer. */
function signed(value: number): number[] {
  const bytes: number[] = [];
  let rest = value | 0;
  for (;;) {
    const low = rest & 0x7f;
    rest >>= 7;
    const done = (rest === 0 && (low & 0x40) === 0) || (rest === -1 && (low & 0x40) !== 0);
    bytes.push(done ? low : low | 0x80);
    if (done) return bytes;
  }
}

const vector = (items: readonly (readonly number[])[]): number[] => [
  ...unsigned(items.length),
  ...items.flat(),
];
const text = (s: string): number[] => [...unsigned(s.length), ...Buffer.from(s, 'ascii')];

/** One function under construction; instructions are appended in order, on WebAssembly's stack machine. */
export class WasmFunction {
  readonly name: string;
  readonly #params: readonly WasmType[];
  readonly #result: WasmType | undefined;
  readonly #locals: WasmType[] = [];
  readonly #code: number[] = [];

  constructor(name: string, params: readonly WasmType[], result?: WasmType) {
    this.name = name;
    this.#params = params;
    this.#result = result;
  }

  /** A new local variable; parameters are the first ones. */
  local(type: WasmType): number {
    this.#locals.push(type);
    return this.#params.length + this.#locals.length - 1;
  }

  get(...locals: readonly number[]): this {
    for (const local of locals) this.#code.push(0x20, ...unsigned(local));
    return this;
  }

  set(local: number): this {
    this.#code.push(0x21, ...unsigned(local));
    return this;
  }

  /** Sets a local and keeps the value on the stack. */
  tee(local: number): this {
    this.#code.push(0x22, ...unsigned(local));
    return this;
  }

  i32(value: number): this {
    this.#code.push(0x41, ...signed(value));
    return this;
  }

  /** Four equal float32 lanes. */
  f32x4(value: number): this {
    const lane = new Uint8Array(Float32Array.of(value).buffer);
    this.#code.push(simdPrefix, ...unsigned(0x0c), ...lane, ...lane, ...lane, ...lane);
    return this;
  }

  /** Four 32-bit integer lanes. */
  i32x4(lanes: readonly [number, number, number, number]): this {
    this.#code.push(simdPrefix, ...unsigned(0x0c), ...new Uint8Array(Int32Array.from(lanes).buffer));
    return this;
  }

  op(name: SimpleInstruction): this {
    if (isScalar(name)) this.#code.push(scalarOpcodes[name]);
    else this.#code.push(simdPrefix, ...unsigned(simdOpcodes[name]));
    return this;
  }

  /** Loads 16 bytes from the address on the stack; it is a multiple of 16. */
  load(): this {
    this.#code.push(simdPrefix, 0x00, 4, 0);
    return this;
  }

  /** Stores 16 bytes: address, then value on the stack. */
  store(): this {
    this.#code.push(simdPrefix, 0x0b, 4, 0);
    return this;
  }

  /** 32-bit lanes picked from two vectors: 0 to 3 from the first, 4 to 7 from the second. */
  shuffle(lanes: readonly [number, number, number, number]): this {
    const bytes = lanes.flatMap((lane) => [4 * lane, 4 * lane + 1, 4 * lane + 2, 4 * lane + 3]);
    this.#code.push(simdPrefix, 0x0d, ...bytes);
    return this;
  }

  /** One float64 of the two on the stack. */
  extractF64(lane: 0 | 1): this {
    this.#code.push(simdPrefix, 0x21, lane);
    return this;
  }

  /** `body` inside a block that `branchIf` can leave. */
  block(body: () => void): this {
    return this.#nested(0x02, body);
  }

  /** `body` inside a loop that `branchIf` can start again. */
  loop(body: () => void): this {
    return this.#nested(0x03, body);
  }

  /** Leaves (or, at a loop, repeats) the enclosing construct `depth` levels out, if the top of the stack is not 0. */
  branchIf(depth: number): this {
    this.#code.push(0x0d, ...unsigned(depth));
    return this;
  }

  get signature(): number[] {
    const result = this.#result === undefined ? [] : [[valueTypes[this.#result]]];
    return [0x60, ...vector(this.#params.map((t) => [valueTypes[t]])), ...vector(result)];
  }

  get body(): number[] {
    const locals = vector(this.#locals.map((type) => [1, valueTypes[type]]));
    const bytes = [...locals, ...this.#code, 0x0b];
    return [...unsigned(bytes.length), ...bytes];
  }

  #nested(opcode: number, body: () => void): this {
    this.#code.push(opcode, emptyBlock);
    body();
    this.#code.push(0x0b);
    return this;
  }
}

/** Pages of the largest memory: 4 GiB. */
const largestMemory = 65536;

/**
 * The bytes of a module that imports one memory and exports its functions by name.
 * @param shared - whether the memory is one that threads share
 */
export function assemble(functions: readonly WasmFunction[], shared = false): Uint8Array {
  const section = (id: number, content: readonly number[]): number[] => [
    id,
    ...unsigned(content.length),
    ...content,
  ];
  const limits = shared ? [0x03, ...unsigned(0), ...unsigned(largestMemory)] : [0x00, ...unsigned(0)];
  const memory = [...text('host'), ...text('memory'), 0x02, ...limits];
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, vector(functions.map((f) => f.signature))),
    ...section(2, vector([memory])),
    ...section(3, vector(functions.map((_, i) => unsigned(i)))),
    ...section(7, vector(functions.map((f, i) => [...text(f.name), 0x00, ...unsigned(i)]))),
    ...section(10, vector(functions.map((f) => f.body))),
  ]);
}

/** The functions, compiled for a memory. */
export const compileModule = (functions: readonly WasmFunction[], memory: WasmMemory): WasmModule =>
  new Module(assemble(functions, isShared(memory)));

/** Binds a module to a memory. */
export const bindModule = (module: WasmModule, memory: WasmMemory): WasmExports =>
  new Instance(module, { host: { memory } }).exports;

/** The functions, compiled and bound to a memory. */
export const instantiate = (functions: readonly WasmFunction[], memory: WasmMemory): WasmExports =>
  bindModule(compileModule(functions, memory), memory);
