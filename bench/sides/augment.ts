import { type data, Tensor } from '../../src/index.ts';

/** A batch of images shifted, each by its own random way: work that JavaScript does, some milliseconds of it. */
export function augment([x, y]: [Tensor, Tensor], { random }: data.MapContext): [Tensor, Tensor] {
  const [count, height, width, channels] = x.shape as [number, number, number, number];
  const from = x.data as Float32Array;
  const to = new Float32Array(from.length);
  for (let i = 0; i < count; i++) {
    const [down, right] = [random.integer(9) - 4, random.integer(9) - 4];
    for (let r = 0; r < height; r++) {
      for (let c = 0; c < width; c++) {
        const row = Math.min(height - 1, Math.max(0, r + down));
        const column = Math.min(width - 1, Math.max(0, c + right));
        for (let k = 0; k < channels; k++) {
          const at = ((i * height + r) * width + c) * channels + k;
          to[at] =
            (from[((i * height + row) * width + column) * channels + k] as number) + 0.02 * random.normal();
        }
      }
    }
  }
  return [new Tensor('float32', x.shape, to), y];
}
