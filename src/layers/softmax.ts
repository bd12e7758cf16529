import type * as z from 'zod';
import { deferred } from '../core/deferred.ts';
import type { Value } from '../ir/graph.ts';
import { axesOption, axisList } from './axes.ts';
import type { CallSignature } from './call-arguments.ts';
import { Layer, layerOptions, type Values } from './layer.ts';
import { maskedSoftmax, maskOf } from './masks.ts';
import { registerLayer } from './registry.ts';

const schema = deferred(() =>
  layerOptions.extend({
    /** Axis, or axes taken together, along which the results add up to 1. */
    axis: axesOption(-1),
  }),
);

/** Softmax: `y = exp(x) / sum(exp(x))` along `axis`. @source keras/src/layers/activations/softmax.py */
export class Softmax extends Layer<typeof schema> {
  static override readonly className = 'Softmax';
  static override readonly schema = schema;

  protected override get supportsMasking(): boolean {
    return true;
  }

  override get signature(): CallSignature {
    return { masks: ['mask'] };
  }

  call([x]: Values): Value {
    return maskedSoftmax(x, axisList(this.options.axis), maskOf(x));
  }
}

/** Softmax: `y = exp(x) / sum(exp(x))` along `axis`. */
export const softmax = (options: z.input<typeof schema> = {}): Softmax => new Softmax(options);
registerLayer(Softmax, [
  { inputs: [[null, 4]], output: [null, 4] },
  { options: { axis: [1, 2] }, inputs: [[null, 2, 3]], output: [null, 2, 3] },
]);
