/**
 * Protobuf messages declared as tables of fields: one table both reads and writes a message.
 * Unknown fields are passed over, as protobuf asks.
 */
import { FormatError } from '../errors.ts';
import { type Reader, type WireType, Writer, wireTypes } from './wire.ts';

/** How a value is read and written, without its tag. */
export interface Codec<V> {
  readonly wireType: WireType;
  read(reader: Reader): V;
  write(writer: Writer, value: V): void;
}

/** How the content of a message is read, up to its end, and written from a `W`. */
export interface Message<T, W = T> {
  read(reader: Reader): T;
  write(writer: Writer, value: W): void;
}

/** A numbered field of a message. */
export interface Field<V> {
  readonly number: number;
  /** The value when the message does not have the field. */
  readonly absent: () => V;
  /** The value after one more occurrence of the field. */
  read(reader: Reader, soFar: V): V;
  write(writer: Writer, value: V): void;
}

/** A field for each key of `T`; keys that `T` may lack need one that may be absent. */
export type Fields<T> = { readonly [K in keyof Required<T>]: Field<T[K]> };

export const int: Codec<number> = {
  wireType: wireTypes.varint,
  read: (reader) => reader.int(),
  write: (writer, value) => writer.varint(value),
};
/** A number where that is exact, else a bigint. */
export const int64: Codec<number | bigint> = {
  wireType: wireTypes.varint,
  read: (reader) => reader.int64(),
  write: (writer, value) => writer.varint(value),
};
export const float: Codec<number> = {
  wireType: wireTypes.fixed32,
  read: (reader) => reader.float(),
  write: (writer, value) => writer.float(value),
};
export const string: Codec<string> = {
  wireType: wireTypes.bytes,
  read: (reader) => reader.string(),
  write: (writer, value) => writer.string(value),
};
/** Reads a view of the input, not a copy. */
export const bytes: Codec<Uint8Array> = {
  wireType: wireTypes.bytes,
  read: (reader) => reader.bytes(),
  write: (writer, value) => writer.bytes(value),
};

/** A field that is `fallback` when absent, and is not written when it equals that. */
export function required<V>(number: number, codec: Codec<V>, fallback: V): Field<V> {
  return {
    number,
    absent: () => fallback,
    read: (reader) => codec.read(reader),
    write(writer, value) {
      if (value !== fallback) {
        writeTagged(writer, number, codec, value);
      }
    },
  };
}

/** A field that is `undefined` when absent, and is written whenever it is not, zero included. */
export function optional<V>(number: number, codec: Codec<V>): Field<V | undefined> {
  return {
    number,
    absent: () => undefined,
    read: (reader) => codec.read(reader),
    write(writer, value) {
      if (value !== undefined) {
        writeTagged(writer, number, codec, value);
      }
    },
  };
}

/** A list; numbers are written packed and read either way. */
export function repeated<V>(number: number, codec: Codec<V>): Field<V[]> {
  return {
    number,
    absent: () => [],
    read(reader, soFar) {
      if (reader.wireType === wireTypes.bytes && codec.wireType !== wireTypes.bytes) {
        reader.packed(codec.wireType, () => soFar.push(codec.read(reader)));
      } else {
        soFar.push(codec.read(reader));
      }
      return soFar;
    },
    write(writer, values) {
      if (codec.wireType === wireTypes.bytes) {
        for (const value of values) {
          writeTagged(writer, number, codec, value);
        }
      } else if (values.length > 0) {
        writer.tag(number, wireTypes.bytes);
        writer.message(() => {
          for (const value of values) {
            codec.write(writer, value);
          }
        });
      }
    },
  };
}

/** Numbers kept undecoded, end to end, as in a packed run; read only. */
export function undecoded(number: number, wireType: WireType): Field<Writer | undefined> {
  return {
    number,
    absent: () => undefined,
    read(reader, soFar = new Writer()) {
      soFar.append(reader.encoded(wireType));
      return soFar;
    },
    write: (_writer, value) => refuse(value !== undefined, `field ${number}`),
  };
}

/** The number of occurrences of a field whose content is not kept, so that it cannot be written back. */
export function counted(number: number, what: string): Field<number> {
  return {
    number,
    absent: () => 0,
    read(reader, soFar) {
      reader.skip();
      return soFar + 1;
    },
    write: (_writer, value) => refuse(value > 0, what),
  };
}

/** The message with the given fields, written in the order of the table; keys left out are not written. */
export function message<T>(fields: Fields<T>): Message<T, Partial<T>>;
export function message(fields: Readonly<Record<string, Field<unknown>>>): Message<Record<string, unknown>> {
  const entries = Object.entries(fields);
  const byNumber = new Map(entries.map(([key, field]) => [field.number, { key, field }]));
  return {
    read(reader) {
      const value = blank(entries);
      while (reader.more) {
        const known = byNumber.get(reader.tag());
        if (known === undefined) {
          reader.skip();
        } else {
          value[known.key] = known.field.read(reader, value[known.key]);
        }
      }
      return value;
    },
    write(writer, value) {
      for (const [key, field] of entries) {
        const given = value[key];
        if (given !== undefined) {
          field.write(writer, given);
        }
      }
    },
  };
}

function blank(entries: readonly (readonly [string, Field<unknown>])[]): Record<string, unknown> {
  const value: Record<string, unknown> = {};
  for (const [key, field] of entries) {
    const absent = field.absent();
    if (absent !== undefined) {
      value[key] = absent;
    }
  }
  return value;
}

/** A message that is seen as `B` in place of its fields `A`. */
export function mapped<A, B>(
  fields: Message<A, Partial<A>>,
  seen: (fields: A) => B,
  stored: (value: B) => Partial<A>,
): Message<B> {
  return {
    read: (reader) => seen(fields.read(reader)),
    write: (writer, value) => fields.write(writer, stored(value)),
  };
}

/** A message that is declared further down, since messages may hold each other. */
export function later<T>(declared: () => Message<T>): Message<T> {
  return {
    read: (reader) => declared().read(reader),
    write: (writer, value) => declared().write(writer, value),
  };
}

/** A message inside another, after its length. */
export function nested<T>(inner: Message<T, NoInfer<T>>): Codec<T> {
  return {
    wireType: wireTypes.bytes,
    read: (reader) => reader.message(() => inner.read(reader)),
    write: (writer, value) => writer.message(() => inner.write(writer, value)),
  };
}

function writeTagged<V>(writer: Writer, number: number, codec: Codec<V>, value: V): void {
  writer.tag(number, codec.wireType);
  codec.write(writer, value);
}

function refuse(present: boolean, what: string): void {
  if (present) {
    throw unwritable(what);
  }
}

/** The error for what was read only in part, so that it cannot be written. */
export function unwritable(what: string): FormatError {
  return new FormatError(`ONNX: expected only what can be written. Received ${what}. Remove or replace it.`, {
    received: what,
  });
}
