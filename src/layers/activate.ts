import type { Value } from '../ir/graph.ts';
import { activations } from './activations.ts';
import { noteOutputs } from './trace.ts';

/** The layer's activation of `x`, which `model.probe` knows as `<layer>/preActivation`. */
export function activate(activation: Parameters<typeof activations.get>[0], x: Value): Value {
  noteOutputs([x], 'preActivation');
  return activations.get(activation)(x);
}
