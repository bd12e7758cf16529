/** A picture of bytes, row by row, its channels side by side. */
export interface Bitmap {
  readonly width: number;
  readonly height: number;
  /** 1 grey, 3 colours; 2 and 4 with opacity. */
  readonly channels: number;
  readonly pixels: Uint8Array;
}

/** A picture as PNG: what reports and logs show. */
export async function encodePng({ width, height, channels, pixels }: Bitmap): Promise<Buffer> {
  const sharp = (await import('sharp')).default; // when the first picture comes
  const raw = { width, height, channels: channels as 1 | 2 | 3 | 4 };
  return sharp(pixels, { raw }).png().toBuffer();
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
