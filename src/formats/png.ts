import { crc32, deflateSync } from 'node:zlib';

const signature = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);
/** Colour types by the number of channels. */
const colourTypes: Readonly<Record<number, number>> = { 1: 0, 2: 4, 3: 2, 4: 6 };

/** A picture of bytes, row by row, its channels side by side. */
export interface Bitmap {
  readonly width: number;
  readonly height: number;
  /** 1 grey, 3 colours; 2 and 4 with opacity. */
  readonly channels: number;
  readonly pixels: Uint8Array;
}

/** A small picture as PNG, without filters: what reports and logs show. @source W3C PNG specification, sections 5 and 11 */
export function encodePng({ width, height, channels, pixels }: Bitmap): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, colourTypes[channels] as number, 0, 0, 0], 8);
  const stride = width * channels;
  const lines = Buffer.alloc(height * (stride + 1)); // each line begins with its filter: none
  for (let y = 0; y < height; y++)
    lines.set(pixels.subarray(y * stride, (y + 1) * stride), y * (stride + 1) + 1);
  return Buffer.concat([
    signature,
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(lines)),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  sum.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, sum]);
}

/**
 * Numbers as a picture: 0..1, or 0..255 where there are larger ones, or their whole range where there are negative ones.
 * @param shape - `[height, width, channels]` or `[height, width]`
 */
export function bitmapOf(numbers: ArrayLike<number>, shape: readonly number[]): Bitmap {
  const [height = 1, width = 1, channels = 1] = shape;
  let [low, high] = [0, 0];
  for (let i = 0; i < numbers.length; i++) {
    low = Math.min(low, numbers[i] as number);
    high = Math.max(high, numbers[i] as number);
  }
  const top = low < 0 ? high : high <= 1 ? 1 : Math.max(255, high);
  const scale = 255 / (top - low || 1);
  const pixels = Uint8Array.from(numbers, (v) => Math.round((v - low) * scale));
  return { width, height, channels, pixels };
}
