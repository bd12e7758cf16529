import * as z from 'zod';
import { deferred } from '../core/deferred.ts';
import { functionOption } from '../core/functions.ts';
import type { Value } from '../ir/graph.ts';
import { type CallOptions, Layer, layerOptions, type Values } from './layer.ts';
import { registerLayer } from './registry.ts';

/** What a {@link Lambda} calls: a layer's `call` without the layer, and the option `arguments`. */
export type LambdaFunction = (
  inputs: Values,
  options: CallOptions,
  args: Readonly<Record<string, unknown>>,
) => Value | readonly Value[];

const schema = deferred(() =>
  layerOptions.extend({
    /** Written with `tfk.ops`; a model can be saved once it has a name, from `tfk.registerFunction`. */
    function: functionOption<LambdaFunction>(),
    /** What the function is given besides, as plain data. */
    arguments: z.record(z.string(), z.unknown()).default({}),
  }),
);

/** Applies a function: `y = f(inputs)`. It has no weights. @source keras/src/layers/core/lambda_layer.py */
export class Lambda extends Layer<typeof schema> {
  static override readonly className = 'Lambda';
  static override readonly schema = schema;

  protected override get arity(): { min: number; max: number } {
    return { min: 1, max: Number.POSITIVE_INFINITY };
  }

  call(inputs: Values, options: CallOptions): Value | readonly Value[] {
    return this.options.function(inputs, options, this.options.arguments);
  }
}

/** Applies a function. @example `tfk.layers.lambda({ function: ([x]) => tfk.ops.mul(x, 2) })` */
export const lambda = (options: z.input<typeof schema>): Lambda => new Lambda(options);
registerLayer(Lambda, []);
