import * as z from 'zod';
import { deferred } from '../core/deferred.ts';
import { parseState, type State } from '../core/state.ts';
import { Callback, callbacks } from '../training/callback.ts';

const stageSchema = z.strictObject({
  /** Epoch, from 0, before which the layers are unfrozen. */
  epoch: z.int().nonnegative(),
  /** Names or paths of layers, `*` for anything, as {@link Model.unfreeze} takes them. */
  layers: z.array(z.string()).min(1),
  /** Learning rate from then on; `null` leaves it as it is. */
  learningRate: z.number().positive().nullable().default(null),
});
const schema = deferred(() => z.strictObject({ stages: z.array(stageSchema).min(1) }));
const stateSchema = deferred(() => z.strictObject({ done: z.int().nonnegative() }));

/**
 * Unfreezes layers of a frozen model epoch by epoch, those nearest to the output first as a rule: the new head settles
 * before what was learned is touched. Moments that the optimizer keeps of weights go on.
 * @source Howard and Ruder 2018, "Universal Language Model Fine-tuning", arXiv:1801.06146
 */
export class GradualUnfreezing extends Callback<typeof schema> {
  static override readonly className = 'GradualUnfreezing';
  static override readonly schema = schema;
  readonly #stages = this.options.stages.toSorted((a, b) => a.epoch - b.epoch);
  #done = 0;

  override onTrainBegin(): void {
    this.#done = 0;
  }

  override state(): State {
    return { done: this.#done };
  }

  override beforeRestore(state: State): void {
    this.#done = parseState(stateSchema, state, 'GradualUnfreezing').done;
    for (const { layers } of this.#stages.slice(0, this.#done)) this.run.model.unfreeze(...layers);
  }

  override restore(): void {} // all is done

  override async onEpochBegin(epoch: number): Promise<void> {
    const due = this.#stages.slice(this.#done).filter((stage) => stage.epoch <= epoch);
    if (due.length === 0) return;
    for (const { layers, learningRate } of due) {
      this.run.model.unfreeze(...layers);
      if (learningRate !== null) this.run.learningRate = learningRate;
    }
    this.#done += due.length;
    await this.run.retrain();
  }
}

/** Unfreezes layers of a frozen model epoch by epoch. @see {@link GradualUnfreezing} */
export const gradualUnfreezing = (options: z.input<typeof schema>): GradualUnfreezing =>
  new GradualUnfreezing(options);
callbacks.register(GradualUnfreezing);
