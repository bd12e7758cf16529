import * as z from 'zod';
import { deferred } from '../core/deferred.ts';
import type { Value } from '../ir/graph.ts';
import { div } from '../ops/index.ts';
import { Layer, layerOptions, type Values } from './layer.ts';
import { registerLayer } from './registry.ts';
import { l1l2 } from './regularizers.ts';
import { addLoss } from './trace.ts';

const schema = deferred(() =>
  layerOptions.extend({
    l1: z.number().nonnegative().default(0),
    l2: z.number().nonnegative().default(0),
  }),
);

/**
 * Its input, unchanged, with a penalty on it in the loss: `(l1 * sum(|x|) + l2 * sum(x^2)) / batch`.
 * @source keras/src/layers/regularization/activity_regularization.py
 */
export class ActivityRegularization extends Layer<typeof schema> {
  static override readonly className = 'ActivityRegularization';
  static override readonly schema = schema;

  protected override get supportsMasking(): boolean {
    return true;
  }

  call([x]: Values): Value {
    const { l1, l2 } = this.options;
    addLoss(div(l1l2({ l1, l2 }).call(x), x.shape[0] ?? 1));
    return x;
  }
}

/** Its input, unchanged, with a penalty on it in the loss. @see {@link ActivityRegularization} */
export const activityRegularization = (options: z.input<typeof schema> = {}): ActivityRegularization =>
  new ActivityRegularization(options);
registerLayer(ActivityRegularization, [
  { options: { l1: 0.1, l2: 0.2 }, inputs: [[null, 3]], output: [null, 3] },
]);
