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

/** How far an epoch has come. */
export class EpochProgress {
  /** Whether the feeder has begun the epoch. */
  begun = false;
  /** Batches done. */
  batch = 0;
  readonly results = new RunningResults();
}

/** One pass over data. */
export interface Epoch {
  readonly kind: StepKind;
  readonly feeder: Feeder;
  readonly steps: StepCache;
  /** Training batches in one native call. */
  readonly repeats: number;
  readonly callbacks?: CallbackList | undefined;
  readonly stopped?: () => boolean;
  /** Where to begin: at the first batch where left out, further on in an epoch that is resumed. */
  readonly progress?: EpochProgress | undefined;
  /** Told of a training step whose loss is not finite, before it updates weights. */
  readonly onNonFinite?: (step: Step, batch: number) => Promise<void>;
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
  const { kind, feeder, steps, callbacks, collect, onNonFinite } = epoch;
  const { profile } = steps;
  const progress = epoch.progress ?? new EpochProgress();
  const { results } = progress;
  const [begin, end] = batchHooks[kind];
  const wantsBegin = callbacks?.wants(begin) === true;
  const wantsEnd = callbacks?.wants(end) === true;
  const wantsProgress = kind !== 'predict' && callbacks?.wants('onProgress') === true;
  const wantsDone = kind === 'train' && callbacks?.wants('onStepDone') === true;
  let sliceStart = performance.now();
  let shownAt = sliceStart;
  const beginning = progress.begun ? undefined : feeder.begin();
  if (beginning !== undefined) await beginning;
  progress.begun = true;
  for (
    let { batch } = progress;
    batch < (feeder.steps ?? Number.POSITIVE_INFINITY) && epoch.stopped?.() !== true;
  ) {
    profile?.begin();
    const next = feeder.next();
    const feed = next instanceof Promise ? await next : next;
    if (feed === undefined) break;
    const repeats = runLength(epoch, batch);
    const step = steps.find(kind, feed.types, repeats) ?? (await steps.make(kind, feed.types, repeats));
    fill(step, feed, feeder);
    profile?.mark('feed');
    if (wantsBegin) await callbacks?.call(begin, batch, {});
    step.begin();
    profile?.mark('random');
    const running = step.run();
    if (running !== undefined) await running;
    profile?.markRun(step);
    if (onNonFinite && !step.lossIsFinite) await onNonFinite(step, batch);
    const finishing = step.finish();
    if (finishing !== undefined) await finishing;
    profile?.mark('optimizer');
    batch += repeats;
    progress.batch = batch;
    results.add(step);
    collect?.(step);
    if (wantsEnd) await callbacks?.call(end, batch - 1, results.logs());
    if (wantsDone) await callbacks?.call('onStepDone', batch - 1, results.logs());
    const now = performance.now();
    if (wantsProgress && now - shownAt >= progressMs) {
      shownAt = now;
      await callbacks?.call('onProgress', batch - 1, results.logs());
    }
    if (profile !== undefined) await profile.endStep();
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
