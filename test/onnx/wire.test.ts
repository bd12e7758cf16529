import { describe, expect, test } from '@jest/globals';
import { FormatError } from '../../src/errors.ts';
import { Reader, Writer, wireTypes } from '../../src/onnx/wire.ts';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const bytes = (digits: string): Uint8Array => Buffer.from(digits.replaceAll(' ', ''), 'hex');

function written(body: (writer: Writer) => void): Uint8Array {
  const writer = new Writer();
  body(writer);
  const result = writer.finish();
  expect(writer.length).toBe(result.length);
  return result;
}

describe('varints', () => {
  test.each([
    [0, '00'],
    [127, '7f'],
    [128, '8001'],
    [300, 'ac02'],
    [-1, 'ffffffffffffffffff01'],
    [2 ** 32, '8080808010'],
    [Number.MAX_SAFE_INTEGER, 'ffffffffffffff0f'],
    [Number.MIN_SAFE_INTEGER, '818080808080 80f0ff01'],
    [2n ** 53n, '8080808080808010'],
    [2n ** 63n - 1n, 'ffffffffffffffff7f'],
    [-(2n ** 63n), '80808080808080808001'],
  ])('%s is %s', (value, encoding) => {
    const encoded = written((writer) => writer.varint(value));
    expect(hex(encoded)).toBe(encoding.replaceAll(' ', ''));
    expect(new Reader(encoded).int64()).toBe(value);
  });

  test('a bigint that a number holds is read as a number', () => {
    expect(new Reader(written((writer) => writer.varint(-7n))).int64()).toBe(-7);
  });

  test.each([1.5, 2 ** 53, Number.NaN, 2n ** 64n, -(2n ** 63n) - 1n])('%s is not written', (value) => {
    expect(() => new Writer().varint(value)).toThrow(FormatError);
  });

  test('int refuses what is not a safe integer', () => {
    const encoded = written((writer) => writer.varint(2n ** 60n));
    expect(() => new Reader(encoded).int()).toThrow(/within 2\^53\. Received 1152921504606846976/);
  });
});

describe('text and bytes', () => {
  test.each(['', 'conv_1', 'größe', '\ufeffmark', 'x'.repeat(127), 'x'.repeat(128), 'é'.repeat(3000)])(
    'text %#',
    (text) => {
      const encoded = written((writer) => {
        writer.tag(1, wireTypes.bytes);
        writer.string(text);
      });
      const reader = new Reader(encoded);
      expect(reader.tag()).toBe(1);
      expect(reader.string()).toBe(text);
      expect(reader.more).toBe(false);
    },
  );

  test('text must be UTF-8', () => {
    const reader = new Reader(bytes('0a 02 c328'));
    reader.tag();
    expect(() => reader.string()).toThrow(/expected UTF-8 text/);
  });

  test('a view of a part of a buffer is read in place', () => {
    const whole = bytes('ffff 0a 03 010203 ffff');
    const reader = new Reader(whole.subarray(2, 7));
    reader.tag();
    const view = reader.bytes();
    expect([...view]).toEqual([1, 2, 3]);
    expect(view.buffer).toBe(whole.buffer);
    expect(reader.more).toBe(false);
  });
});

describe('messages', () => {
  test('lengths of nested messages are minimal, around large and small content', () => {
    const large = new Uint8Array(70_000).fill(7);
    const encoded = written((writer) => {
      writer.tag(1, wireTypes.bytes);
      writer.message(() => {
        writer.tag(2, wireTypes.bytes);
        writer.message(() => {
          writer.tag(3, wireTypes.bytes);
          writer.bytes(large);
        });
        writer.tag(4, wireTypes.fixed32);
        writer.float(-2);
      });
      writer.tag(5, wireTypes.bytes);
      writer.message(() => {});
    });
    expect(hex(encoded.subarray(0, 12))).toBe('0afda20412f4a2041af0a204');
    expect(encoded.subarray(12, 70_012)).toEqual(large);
    expect(hex(encoded.subarray(70_012))).toBe('25000000c02a00');
  });

  test('a message ends where its length says', () => {
    const reader = new Reader(bytes('0a 02 0801 1002'));
    expect(reader.tag()).toBe(1);
    reader.message(() => {
      expect(reader.tag()).toBe(1);
      expect(reader.int()).toBe(1);
      expect(reader.more).toBe(false);
    });
    expect(reader.tag()).toBe(2);
    expect(reader.int()).toBe(2);
  });

  test('fields of every wire type are passed over', () => {
    const reader = new Reader(bytes('08 ff01 11 0000000000000000 1a 02 ffff 25 00000000 28 05'));
    for (let i = 0; i < 4; i++) {
      reader.tag();
      reader.skip();
    }
    expect(reader.tag()).toBe(5);
    expect(reader.int()).toBe(5);
  });

  test('nesting is limited', () => {
    const descend = (reader: Reader): void => {
      reader.tag();
      reader.message(() => descend(reader));
    };
    const nest = (levels: number): Uint8Array => {
      let inner = new Uint8Array(0);
      for (let i = 0; i < levels; i++) {
        const content = inner;
        inner = new Uint8Array(
          written((writer) => {
            writer.tag(1, wireTypes.bytes);
            writer.bytes(content);
          }),
        );
      }
      return inner;
    };
    expect(() => descend(new Reader(nest(200)))).toThrow(/at most 100 nested messages/);
  });
});

test.each([
  ['an unfinished varint', '0880', /a varint\. Received the end/],
  ['an endless varint', `08${'ff'.repeat(11)}`, /at most 10 bytes/],
  ['a length beyond the end', '0a05 0000', /a length of at most 2 bytes\. Received 5/],
  ['a huge length', '0a ffffffffffffffff7f', /a length of at most 0 bytes/],
  ['a cut fixed32', '0d 000000', /expected 4 bytes\. Received 3/],
  ['a cut fixed64', '09 000000', /expected 8 bytes\. Received 3/],
  ['a group', '0b', /wire type 0, 1, 2 or 5/],
  ['field 0', '00', /a field number/],
  ['a field number above 2^29', '8080808010 00', /a field number/],
])('%s is refused', (_what, digits, message) => {
  const reader = new Reader(bytes(digits));
  const readAll = () => {
    while (reader.more) {
      reader.tag();
      reader.skip();
    }
  };
  expect(readAll).toThrow(FormatError);
  expect(() => {
    const again = new Reader(bytes(digits));
    again.tag();
    again.skip();
  }).toThrow(message);
});
