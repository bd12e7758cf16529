import { describe, expect, test } from '@jest/globals';
import { FormatError } from '../../src/errors.ts';
import {
  type AttributeProto,
  decodeModel,
  decodeTensor,
  encodeModel,
  encodeTensor,
  type GraphProto,
  type ModelProto,
  type TensorProto,
} from '../../src/onnx/proto.ts';
import { Writer, wireTypes } from '../../src/onnx/wire.ts';
import { emptyGraph } from '../helpers/onnx-files.ts';

const bytes = (digits: string): Uint8Array => new Uint8Array(Buffer.from(digits.replaceAll(' ', ''), 'hex'));
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

const weights: TensorProto = {
  name: 'w',
  dims: [2, 1],
  elementType: 1,
  data: bytes('0000803f 00000040'),
  docString: 'weights',
};
const words: TensorProto = {
  name: 's',
  dims: [2],
  elementType: 8,
  data: new Uint8Array(0),
  strings: [utf8('a'), utf8('')],
};
const far: TensorProto = {
  name: 'far',
  dims: [1000, 1000],
  elementType: 1,
  data: new Uint8Array(0),
  external: { location: 'w.bin', offset: '4096', ['__proto__']: 'hostile' },
};

const graphOf = (parts: Partial<GraphProto>): GraphProto => ({ ...emptyGraph, ...parts });

const attributes: readonly AttributeProto[] = [
  { name: 'a', type: 'float', value: 0.5 },
  { name: 'b', type: 'int', value: 0 },
  { name: 'c', type: 'int', value: -(2n ** 63n) },
  { name: 'd', type: 'string', value: 'SAME_UPPER' },
  { name: 'e', type: 'tensor', value: weights },
  { name: 'f', type: 'graph', value: graphOf({ name: 'then', initializers: [words] }) },
  { name: 'g', type: 'floats', value: [1, -2, Number.POSITIVE_INFINITY] },
  { name: 'h', type: 'ints', value: [-1, 0, 2n ** 62n] },
  { name: 'i', type: 'strings', value: ['', 'größe'] },
  { name: 'j', type: 'tensors', value: [weights, words] },
  { name: 'k', type: 'graphs', value: [graphOf({}), graphOf({ name: '' })] },
  { name: 'l', type: 'ints', value: [] },
];

const model: ModelProto = {
  irVersion: 8,
  producerName: 'tfk',
  producerVersion: '0.1',
  domain: 'org.example',
  modelVersion: -3,
  docString: '',
  graph: graphOf({
    docString: 'a graph',
    nodes: [
      { name: 'n', domain: '', opType: 'MatMul', inputs: ['x', 'w'], outputs: ['y'], attributes: [] },
      {
        name: '',
        domain: 'com.example',
        opType: 'All',
        inputs: ['y', '', 's'],
        outputs: ['z'],
        attributes,
        docString: 'd',
      },
    ],
    initializers: [weights, words, far],
    inputs: [
      { name: 'x', type: { kind: 'tensor', elementType: 1, shape: ['batch', null, 0, 2] } },
      { name: 'scalar', type: { kind: 'tensor', elementType: 7, shape: [] }, docString: 'rank 0' },
    ],
    outputs: [{ name: 'z', type: { kind: 'tensor', elementType: 1 } }],
    valueInfos: [{ name: 'y' }],
  }),
  opsetImports: [
    { domain: '', version: 17 },
    { domain: 'com.example', version: 1 },
  ],
  metadataProps: [{ key: 'author', value: 'me' }],
  trainingInfos: 0,
  functions: 0,
};

describe('models', () => {
  test('every message survives the round trip', () => {
    expect(decodeModel(encodeModel(model))).toEqual(model);
  });

  test('a small model has the bytes that protobuf gives it', () => {
    const small: ModelProto = {
      irVersion: 8,
      producerName: '',
      producerVersion: '',
      domain: '',
      modelVersion: 0,
      graph: graphOf({
        nodes: [{ name: '', domain: '', opType: 'Relu', inputs: ['x'], outputs: ['y'], attributes: [] }],
        inputs: [{ name: 'x', type: { kind: 'tensor', elementType: 1, shape: ['n', 2] } }],
        outputs: [{ name: 'y', type: { kind: 'tensor', elementType: 1 } }],
      }),
      opsetImports: [{ domain: '', version: 17 }],
      metadataProps: [],
      trainingInfos: 0,
      functions: 0,
    };
    const expected = bytes(
      `
      08 08
      3a 32
        0a 0c  0a 01 78  12 01 79  22 04 52656c75
        12 01 67
        5a 14  0a 01 78  12 0f 0a 0d 08 01  12 09  0a 03 12 01 6e  0a 02 08 02
        62 09  0a 01 79  12 04 0a 02 08 01
      42 02 10 11`.replaceAll('\n', ''),
    );
    expect(Buffer.from(encodeModel(small)).toString('hex')).toBe(Buffer.from(expected).toString('hex'));
    expect(decodeModel(expected)).toEqual(small);
  });

  test('unknown fields are passed over', () => {
    const extended = Buffer.concat([encodeModel(model), bytes('f2 3f 03 010203')]);
    expect(decodeModel(extended)).toEqual(model);
  });

  test('what is not read is counted, and not written back', () => {
    const read = decodeModel(bytes('3a 05 0a 00 7a 01 00 a2 01 00 ca 01 00 ca 01 00'));
    expect(read.functions).toBe(2);
    expect(read.trainingInfos).toBe(1);
    expect(read.graph.sparseInitializers).toBe(1);
    expect(() => encodeModel(read)).toThrow(/Received a sparse initializer/);
    expect(() => encodeModel({ ...model, functions: 1 })).toThrow(/Received a local function/);
  });

  test('types other than tensors are kept by name', () => {
    const read = decodeModel(bytes('3a 0b 5a 09 0a 01 78 12 04 22 02 0a 00'));
    expect(read.graph.inputs).toEqual([{ name: 'x', type: { kind: 'unsupported', what: 'sequence' } }]);
    expect(() => encodeModel(read)).toThrow(/a value of type sequence/);
  });

  test('attributes of other types, and references to those of a function, are kept as unsupported', () => {
    const read = decodeModel(
      bytes('3a 17 0a 15  2a 06 0a 01 61 a0 01 0b  2a 0b 0a 01 62 a0 01 02 aa 01 02 6263'),
    );
    const expected: readonly AttributeProto[] = [
      { name: 'a', type: 'unsupported', value: 11 },
      { name: 'b', type: 'unsupported', value: 2 },
    ];
    expect(read.graph.nodes[0]?.attributes).toEqual(expected);
    expect(() => encodeModel(read)).toThrow(/attribute "a" of type 11/);
  });

  test.each([
    ['nothing', '', /ONNX model: expected a graph\. Received none/],
    [
      'an attribute without its tensor',
      '3a 0a 0a 08 2a 06 0a 01 61 a0 01 04',
      /attribute "a": expected a tensor/,
    ],
    ['text', Buffer.from('hello world').toString('hex'), /protobuf, byte/],
  ])('%s is no model', (_what, digits, message) => {
    expect(() => decodeModel(bytes(digits))).toThrow(FormatError);
    expect(() => decodeModel(bytes(digits))).toThrow(message);
  });
});

/** A tensor file: dims, element type, and one more field. */
function tensorFile(
  dims: readonly number[],
  elementType: number,
  field: (writer: Writer) => void,
): Uint8Array {
  const writer = new Writer();
  for (const dim of dims) {
    writer.tag(1, wireTypes.varint);
    writer.varint(dim);
  }
  writer.tag(2, wireTypes.varint);
  writer.varint(elementType);
  field(writer);
  return writer.finish();
}

const packedVarints =
  (field: number, ...values: readonly (number | bigint)[]) =>
  (writer: Writer): void => {
    writer.tag(field, wireTypes.bytes);
    writer.message(() => {
      for (const value of values) {
        writer.varint(value);
      }
    });
  };
const plainBytes =
  (field: number, digits: string) =>
  (writer: Writer): void => {
    writer.tag(field, wireTypes.bytes);
    writer.bytes(bytes(digits));
  };

describe('tensors', () => {
  test.each([
    ['float', 1, plainBytes(4, '0000803f 000000c0'), '0000803f000000c0'],
    ['double', 11, plainBytes(10, '000000000000f03f 0000000000000040'), '000000000000f03f0000000000000040'],
    ['int8', 3, packedVarints(5, -1, 127), 'ff7f'],
    ['uint8', 2, packedVarints(5, 255, 0), 'ff00'],
    ['bool', 9, packedVarints(5, 1, 0), '0100'],
    ['int16', 5, packedVarints(5, -2, 256), 'feff0001'],
    ['uint16', 4, packedVarints(5, 65535, 1), 'ffff0100'],
    ['float16 bits', 10, packedVarints(5, 0x3c00, 0xc000), '003c00c0'],
    ['bfloat16 bits', 16, packedVarints(5, 0x3f80, 0), '803f0000'],
    ['int4, two in a byte', 22, packedVarints(5, 0x7f), '7f'],
    ['int32', 6, packedVarints(5, -1, 2 ** 31 - 1), 'ffffffffffffff7f'],
    ['int64', 7, packedVarints(7, -1, 2n ** 62n), 'ffffffffffffffff0000000000000040'],
    ['uint32', 12, packedVarints(11, 2 ** 32 - 1, 1), 'ffffffff01000000'],
    ['uint64', 13, packedVarints(11, 2n ** 64n - 1n, 1), 'ffffffffffffffff0100000000000000'],
    ['an unknown type', 99, packedVarints(5, 1, 2), '0100000002000000'],
    ['raw data', 1, plainBytes(9, '0000803f 000000c0'), '0000803f000000c0'],
    ['raw data of an unknown type', 99, plainBytes(9, '010203'), '010203'],
  ])('%s is read as little-endian bytes', (_name, elementType, field, expected) => {
    const tensor = decodeTensor(tensorFile([2], elementType, field));
    expect(tensor).toEqual({ name: '', dims: [2], elementType, data: bytes(expected) });
    expect(tensor.data.byteOffset).toBe(0);
    expect(decodeTensor(encodeTensor(tensor))).toEqual(tensor);
  });

  test('unpacked numbers, and several runs, are one list', () => {
    const file = tensorFile([5], 6, (writer) => {
      for (const value of [1, 2]) {
        writer.tag(5, wireTypes.varint);
        writer.varint(value);
      }
      packedVarints(5, 3, 4)(writer);
      packedVarints(5, 5)(writer);
    });
    expect([...new Int32Array(decodeTensor(file).data.buffer)]).toEqual([1, 2, 3, 4, 5]);
  });

  test('data do not share memory with the file, nor does a Buffer', () => {
    const file = Buffer.from(encodeTensor(weights));
    const tensor = decodeTensor(file);
    file.fill(0);
    expect(tensor).toEqual(weights);
  });

  test('scalars and empty tensors', () => {
    const scalar: TensorProto = { name: '', dims: [], elementType: 2, data: bytes('05') };
    const empty: TensorProto = { name: '', dims: [2 ** 50, 2 ** 50, 0], elementType: 1, data: bytes('') };
    expect(decodeTensor(encodeTensor(scalar))).toEqual(scalar);
    expect(decodeTensor(encodeTensor(empty))).toEqual(empty);
  });

  test.each([
    [
      'too few bytes',
      tensorFile([3], 1, plainBytes(9, '00000000')),
      /12 bytes for 3 elements of type 1\. Received 4/,
    ],
    ['no data', tensorFile([2 ** 40], 1, () => {}), /Received 0 bytes/],
    ['too many varints', tensorFile([1], 7, packedVarints(7, 1, 2)), /8 bytes .* Received 16/],
    ['a cut varint', tensorFile([1], 7, plainBytes(7, '01 80')), /a varint\. Received the end/],
    ['a negative size', tensorFile([-1], 1, () => {}), /dims from 0/],
    ['an absurd size', tensorFile([2 ** 40, 2 ** 40], 1, () => {}), /dims from 0/],
    [
      'the wrong field',
      tensorFile([1], 6, plainBytes(4, '00000000')),
      /a field that holds elements of type 6/,
    ],
    ['strings among numbers', tensorFile([1], 1, plainBytes(6, '00000000')), /one field/],
    ['too few strings', tensorFile([2], 8, plainBytes(6, '61')), /expected 2 strings\. Received 1/],
    ['a segment', tensorFile([1], 1, plainBytes(3, '0800')), /a whole tensor/],
    ['a wrong wire type', tensorFile([1], 1, packedVarints(2, 1)), /expected wire type 0/],
  ])('%s: refused', (_what, file, message) => {
    expect(() => decodeTensor(file)).toThrow(FormatError);
    expect(() => decodeTensor(file)).toThrow(message);
  });

  test('two fields with data are refused', () => {
    const file = tensorFile([1], 1, (writer) => {
      plainBytes(9, '00000000')(writer);
      plainBytes(4, '00000000')(writer);
    });
    expect(() => decodeTensor(file)).toThrow(/one field/);
  });

  test('data that do not fit the dims are not written', () => {
    expect(() => encodeTensor({ ...weights, dims: [3] })).toThrow(/tensor "w": expected 12 bytes/);
  });
});

test('2000 mutations of a model give a model or a FormatError', () => {
  const original = encodeModel(model);
  let state = 1;
  const random = (below: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  const outcomes = { read: 0, refused: 0 };
  for (let trial = 0; trial < 2000; trial++) {
    const mutant = original.slice(0, random(4) === 0 ? random(original.length) : original.length);
    for (let change = random(4); change >= 0 && mutant.length > 0; change--) {
      mutant[random(mutant.length)] = random(256);
    }
    try {
      decodeModel(mutant);
      outcomes.read++;
    } catch (error) {
      expect(error).toBeInstanceOf(FormatError);
      outcomes.refused++;
    }
  }
  expect(outcomes.read).toBeGreaterThan(100);
  expect(outcomes.refused).toBeGreaterThan(100);
});
