import { escaped } from './html.ts';
import { runSections } from './report-sections.ts';
import type { ReportedRun } from './reported-run.ts';

export type { ReportedRun };

/** Colours of the runs, readable on light and on dark ground. */
const colours = ['#3b82f6', '#f97316', '#10b981', '#d946ef', '#eab308', '#06b6d4', '#ef4444', '#8b5cf6'];

const style = `
:root { color-scheme: light dark; --ground: #fff; --text: #1f2933; --faint: #8a94a0; --line: #dfe4e9; --cell: 59 130 246; }
@media (prefers-color-scheme: dark) { :root { --ground: #14181d; --text: #e4e8ec; --faint: #8a94a0; --line: #2d343c; } }
body { margin: 2rem auto; max-width: 1100px; padding: 0 1rem; background: var(--ground); color: var(--text);
  font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .75rem; border-bottom: 1px solid var(--line); text-align: right; }
th:first-child, td:first-child { text-align: left; white-space: nowrap; } th { font-weight: 600; }
.wide { overflow-x: auto; } .plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(340px, 1fr)); gap: 1.5rem; }
figure { margin: 0; } figcaption { font-weight: 600; } svg { width: 100%; height: auto; }
svg text { fill: var(--faint); font-size: 11px; } .grid { stroke: var(--line); } .dot { display: inline-block;
  width: .7em; height: .7em; border-radius: 50%; margin-right: .4em; } .faint { color: var(--faint); font-weight: 400; }
h1.run { margin-top: 3rem; border-top: 1px solid var(--line); padding-top: 1.5rem; }
ul { list-style: none; padding: 0; margin: 0; display: grid; gap: 1rem; } li p { margin: 0 0 .25rem; }
.pictures { grid-template-columns: repeat(auto-fill, minmax(120px, 1fr)); font-size: 13px; }
.pictures img { display: block; width: 100%; max-width: 140px; image-rendering: pixelated; border-radius: 4px; }
.texts { grid-template-columns: repeat(auto-fill, minmax(min(100%, 320px), 1fr)); }
.texts li { border: 1px solid var(--line); border-radius: 6px; padding: .75rem; overflow-wrap: anywhere; }
.small { display: grid; grid-template-columns: repeat(auto-fill, minmax(220px, 1fr)); gap: 1rem; }
.small figcaption { font: 12px ui-monospace, monospace; overflow-wrap: anywhere; }
.ridges polygon { fill: rgb(var(--cell) / .35); stroke: rgb(var(--cell)); }
.bars td { border: 0; white-space: nowrap; padding: .15rem .75rem .15rem 0; } .bars td:first-child { font: 13px ui-monospace, monospace; }
.bar { min-width: 160px; width: 40%; } .bar i { display: block; height: .8em; border-radius: 3px; background: rgb(var(--cell)); }
.graph svg { max-width: 100%; width: auto; } .graph { max-height: 80vh; overflow: auto; }`;

/** One HTML page about some runs: it needs no network and no script. */
export function reportPage(runs: readonly ReportedRun[]): string {
  const keys = [...new Set(runs.flatMap(({ history }) => Object.keys(history)))];
  const figures = [...new Set(keys.map((key) => key.replace(/^val_/, '')))];
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(runs.map(({ name }) => name).join(', '))}</title>
<style>${style}</style>
</head>
<body>
<h1>Training report</h1>
${factsTable(runs)}
<h2>Curves <span class="faint">- training dashed, validation solid</span></h2>
<div class="plots">
${figures.map((figure) => plot(figure, runs)).join('\n')}
</div>
${runs.map(runSections).join('\n')}
</body>
</html>
`;
}

const colourOf = (run: number): string => colours[run % colours.length] as string;

function factsTable(runs: readonly ReportedRun[]): string {
  const rows = [...new Set(runs.flatMap(({ facts }) => Object.keys(facts)))];
  const head = runs
    .map(
      ({ name }, i) => `<th><span class="dot" style="background:${colourOf(i)}"></span>${escaped(name)}</th>`,
    )
    .join('');
  const body = rows.map((row) => {
    const cells = runs.map(({ facts }) => `<td>${escaped(facts[row] ?? '-')}</td>`).join('');
    return `<tr><td>${escaped(row)}</td>${cells}</tr>`;
  });
  return `<div class="wide"><table><tr><th></th>${head}</tr>${body.join('\n')}</table></div>`;
}

/** Size of a plot and the space around its curves. */
const box = { width: 480, height: 260, left: 52, right: 8, top: 8, bottom: 24 } as const;

interface Curve {
  readonly points: readonly (readonly [number, number])[];
  readonly colour: string;
  readonly dashed: boolean;
}

function plot(figure: string, runs: readonly ReportedRun[]): string {
  const curves = runs.flatMap(({ history }, i): Curve[] =>
    [figure, `val_${figure}`].flatMap((key) => {
      const values = history[key];
      if (values === undefined) return [];
      const points = values.flatMap((v, epoch) => (v === null ? [] : [[epoch + 1, v] as const]));
      return [{ points, colour: colourOf(i), dashed: key === figure }];
    }),
  );
  const all = curves.flatMap(({ points }) => points);
  if (all.length === 0) return '';
  const [left, right] = extent(all.map(([x]) => x));
  const [low, high] = extent(all.map(([, y]) => y));
  const x = (v: number): number =>
    box.left + ((v - left) / (right - left)) * (box.width - box.left - box.right);
  const y = (v: number): number =>
    box.height - box.bottom - ((v - low) / (high - low)) * (box.height - box.top - box.bottom);
  const lines = curves.map(({ points, colour, dashed }) => {
    const path = points.map(([px, py]) => `${x(px).toFixed(1)},${y(py).toFixed(1)}`).join(' ');
    const dash = dashed ? ' stroke-dasharray="5 4"' : '';
    const dot = points.map(([px, py]) => `<circle cx="${x(px)}" cy="${y(py)}" r="3" fill="${colour}"/>`);
    const alone = points.length === 1 ? dot.join('') : '';
    return `<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="2"${dash}/>${alone}`;
  });
  return `<figure><figcaption>${escaped(figure)}</figcaption>
<svg viewBox="0 0 ${box.width} ${box.height}" role="img" aria-label="${escaped(figure)} per epoch">
${axes([left, right], [low, high], x, y)}
${lines.join('\n')}
</svg></figure>`;
}

/** Least and largest, a little apart where they are the same. */
function extent(values: readonly number[]): [number, number] {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const v of values) {
    low = Math.min(low, v);
    high = Math.max(high, v);
  }
  return low === high ? [low - 0.5, high + 0.5] : [low, high];
}

function axes(
  [left, right]: readonly [number, number],
  [low, high]: readonly [number, number],
  x: (v: number) => number,
  y: (v: number) => number,
): string {
  const heights = [0, 1, 2, 3, 4].map((i) => low + (i / 4) * (high - low));
  const levels = heights.map(
    (v) =>
      `<line class="grid" x1="${box.left}" x2="${box.width - box.right}" y1="${y(v)}" y2="${y(v)}"/>` +
      `<text x="${box.left - 6}" y="${y(v) + 4}" text-anchor="end">${short(v)}</text>`,
  );
  const ends = [Math.ceil(left), Math.floor(right)].map(
    (v) => `<text x="${x(v)}" y="${box.height - 6}" text-anchor="middle">${v}</text>`,
  );
  return [...levels, ...ends].join('\n');
}

const short = (value: number): string => Number(value.toPrecision(3)).toString();
