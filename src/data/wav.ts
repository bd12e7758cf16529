import { Tensor } from '../core/tensor.ts';
import { FormatError } from '../errors.ts';
import { readBytes } from '../formats/atomic.ts';

/** Sound of a WAV file. */
export interface Wav {
  /** float32 `[frames, channels]`, in [-1, 1]. */
  readonly samples: Tensor;
  /** Frames a second. */
  readonly sampleRate: number;
}

type ReadSample = (view: DataView, at: number) => number;

/** By format code (1 is PCM, 3 is floating point) and bits. */
const formats: Readonly<Record<string, ReadSample>> = {
  '1:8': (view, at) => (view.getUint8(at) - 128) / 128,
  '1:16': (view, at) => view.getInt16(at, true) / 2 ** 15,
  '1:24': (view, at) => (view.getUint16(at, true) + view.getInt8(at + 2) * 2 ** 16) / 2 ** 23,
  '1:32': (view, at) => view.getInt32(at, true) / 2 ** 31,
  '3:32': (view, at) => view.getFloat32(at, true),
  '3:64': (view, at) => view.getFloat64(at, true),
};
/** `WAVE_FORMAT_EXTENSIBLE`: the code is further on. */
const extensible = 0xfffe;

/**
 * Reads a WAV file: PCM of 8, 16, 24 or 32 bits, or floating point of 32 or 64.
 * @param source - path, or the bytes of the file
 * @throws {@link FormatError} when the file is corrupt or compressed
 */
export async function readWav(source: string | Uint8Array): Promise<Wav> {
  const file = typeof source === 'string' ? source : 'WAV data';
  const bytes = await readBytes(source);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const fail = (what: string): never => {
    throw new FormatError(`${file}: not a readable WAV file: ${what}.`, { op: 'wav' });
  };
  const tag = (at: number): string => Buffer.from(bytes.subarray(at, at + 4)).toString('latin1');
  if (bytes.length < 12 || tag(0) !== 'RIFF' || tag(8) !== 'WAVE')
    fail('it does not start with RIFF and WAVE');
  const chunks = new Map<string, { at: number; length: number }>();
  for (let at = 12; at + 8 <= bytes.length; ) {
    const length = view.getUint32(at + 4, true);
    chunks.set(tag(at), { at: at + 8, length });
    at += 8 + length + (length % 2);
  }
  const format = chunks.get('fmt ') ?? fail('it has no "fmt " chunk');
  const data = chunks.get('data') ?? fail('it has no "data" chunk');
  if (format.length < 16 || format.at + format.length > bytes.length) fail('its "fmt " chunk is cut off');
  const code = view.getUint16(format.at, true);
  const actual = code === extensible && format.length >= 26 ? view.getUint16(format.at + 24, true) : code;
  const channels = view.getUint16(format.at + 2, true);
  const bits = view.getUint16(format.at + 14, true);
  const read = formats[`${actual}:${bits}`] ?? fail(`format ${actual} with ${bits} bits is not known`);
  if (channels === 0 || data.at + data.length > bytes.length) fail('its "data" chunk is cut off');
  const frames = Math.floor(data.length / (channels * (bits / 8)));
  const samples = Float32Array.from({ length: frames * channels }, (_, i) =>
    read(view, data.at + i * (bits / 8)),
  );
  return {
    samples: new Tensor('float32', [frames, channels], samples),
    sampleRate: view.getUint32(format.at + 4, true),
  };
}
