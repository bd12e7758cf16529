import * as z from 'zod';
import { deferred } from '../core/deferred.ts';
import { type DType, isDtype } from '../core/dtype.ts';
import type { PartialShape } from '../core/shape.ts';
import type { Value } from '../ir/graph.ts';
import { noArguments } from './call-arguments.ts';
import { Layer, layerOptions, type Values } from './layer.ts';
import { registerLayer } from './registry.ts';
import { SymbolicTensor } from './symbolic.ts';

const size = z.int().min(0).nullable();
const schema = deferred(() =>
  layerOptions.omit({ activityRegularizer: true, trainable: true }).extend({
    /** Shape of one sample; `null` for sizes that may vary. */
    shape: z.array(size).readonly(),
    /** Fixes the batch size. */
    batchSize: z.int().min(1).nullable().default(null),
    dtype: z.custom<DType>(isDtype, 'expected an element type such as float32 or int32').default('float32'),
  }),
);

/** Where data enters a model. @source keras/src/layers/core/input_layer.py */
export class InputLayer extends Layer<typeof schema> {
  static override readonly className = 'InputLayer';
  static override readonly schema = schema;

  call([x]: Values): Value {
    return x;
  }

  protected override get castsInputs(): boolean {
    return false;
  }

  /** Shape with the batch axis. */
  get batchShape(): PartialShape {
    return [this.options.batchSize, ...this.options.shape];
  }

  /** The symbolic tensor that stands for the data. */
  tensor(): SymbolicTensor {
    const outputs: SymbolicTensor[] = [];
    const call = { layer: this as unknown as Layer, inputs: [], ...noArguments, outputs };
    outputs.push(new SymbolicTensor(this.batchShape, this.options.dtype, { call, index: 0, callIndex: 0 }));
    this.ensureBuilt([this.batchShape]);
    this.calls.push(call);
    return outputs[0] as SymbolicTensor;
  }
}
registerLayer(InputLayer, [], 'input');

/**
 * The start of a functional model: a symbolic tensor of the given shape (without the batch axis).
 * @example `tfk.input({ shape: [28, 28, 1] })`
 */
export const input = (options: z.input<typeof schema>): SymbolicTensor => new InputLayer(options).tensor();
