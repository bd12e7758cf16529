import * as z from 'zod';
import { deferred } from '../core/deferred.ts';
import { tensor } from '../core/tensor.ts';
import { constant, type Value } from '../ir/graph.ts';
import { add, mul } from '../ops/index.ts';
import { Layer, layerOptions, type Values } from './layer.ts';
import { registerLayer } from './registry.ts';

const factor = z.union([z.number(), z.array(z.number()).min(1)]);
const schema = deferred(() =>
  layerOptions.extend({
    /** One number, or one for each element of the last axis. */
    scale: factor,
    offset: factor.default(0),
  }),
);

/**
 * Fixed change of range: `y = x * scale + offset`, e.g. `scale: 1 / 255` for pixels.
 * @source keras/src/layers/preprocessing/rescaling.py
 */
export class Rescaling extends Layer<typeof schema> {
  static override readonly className = 'Rescaling';
  static override readonly schema = schema;

  protected override get supportsMasking(): boolean {
    return true;
  }

  call([x]: Values): Value {
    const [scale, offset] = [this.options.scale, this.options.offset].map((numbers) =>
      constant(tensor(numbers).cast(x.dtype)),
    ) as [Value, Value];
    return add(mul(x, scale), offset);
  }
}

/** Fixed change of range: `y = x * scale + offset`. @see {@link Rescaling} */
export const rescaling = (options: z.input<typeof schema>): Rescaling => new Rescaling(options);
registerLayer(Rescaling, [
  { options: { scale: 0.5 }, inputs: [[null, 3]], output: [null, 3] },
  { options: { scale: [1, 2, 3], offset: [0, -1, 1] }, inputs: [[null, 2, 3]], dtype: 'uint8' },
]);
