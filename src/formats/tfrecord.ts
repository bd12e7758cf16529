import { FormatError } from '../errors.ts';
import { ByteReader } from './byte-reader.ts';
import { maskedCrc32c } from './crc32c.ts';

/** Bytes before the data of a record: its length and the checksum of that. */
const headBytes = 12;
const tailBytes = 4;

/**
 * One record as TFRecord files hold it: length, masked CRC-32C of the length, data, masked CRC-32C of the data.
 * @source tensorflow/core/lib/io/record_writer.h
 */
export function recordOf(data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(headBytes + data.length + tailBytes);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(data.length), true);
  view.setUint32(8, maskedCrc32c(bytes.subarray(0, 8)), true);
  bytes.set(data, headBytes);
  view.setUint32(headBytes + data.length, maskedCrc32c(data), true);
  return bytes;
}

/** A record of a file; `data` is missing where its checksum is wrong. */
export interface ReadRecord {
  readonly index: number;
  readonly data: Uint8Array | undefined;
}

/**
 * The records of a TFRecord file, one after the other; gzip is recognised.
 * @throws {@link FormatError} when a length is wrong or the file ends within a record: nothing after it can be found
 */
export async function* readRecords(path: string): AsyncGenerator<ReadRecord, undefined> {
  const reader = await ByteReader.open(path);
  const fail = (index: number, what: string): FormatError =>
    new FormatError(`${path}: record ${index}: ${what}.`, { op: 'tfrecord', received: `record ${index}` });
  try {
    for (let index = 0; ; index++) {
      const head = await reader.read(headBytes);
      if (head.length === 0) return;
      if (head.length < headBytes) throw fail(index, 'the file ends within its length');
      const view = new DataView(head.buffer, head.byteOffset, headBytes);
      if (view.getUint32(8, true) !== maskedCrc32c(head.subarray(0, 8)))
        throw fail(index, 'the checksum of its length is wrong');
      const length = Number(view.getBigUint64(0, true));
      const bytes = await reader.read(length + tailBytes);
      if (bytes.length < length + tailBytes) throw fail(index, 'the file ends within its data');
      const data = bytes.subarray(0, length);
      const crc = new DataView(bytes.buffer, bytes.byteOffset + length, tailBytes).getUint32(0, true);
      yield { index, data: crc === maskedCrc32c(data) ? data : undefined };
    }
  } finally {
    await reader.close();
  }
}
