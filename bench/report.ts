import { cpus, loadavg } from 'node:os';
import { pins } from './contenders.ts';
import type { Absence, Result } from './measure.ts';
import { median, type Ratio, ratio } from './statistics.ts';
import { threads } from './workloads/workload.ts';

/** A result next to tfk's. */
type Line =
  | Absence
  | (Result & { readonly workload: string; readonly median: number; readonly ratio: Ratio });

/** Puts tfk's time over each other's. */
export function compare(workload: string, results: readonly (Result | Absence)[]): Line[] {
  const [first] = results;
  const own = first !== undefined && 'milliseconds' in first ? first.milliseconds : [];
  return results.map((r) =>
    'absent' in r
      ? { workload, ...r }
      : { workload, ...r, median: median(r.milliseconds), ratio: ratio(own, r.milliseconds) },
  );
}

/** The machine, in a line: figures mean little without it. */
export function machine(): string {
  const [cpu] = cpus();
  const load = loadavg().map((l) => l.toFixed(1));
  const share = pins ? `, sides held to ${threads} of them` : '';
  return `${cpu?.model ?? 'unknown processor'}, ${cpus().length} threads${share}; load ${load.join(' ')}`;
}

const headings = [
  'workload',
  'framework',
  'ms/step',
  'tfk/peer',
  '(min-max)',
  'peak MiB',
  'first step s',
  'import s',
];

/** The lines as one table. */
export function table(workload: string, lines: readonly Line[]): string {
  const rows = lines.map((line) =>
    'absent' in line ? [workload, line.contender, line.absent] : cells(line),
  );
  const widths = headings.map((h, column) =>
    Math.max(h.length, ...rows.filter((r) => r.length > 3).map((r) => r[column]?.length ?? 0)),
  );
  widths[1] = Math.max(...rows.map((r) => r[1]?.length ?? 0), widths[1] ?? 0);
  const format = (row: readonly string[]): string =>
    row
      .map((cell, i) =>
        i < 2 || row.length === 3 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0),
      )
      .join('  ')
      .trimEnd();
  return [headings, ...rows].map(format).join('\n');
}

function cells(line: Exclude<Line, Absence>): string[] {
  const { workload, version, variant, ratio: r } = line;
  const own = line.contender === 'tfk';
  const name = own ? version : `${line.contender} ${version.split(' ')[1] ?? ''}`;
  return [
    workload,
    variant === 'fit' || variant === 'predict' ? name : `${name}, ${variant}`,
    digits(line.median),
    own ? '' : digits(r.median),
    own ? '' : `${digits(r.min)}-${digits(r.max)}`,
    line.peakMiB?.toFixed(0) ?? '',
    digits(line.firstStepSeconds),
    digits(line.importSeconds),
  ];
}

const digits = (n: number): string => (n >= 100 ? n.toFixed(0) : n.toPrecision(3));
