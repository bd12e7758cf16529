/**
 * The protobuf wire format: tagged varints, fixed-width numbers and length-prefixed bytes.
 * @source https://protobuf.dev/programming-guides/encoding/
 */
import { FormatError } from '../errors.ts';

/** How the bytes of a field are laid out; the low three bits of its tag. */
export const wireTypes = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;
export type WireType = (typeof wireTypes)[keyof typeof wireTypes];

/** Messages inside messages deeper than this are refused, as protobuf itself does. */
const depthLimit = 100;
/** No protobuf message may be larger. */
const sizeLimit = 2 ** 31 - 1;
/** Byte arrays of at least this length are remembered by reference until `finish`. */
const referenceFrom = 1024;

/** The scratch of a writer that has written nothing, of which a hostile file may make many. */
const noBytes = new Uint8Array(0);
const noView = new DataView(noBytes.buffer);

const utf8 = new TextEncoder();
const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Something to be put before the scratch byte `at`: foreign bytes, or the length of a message. */
interface Insert {
  readonly at: number;
  content: Uint8Array | number;
}

/**
 * Writes protobuf. Small values go to one growing scratch buffer; large arrays and the lengths of
 * nested messages, known only afterwards, are inserts that `finish` weaves in. So every large array
 * is copied exactly once, and must not change before `finish`.
 */
export class Writer {
  #scratch = noBytes;
  #view = noView;
  #used = 0;
  #inserts: Insert[] = [];
  #inserted = 0;

  /** Bytes written so far. */
  get length(): number {
    return this.#used + this.#inserted;
  }

  tag(field: number, wireType: WireType): void {
    this.varint(field * 8 + wireType);
  }

  /**
   * Writes a 64-bit integer; negative ones in two's complement, as `int64` asks.
   * @throws {@link FormatError} when `value` is not a safe integer or a bigint in [-2^63, 2^64)
   */
  varint(value: number | bigint): void {
    this.#reserve(10);
    this.#used = putVarint(this.#view, this.#used, value);
  }

  float(value: number): void {
    this.#reserve(4);
    this.#view.setFloat32(this.#used, value, true);
    this.#used += 4;
  }

  string(text: string): void {
    if (!this.#shortAscii(text)) {
      this.bytes(utf8.encode(text));
    }
  }

  /** Writes the length of `data`, then `data`. */
  bytes(data: Uint8Array): void {
    this.varint(data.length);
    this.append(data);
  }

  /** Writes `data` without a length. */
  append(data: Uint8Array): void {
    if (data.length >= referenceFrom) {
      this.#inserts.push({ at: this.#used, content: data });
      this.#inserted += data.length;
      return;
    }
    this.#reserve(data.length);
    this.#scratch.set(data, this.#used);
    this.#used += data.length;
  }

  /** Writes what `body` writes, after its length. */
  message(body: () => void): void {
    const insert: Insert = { at: this.#used, content: 0 };
    this.#inserts.push(insert);
    const start = this.length;
    body();
    insert.content = this.length - start;
    this.#inserted += varintBytes(insert.content);
  }

  /**
   * All bytes written, in a buffer of their own.
   * @throws {@link FormatError} above 2 GiB, which protobuf cannot hold
   */
  finish(): Uint8Array {
    if (this.length > sizeLimit) {
      throw new FormatError(
        `protobuf: expected at most ${sizeLimit} bytes. Received ${this.length}. Split the model or store its weights in another file.`,
        { expected: `at most ${sizeLimit} bytes`, received: String(this.length) },
      );
    }
    const out = new Uint8Array(this.length);
    const view = new DataView(out.buffer);
    let copied = 0;
    let end = 0;
    for (const { at, content } of this.#inserts) {
      out.set(this.#scratch.subarray(copied, at), end);
      end += at - copied;
      copied = at;
      if (typeof content === 'number') {
        end = putVarint(view, end, content);
      } else {
        out.set(content, end);
        end += content.length;
      }
    }
    out.set(this.#scratch.subarray(copied, this.#used), end);
    return out;
  }

  /** Writes most names without the cost of an encoder; other text is left to the caller. */
  #shortAscii(text: string): boolean {
    if (text.length >= 0x80) {
      return false;
    }
    this.#reserve(1 + text.length);
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      if (code >= 0x80) {
        return false;
      }
      this.#scratch[this.#used + 1 + i] = code;
    }
    this.#scratch[this.#used] = text.length;
    this.#used += 1 + text.length;
    return true;
  }

  #reserve(bytes: number): void {
    if (this.#used + bytes <= this.#scratch.length) {
      return;
    }
    const grown = new Uint8Array(Math.max(64, 2 * this.#scratch.length, this.#used + bytes));
    grown.set(this.#scratch);
    this.#scratch = grown;
    this.#view = new DataView(grown.buffer);
  }
}

/** Puts a varint at `at` and returns the place after it: seven bits a byte, lowest first. */
function putVarint(view: DataView, at: number, value: number | bigint): number {
  let [low, high] = halves(value);
  let next = at;
  while (high !== 0 || low >= 0x80) {
    view.setUint8(next++, (low & 0x7f) | 0x80);
    low = ((low >>> 7) | (high << 25)) >>> 0;
    high >>>= 7;
  }
  view.setUint8(next++, low);
  return next;
}

/** The unsigned low and high 32 bits of a 64-bit integer. */
function halves(value: number | bigint): [low: number, high: number] {
  if (Number.isSafeInteger(value)) {
    return [Number(value) >>> 0, Math.floor(Number(value) / 2 ** 32) >>> 0];
  }
  if (typeof value === 'bigint' && value >= -(2n ** 63n) && value < 2n ** 64n) {
    return [Number(BigInt.asUintN(32, value)), Number(BigInt.asUintN(32, value >> 32n))];
  }
  throw new FormatError(`protobuf: expected a 64-bit integer (a bigint beyond 2^53). Received ${value}.`, {
    expected: 'a 64-bit integer',
    received: String(value),
  });
}

const varintBytes = (value: number): number => {
  let bytes = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) {
    bytes++;
  }
  return bytes;
};

/**
 * Reads protobuf in one forward pass. Every length is checked against what is left before it is used,
 * so hostile bytes end in a {@link FormatError} after time linear in their number.
 */
export class Reader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;
  #end: number;
  #depth = 0;
  #high = 0;
  #wireType: WireType = wireTypes.varint;

  constructor(bytes: Uint8Array) {
    // A plain Uint8Array: `slice` of a Buffer would not copy.
    this.#bytes = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#end = bytes.length;
  }

  /** Whether the current message has bytes left. */
  get more(): boolean {
    return this.#at < this.#end;
  }

  /** Layout of the field whose tag was read last. */
  get wireType(): WireType {
    return this.#wireType;
  }

  /** The upper 32 bits of the varint read last, unsigned. */
  get high(): number {
    return this.#high;
  }

  /** Reads a tag and returns the field's number. */
  tag(): number {
    const low = this.varint();
    const wireType = low & 7;
    if (this.#high !== 0 || low < 8) {
      throw this.#error('a field number from 1 to 2^29 - 1', String(this.#high * 2 ** 29 + (low >>> 3)));
    }
    if (wireType !== 0 && wireType !== 1 && wireType !== 2 && wireType !== 5) {
      throw this.#error('wire type 0, 1, 2 or 5', `wire type ${wireType}`);
    }
    this.#wireType = wireType;
    return low >>> 3;
  }

  /** Reads any varint and returns its lower 32 bits, unsigned; `high` has the others. */
  varint(): number {
    let low = 0;
    let high = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      if (this.#at >= this.#end) {
        throw this.#error('a varint', 'the end of the data');
      }
      const byte = this.#view.getUint8(this.#at++);
      const bits = byte & 0x7f;
      if (shift <= 28) {
        low |= bits << shift;
      }
      if (shift >= 28) {
        high |= shift === 28 ? bits >>> 4 : bits << (shift - 32);
      }
      if (byte < 0x80) {
        this.#high = high >>> 0;
        return low >>> 0;
      }
    }
    throw this.#error('a varint of at most 10 bytes', 'a longer one');
  }

  /** Reads an `int64`: a number when that is exact, else a bigint. */
  int64(): number | bigint {
    this.#expect(wireTypes.varint);
    const low = this.varint();
    const high = this.#high | 0;
    const value = high * 2 ** 32 + low;
    return Number.isSafeInteger(value) ? value : (BigInt(high) << 32n) | BigInt(low);
  }

  /** Reads an `int32`, `int64` or enum whose value has to be a safe integer. */
  int(): number {
    const value = this.int64();
    if (typeof value === 'bigint') {
      throw this.#error('an integer within 2^53', String(value));
    }
    return value;
  }

  float(): number {
    return this.#view.getFloat32(this.#take(wireTypes.fixed32, 4), true);
  }

  string(): string {
    const bytes = this.bytes();
    try {
      return strictUtf8.decode(bytes);
    } catch (cause) {
      throw this.#error('UTF-8 text', 'other bytes', cause);
    }
  }

  /** A view, not a copy, of a length-prefixed field. */
  bytes(): Uint8Array {
    const end = this.#lengthPrefix();
    const view = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return view;
  }

  /** A view of the undecoded number or numbers, laid out as `wireType`, of a field, packed or not. */
  encoded(wireType: WireType): Uint8Array {
    if (this.#wireType === wireTypes.bytes) {
      return this.bytes();
    }
    this.#expect(wireType);
    const start = this.#at;
    this.skip();
    return this.#bytes.subarray(start, this.#at);
  }

  /** Runs `body` with the reader limited to the length-prefixed message that comes next. */
  message<T>(body: () => T): T {
    const end = this.#lengthPrefix();
    const outer = this.#end;
    if (++this.#depth > depthLimit) {
      throw this.#error(`at most ${depthLimit} nested messages`, 'more');
    }
    this.#end = end;
    const value = body();
    this.#depth--;
    this.#end = outer;
    return value;
  }

  /** Runs `element` for every number of a packed run that comes next. */
  packed(wireType: WireType, element: () => void): void {
    this.message(() => {
      this.#wireType = wireType;
      while (this.more) {
        element();
      }
    });
  }

  /** Passes over the field whose tag was read last. */
  skip(): void {
    switch (this.#wireType) {
      case wireTypes.varint:
        this.varint();
        break;
      case wireTypes.bytes:
        this.bytes();
        break;
      case wireTypes.fixed32:
        this.#take(wireTypes.fixed32, 4);
        break;
      case wireTypes.fixed64:
        this.#take(wireTypes.fixed64, 8);
        break;
    }
  }

  /** Reads a length and returns where its bytes end. */
  #lengthPrefix(): number {
    this.#expect(wireTypes.bytes);
    const length = this.varint();
    const left = this.#end - this.#at;
    if (this.#high !== 0 || length > left) {
      throw this.#error(`a length of at most ${left} bytes`, String(this.#high * 2 ** 32 + length));
    }
    return this.#at + length;
  }

  /** Passes over `count` bytes and returns where they begin. */
  #take(wireType: WireType, count: number): number {
    this.#expect(wireType);
    const start = this.#at;
    if (count > this.#end - start) {
      throw this.#error(`${count} bytes`, `${this.#end - start}`);
    }
    this.#at += count;
    return start;
  }

  #expect(wireType: WireType): void {
    if (this.#wireType !== wireType) {
      throw this.#error(`wire type ${wireType}`, `wire type ${this.#wireType}`);
    }
  }

  #error(expected: string, received: string, cause?: unknown): FormatError {
    return new FormatError(
      `protobuf, byte ${this.#at}: expected ${expected}. Received ${received}. The data is truncated, corrupt or of another format.`,
      { expected, received, cause },
    );
  }
}
