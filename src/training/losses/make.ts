import type { TensorType } from '../../core/shape.ts';
import { type Loss, type LossSpec, losses } from '../loss.ts';
import { problemOf } from '../problem.ts';

/**
 * The loss that `spec` describes; `crossentropy` (or `ce`) is the kind that fits the targets.
 * @throws {@link ConfigError} for an unknown name or bad options
 */
export function makeLoss(spec: LossSpec, yTrue: TensorType, yPred: TensorType): Loss {
  if (typeof spec === 'string' && /^(crossentropy|ce)$/i.test(spec)) {
    return losses.make(`${problemOf(yTrue, yPred)}Crossentropy`);
  }
  return losses.make(spec);
}
