import type * as tfk from '../../src/index.ts';
import type { Task } from '../task.ts';

/** A training task together with its network. */
export interface Workload extends Task {
  /**
   * A new model, not compiled. It is written with what the argument has and nothing else, so that TensorFlow.js, whose
   * names are the same, builds it from the same source.
   */
  build(kit: Kit): tfk.Model;
}

/** What networks are written with. */
export interface Kit extends Pick<typeof tfk, 'input' | 'model'> {
  readonly layers: typeof tfk.layers & { positions(): tfk.Layer };
}

/** Native threads that every side gets. */
export const threads = 2;
