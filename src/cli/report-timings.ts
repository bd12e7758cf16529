import type { Timing, Timings } from './reported-run.ts';

/** An event of a trace that `tfk train --profile` wrote; times are microseconds. */
export interface TraceEvent {
  readonly name: string;
  readonly cat?: string;
  readonly dur?: number;
}

const mostLayers = 12;

/** Sums of a trace: compilation, which happens once, is left out. */
export function timingsFrom(events: readonly TraceEvent[]): Timings {
  const parts = events.filter(({ cat, name }) => cat === 'host' && name !== 'compile');
  const ops = events.filter(({ cat }) => cat === 'op');
  const layers = sums(ops, layerOf);
  const others = layers.slice(mostLayers).reduce((sum, { milliseconds }) => sum + milliseconds, 0);
  const shown = layers.slice(0, mostLayers);
  return {
    parts: sums(parts, (name) => name),
    layers: others > 0 ? [...shown, { name: 'all others', milliseconds: others }] : shown,
  };
}

function sums(events: readonly TraceEvent[], key: (name: string) => string): Timing[] {
  const total = new Map<string, number>();
  for (const { name, dur = 0 } of events) total.set(key(name), (total.get(key(name)) ?? 0) + dur / 1000);
  return [...total]
    .map(([name, milliseconds]) => ({ name, milliseconds }))
    .sort((a, b) => b.milliseconds - a.milliseconds);
}

/** `sequential/dense/MatMul/MatMulAddFusion` is of `sequential/dense`: the ops at the end go. */
const layerOf = (name: string): string => name.replace(/(\/[A-Z][^/]*)+$/, '');
