import type * as z from 'zod';
import type { Value } from '../ir/graph.ts';
import { reshape } from '../ops/index.ts';
import type { CallOptions, PartialShapes, Values } from './layer.ts';
import { expectSequence } from './recurrent.ts';
import { registerLayer } from './registry.ts';
import { Wrapper, type wrapperOptions } from './wrapper.ts';

/**
 * Applies a layer to every step of a sequence by itself: `[batch, time, ...]` in, `[batch, time, ...]` out.
 *
 * The steps are computed as one larger batch, so that batch normalization inside takes its statistics from all of them.
 * @source keras/src/layers/rnn/time_distributed.py
 */
export class TimeDistributed extends Wrapper {
  static override readonly className = 'TimeDistributed';

  protected override get supportsMasking(): boolean {
    return true;
  }

  override build([shape]: PartialShapes): void {
    const [batch, , ...sample] = expectSequence(shape);
    this.buildPart(this.layer, [[batch, ...sample]]);
  }

  call([x]: Values, { training }: CallOptions): readonly Value[] {
    const [batch, time, ...sample] = expectSequence(x.shape) as readonly [number, number, ...number[]];
    const steps = this.layer.invoke([reshape(x, [batch * time, ...sample])], { training });
    return steps.map((y) => reshape(y, [batch, time, ...y.shape.slice(1)]));
  }
}
/** Applies a layer to every step of a sequence. @see {@link TimeDistributed} */
export const timeDistributed = (options: z.input<typeof wrapperOptions>): TimeDistributed =>
  new TimeDistributed(options);
registerLayer(TimeDistributed, [
  { options: { layer: { type: 'dense', units: 2 } }, inputs: [[null, 3, 4]], output: [null, 3, 2] },
  {
    options: { layer: { type: 'conv1d', filters: 2, kernelSize: 2 } },
    inputs: [[null, null, 4, 3]],
    output: [null, null, 3, 2],
  },
]);
