import * as z from 'zod';
import { deferred } from '../core/deferred.ts';
import type { Value } from '../ir/graph.ts';
import { add, matmul } from '../ops/index.ts';
import { activate } from './activate.ts';
import { activationOption } from './activations.ts';
import { knownSize, layerOptions, type PartialShapes, type Values } from './layer.ts';
import { Adaptable, loraFromStart } from './lora.ts';
import { biasOptions, biasWeight, kernelOptions, kernelWeight, positiveInteger } from './options.ts';
import { registerLayer } from './registry.ts';
import type { Weight } from './weight.ts';

const schema = deferred(() =>
  layerOptions.extend({
    /** Size of the output's last axis. */
    units: positiveInteger,
    activation: activationOption(),
    useBias: z.boolean().default(true),
    ...kernelOptions,
    ...biasOptions,
    ...loraFromStart,
  }),
);

/**
 * Fully connected layer: `y = activation(x kernel + bias)` over the last axis.
 *
 * Input `[batch, ..., inputSize]`, output `[batch, ..., units]`. Weights: `kernel [inputSize, units]`, `bias [units]`.
 * @source keras/src/layers/core/dense.py
 */
export class Dense extends Adaptable<typeof schema> {
  static override readonly className = 'Dense';
  static override readonly schema = schema;
  #kernel!: Weight;
  #bias: Weight | undefined;

  protected override get supportsMasking(): boolean {
    return true;
  }

  override build([shape]: PartialShapes): void {
    const o = this.options;
    this.#kernel = this.addAdaptableWeight(
      'kernel',
      [knownSize(shape, -1, 'size of the last axis'), o.units],
      kernelWeight(o),
      o,
    );
    if (!o.useBias) return;
    this.#bias = this.addWeight('bias', [o.units], biasWeight(o));
  }

  call([x]: Values): Value {
    const y = matmul(x, this.#kernel.value);
    return activate(this.options.activation, this.#bias ? add(y, this.#bias.value) : y);
  }
}

/** Fully connected layer: `y = activation(x kernel + bias)`. @see {@link Dense} */
export const dense = (options: z.input<typeof schema>): Dense => new Dense(options);
registerLayer(Dense, [
  { options: { units: 3 }, inputs: [[null, 4]], output: [null, 3] },
  { options: { units: 2, useBias: false, activation: 'relu' }, inputs: [[null, 5, 4]], output: [null, 5, 2] },
]);
