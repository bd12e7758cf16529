import type { z } from 'zod';
import { Configured, ConfiguredRegistry, type Spec } from '../core/configured.ts';
import type { Value } from '../ir/graph.ts';

/** A projection of a weight onto a set, done after every update. */
export abstract class Constraint<S extends z.ZodType = z.ZodType> extends Configured<S> {
  /** The projected weight: the same shape. */
  abstract call(weight: Value): Value;
}
export type ConstraintSpec = Spec<Constraint>;
export const constraints = new ConfiguredRegistry<Constraint>('constraint');
