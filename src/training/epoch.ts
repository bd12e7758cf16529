import { yieldToEventLoop } from '../core/event-loop.ts';
import type { CallbackList, Logs } from './callback.ts';
import type { Feed, Feeder } from './feeder.ts';
import { RunningResults } from './results.ts';
import type { BatchBuffers, Step } from './step.ts';
import type { StepCache } from './step-cache.ts';
import type { StepKind } from './step-graph.ts';

/** How often progress is shown. */
const progressMs = 50;
/** How long short steps may go on before the event loop gets its turn. */
const sliceMs = 8;

const batchHooks = {
  train: ['onTrainBatchBegin', 'onTrainBatchEnd'],
  test: ['onTestBatchBegin', 'onTestBatchEnd'],
  predict: ['onPredictBatchBegin', 'onPredictBatchEnd'],
} as const;

/** One pass over data. */
export interface Epoch {
  readonly kind: StepKind;
  readonly feeder: Feeder;
  readonly steps: StepCache;
  /** Training batches in one native call. */
  readonly repeats: number;
  readonly callbacks?: CallbackList | undefined;
  readonly stopped?: () => boolean;
  /** Sees each step after its run. */
  readonly collect?: (step: Step) => void;
}

/**
 * Runs the batches of one epoch. Short steps run in slices of a few milliseconds, then the event loop gets its turn;
 * long ones run beside it.
 * @returns loss and metrics over the epoch
 */
export async function runEpoch(epoch: Epoch): Promise<Logs> {
  try {
    return await runBatches(epoch);
  } finally {
    if (epoch.kind !== 'train') await epoch.feeder.end(); // training goes on with the next epoch
  }
}

async function runBatches(epoch: Epoch): Promise<Logs> {
  const { kind, feeder, steps, callbacks, collect } = epoch;
  const results = new RunningResults();
  const [begin, end] = batchHooks[kind];
  const wantsBegin = callbacks?.wants(begin) === true;
  const wantsEnd = callbacks?.wants(end) === true;
  const wantsProgress = kind !== 'predict' && callbacks?.wants('onProgress') === true;
  let sliceStart = performance.now();
  let shownAt = sliceStart;
  feeder.begin();
  for (let batch = 0; batch < (feeder.steps ?? Number.POSITIVE_INFINITY) && epoch.stopped?.() !== true; ) {
    const next = feeder.next();
    const feed = next instanceof Promise ? await next : next;
    if (feed === undefined) break;
    const repeats = runLength(epoch, batch);
    const step = steps.find(kind, feed.types, repeats) ?? (await steps.make(kind, feed.types, repeats));
    fill(step, feed, feeder);
    if (wantsBegin) await callbacks?.call(begin, batch, {});
    step.begin();
    const running = step.run();
    if (running !== undefined) await running;
    const finishing = kind === 'train' ? step.finish() : undefined;
    if (finishing !== undefined) await finishing;
    batch += repeats;
    results.add(step);
    collect?.(step);
    if (wantsEnd) await callbacks?.call(end, batch - 1, results.logs());
    const now = performance.now();
    if (wantsProgress && now - shownAt >= progressMs) {
      shownAt = now;
      await callbacks?.call('onProgress', batch - 1, results.logs());
    }
    if (running !== undefined) sliceStart = now;
    else if (now - sliceStart >= sliceMs) {
      await yieldToEventLoop();
      sliceStart = performance.now();
    }
  }
  return results.logs();
}

/** Batches of the next run: as many as asked for, if that many full ones are left; one otherwise. */
function runLength({ kind, feeder, repeats }: Epoch, batch: number): number {
  if (kind !== 'train' || repeats === 1) return 1;
  const left = (feeder.steps ?? Number.POSITIVE_INFINITY) - batch;
  return feeder.ahead >= repeats - 1 && left >= repeats ? repeats : 1;
}

/** Copies the batch at hand, and the following ones of a longer run. */
function fill(step: Step, first: Feed, feeder: Feeder): void {
  const [head, ...rest] = step.memory.batches as readonly [BatchBuffers, ...BatchBuffers[]];
  first.fill(head);
  for (const buffers of rest) (feeder.next() as Feed).fill(buffers);
}
