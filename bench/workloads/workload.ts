import type { Model } from '../../src/index.ts';
import type { Task } from '../task.ts';

/** A task together with tfk's model for it. */
export interface Workload extends Task {
  /** A new compiled model, made as a user would make it. */
  model(): Model;
}

/** Native threads that every side gets. */
export const threads = 2;
