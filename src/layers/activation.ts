import type * as z from 'zod';
import { deferred } from '../core/deferred.ts';
import type { Value } from '../ir/graph.ts';
import { activationOption, activations } from './activations.ts';
import { Layer, layerOptions, type Values } from './layer.ts';
import { registerLayer } from './registry.ts';

const schema = deferred(() =>
  layerOptions.extend({
    /** Name of the function, e.g. `relu`. */
    activation: activationOption().unwrap(),
  }),
);

/** Applies an activation function: `y = activation(x)`. @source keras/src/layers/activations/activation.py */
export class Activation extends Layer<typeof schema> {
  static override readonly className = 'Activation';
  static override readonly schema = schema;

  protected override get supportsMasking(): boolean {
    return true;
  }

  call([x]: Values): Value {
    return activations.get(this.options.activation)(x);
  }
}

/** Applies an activation function, given by name. @see {@link Activation} */
export const activation = (options: z.input<typeof schema>): Activation => new Activation(options);
registerLayer(Activation, [
  { options: { activation: 'tanh' }, inputs: [[null, 3]], output: [null, 3] },
  { options: { activation: 'softmax' }, inputs: [[null, 2, 3]], output: [null, 2, 3] },
  { options: { activation: 'glu' }, inputs: [[null, 4]], output: [null, 2] },
]);
