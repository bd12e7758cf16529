import { formatShape } from '../core/shape.ts';
import { writeFileAtomic } from '../formats/atomic.ts';
import { sourcesOf } from '../layers/call-arguments.ts';
import type { LayerCall } from '../layers/layer.ts';
import { callsBehind } from './calls.ts';
import type { Model } from './model.ts';

/** Options of {@link plotModel}. */
export interface PlotOptions {
  /** Writes the picture to a file that ends in `.svg`. */
  readonly path?: string;
}

/** Sizes in pixels; a character of the font is taken to be `letter` wide. */
const box = { height: 44, gap: 22, between: 36, padding: 12, letter: 6.7, margin: 10 } as const;

const style = `
.tfk-graph rect { fill: #f4f6f8; stroke: #8a94a0; } .tfk-graph path { fill: none; stroke: #8a94a0; }
.tfk-graph polygon { fill: #8a94a0; } .tfk-graph text { fill: #1f2933; font: 12px ui-monospace, monospace; text-anchor: middle; }
.tfk-graph .type { font-weight: 600; } .tfk-graph .shape { fill: #5c6773; font-size: 11px; }
@media (prefers-color-scheme: dark) { .tfk-graph rect { fill: #1d242c; } .tfk-graph text { fill: #e4e8ec; }
.tfk-graph .shape { fill: #a4afba; } }`;

/**
 * A picture of a model as SVG: its layers with their types and output shapes, from the inputs at the top to the outputs,
 * light or dark as the page around it.
 * @returns the SVG text
 * @throws {@link DataError} when the file cannot be written
 */
export async function plotModel(model: Model, { path }: PlotOptions = {}): Promise<string> {
  const svg = pictureOf(model);
  if (path !== undefined) await writeFileAtomic(path, Buffer.from(svg));
  return svg;
}

/** A box, or a bend of a line that passes by. */
interface Place {
  readonly call: LayerCall | undefined;
  readonly width: number;
  readonly rank: number;
  readonly sources: Place[];
  x: number;
}

function pictureOf(model: Model): string {
  const rows = rowsOf(model);
  for (let sweep = 0; sweep < 8; sweep++) arrange(rows);
  const places = rows.flat();
  const left = Math.min(...places.map((p) => p.x - p.width / 2)) - box.margin;
  const right = Math.max(...places.map((p) => p.x + p.width / 2)) + box.margin;
  const height = rows.length * (box.height + box.between) - box.between + 2 * box.margin;
  const lines = places.flatMap((place) => place.sources.map((source) => lineOf(source, place)));
  const width = right - left;
  return `<svg xmlns="http://www.w3.org/2000/svg" class="tfk-graph" viewBox="${round(left)} 0 ${round(width)} ${height}" width="${round(width)}" height="${height}" role="img" aria-label="${escaped(model.name)}">
<style>${style}</style>
${[...lines, ...places.map(boxOf)].join('\n')}
</svg>
`;
}

/** Layers by their distance from the inputs; a line over several rows has a bend in each of them. */
function rowsOf(model: Model): Place[][] {
  const calls = [...callsBehind(model.outputs)];
  const rows: Place[][] = [];
  const add = (place: Place): Place => {
    const row = rows[place.rank] ?? [];
    rows[place.rank] = row;
    row.push(place);
    return place;
  };
  const places = new Map<LayerCall, Place>();
  const placeOf = (call: LayerCall): Place => {
    const known = places.get(call);
    if (known) return known;
    const sources = [...new Set(sourcesOf(call).map((x) => x.origin.call))].map(placeOf);
    const rank = 1 + Math.max(-1, ...sources.map((source) => source.rank));
    const place = add({ call, width: widthOf(call), rank, sources: [], x: 0 });
    for (const source of sources) place.sources.push(bent(source, rank));
    places.set(call, place);
    return place;
  };
  const bent = (source: Place, rank: number): Place => {
    let end = source;
    for (let r = source.rank + 1; r < rank; r++)
      end = add({ call: undefined, width: 2, rank: r, sources: [end], x: 0 });
    return end;
  };
  for (const call of calls) placeOf(call);
  for (const row of rows) spread(row);
  return rows;
}

/** Each row in the order of what its places are connected with, above and then below. */
function arrange(rows: readonly Place[][]): void {
  const below = new Map<Place, Place[]>();
  for (const place of rows.flat())
    for (const source of place.sources) below.set(source, [...(below.get(source) ?? []), place]);
  const settle = (row: Place[], neighbours: (place: Place) => readonly Place[]): void => {
    for (const place of row) {
      const around = neighbours(place);
      if (around.length > 0) place.x = around.reduce((sum, p) => sum + p.x, 0) / around.length;
    }
    row.sort((a, b) => a.x - b.x);
    spread(row);
  };
  for (const row of rows) settle(row, (place) => place.sources);
  for (const row of [...rows].reverse()) settle(row, (place) => below.get(place) ?? []);
}

/** Moves what overlaps apart, and the row back to where its middle was. */
function spread(row: readonly Place[]): void {
  const middle = row.reduce((sum, p) => sum + p.x, 0) / row.length;
  row.forEach((place, i) => {
    const before = row[i - 1];
    if (before === undefined) return;
    place.x = Math.max(place.x, before.x + (before.width + place.width) / 2 + box.gap);
  });
  const shift = middle - row.reduce((sum, p) => sum + p.x, 0) / row.length;
  for (const place of row) place.x += shift;
}

const textsOf = ({ layer, outputs }: LayerCall): [type: string, shape: string] => [
  layer.className === 'InputLayer' ? layer.name : `${layer.name} (${layer.className})`,
  outputs.map((y) => formatShape(y.shape)).join(' '),
];

const widthOf = (call: LayerCall): number =>
  Math.max(...textsOf(call).map((text) => text.length)) * box.letter + 2 * box.padding + 8;

const top = ({ rank }: Place): number => box.margin + rank * (box.height + box.between);

function boxOf(place: Place): string {
  if (place.call === undefined) {
    const x = round(place.x);
    return `<path d="M${x} ${top(place)}V${top(place) + box.height}"/>`;
  }
  const [type, shape] = textsOf(place.call).map(escaped);
  const [x, y] = [round(place.x), top(place)];
  return `<rect x="${round(place.x - place.width / 2)}" y="${y}" width="${round(place.width)}" height="${box.height}" rx="6"/>
<text class="type" x="${x}" y="${y + 18}">${type}</text><text class="shape" x="${x}" y="${y + 34}">${shape}</text>`;
}

function lineOf(from: Place, to: Place): string {
  const [x0, y0, x1, y1] = [round(from.x), top(from) + box.height, round(to.x), top(to)];
  const half = box.between / 2;
  const line = `<path d="M${x0} ${y0}C${x0} ${y0 + half} ${x1} ${y1 - half} ${x1} ${y1}"/>`;
  return to.call === undefined
    ? line
    : `${line}<polygon points="${x1 - 4},${y1 - 7} ${x1 + 4},${y1 - 7} ${x1},${y1}"/>`;
}

const round = (value: number): number => Math.round(value * 10) / 10;

const marks: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
const escaped = (text: string): string => text.replace(/[&<>"]/g, (mark) => marks[mark] as string);
