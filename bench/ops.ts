/**
 * Which native ops a training step spends its time on: `node dist/bench/ops.js [workload] [rows]` prints two tables, by
 * kind of op and by layer. Of each op the quickest of the traced runs counts: what other programs took is left out.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TraceEvent, tracedRuns } from '../src/training/profile.ts';
import { compiledModel, randomTensors } from './sides/model.ts';
import { findWorkload } from './workloads/index.ts';

/** An op of the step, with the milliseconds of its quickest run. */
interface Op {
  readonly name: string;
  readonly kind: string;
  ms: number;
}

/** Traces some steps. */
async function trace(name: string): Promise<TraceEvent[]> {
  const workload = { ...findWorkload(name), batches: tracedRuns };
  const folder = mkdtempSync(join(tmpdir(), 'tfk-ops-'));
  const profile = join(folder, 'trace.json');
  const { x, y } = randomTensors(workload);
  try {
    await compiledModel(workload).fit(x, y, { batchSize: workload.batchSize, verbose: 0, profile });
    return (JSON.parse(readFileSync(profile, 'utf8')) as { traceEvents: TraceEvent[] }).traceEvents;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The ops of a step; one that runs several times, in a loop, is there as often. */
function opsOf(events: readonly TraceEvent[]): Op[] {
  const quickest = new Map<string, Op>();
  let seen = new Map<string, number>();
  for (const { name, cat, dur = 0, args } of events.toSorted((a, b) => (a.ts ?? 0) - (b.ts ?? 0))) {
    if (name === 'run') seen = new Map();
    if (cat !== 'op') continue;
    const count = seen.get(name) ?? 0;
    seen.set(name, count + 1);
    const key = `${name} ${count}`;
    const kind = `${String(args?.op)}${name.includes('(gradient)') ? ', backward' : ''}`;
    const op = quickest.get(key) ?? { name, kind, ms: Number.POSITIVE_INFINITY };
    quickest.set(key, op);
    op.ms = Math.min(op.ms, dur / 1000);
  }
  return [...quickest.values()];
}

const sum = (ops: readonly { readonly ms: number }[]): number => ops.reduce((ms, op) => ms + op.ms, 0);

/** Times of groups of ops, the longest first. */
function table(title: string, ops: readonly Op[], rows: number, groupOf: (op: Op) => string): string {
  const groups = new Map<string, Op[]>();
  for (const op of ops) groups.set(groupOf(op), [...(groups.get(groupOf(op)) ?? []), op]);
  const lines = [...groups].map(([group, members]) => ({ group, count: members.length, ms: sum(members) }));
  lines.sort((a, b) => b.ms - a.ms);
  const format = (...cells: readonly string[]): string =>
    cells.map((cell, i) => (i === 0 ? cell.padEnd(48) : cell.padStart(8))).join('');
  return [
    format(title, 'ms', '%', 'ops'),
    ...lines
      .slice(0, rows)
      .map(({ group, count, ms }) =>
        format(group, ms.toFixed(2), ((100 * ms) / sum(ops)).toFixed(1), String(count)),
      ),
  ].join('\n');
}

const [, , name = 'resnet20', rows = '16'] = process.argv;
const events = await trace(name);
const ops = opsOf(events);
const steps = events.filter((e) => e.name === 'run').map(({ dur = 0 }) => dur / 1000);
console.log(`${name}: ${Math.min(...steps).toFixed(2)} ms a step, ops ${sum(ops).toFixed(2)} ms`);
console.log(table('\nkind of op', ops, Number(rows), (op) => op.kind));
console.log(table('\nlayer', ops, Number(rows), (op) => op.name.split('/').slice(0, 2).join('/')));
