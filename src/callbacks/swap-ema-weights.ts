import * as z from 'zod';
import { deferred } from '../core/deferred.ts';
import { Callback, callbacks } from '../training/callback.ts';

const schema = deferred(() =>
  z.strictObject({
    /** Whether the callbacks that follow in the list see the running means at the end of an epoch, e.g. to save them. */
    swapOnEpoch: z.boolean().default(false),
  }),
);

/**
 * Measures (and predicts) with the running means of the weights, while training goes on with the weights themselves.
 * The optimizer must keep them: `useEma: true`.
 * @source keras/src/callbacks/swap_ema_weights.py
 */
export class SwapEMAWeights extends Callback<typeof schema> {
  static override readonly className = 'SwapEMAWeights';
  static override readonly schema = schema;

  override onTestBegin(): void {
    this.run.swapAverages();
  }

  override onTestEnd(): void {
    this.run.swapAverages();
  }

  override onPredictBegin(): void {
    this.run.swapAverages();
  }

  override onPredictEnd(): void {
    this.run.swapAverages();
  }

  override onEpochEnd(): void {
    if (this.options.swapOnEpoch) this.run.swapAverages();
  }

  override onEpochDone(): void {
    if (this.options.swapOnEpoch) this.run.swapAverages();
  }
}

/** Measures with the running means of the weights. @see {@link SwapEMAWeights} */
export const swapEMAWeights = (options: z.input<typeof schema> = {}): SwapEMAWeights =>
  new SwapEMAWeights(options);

callbacks.register(SwapEMAWeights);
