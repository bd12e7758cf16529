import { formatShape } from '../core/shape.ts';
import { sourcesOf } from '../layers/call-arguments.ts';
import type { Layer, LayerCall } from '../layers/layer.ts';
import { callsBehind } from './calls.ts';
import type { Model } from './model.ts';

/** Options of `summary`. */
export interface SummaryOptions {
  /** Receives the table; the console by default. `null` prints nothing. */
  readonly print?: ((text: string) => void) | null;
}

const columns = ['Layer (type)', 'Output shape', 'Params', 'Connected to'] as const;

/** A table of a model's layers with shapes, parameter counts and connections; printed and returned. */
export function summarize(model: Model, { print = console.log }: SummaryOptions = {}): string {
  const calls = [...callsBehind(model.outputs)];
  const usesOf = (layer: Layer): LayerCall[] => calls.filter((call) => call.layer === layer);
  const branches = model.layers.some((layer) => {
    const uses = usesOf(layer);
    return uses.length > 1 || inputsOf(uses, model).length > 1;
  });
  const shown = branches ? columns : columns.slice(0, 3);
  const rows = model.layers.map((layer) => row(layer, usesOf(layer), model).slice(0, shown.length));
  const widths = shown.map((title, i) => Math.max(title.length, ...rows.map((r) => (r[i] as string).length)));
  const line = (cells: readonly string[]): string =>
    `│ ${cells.map((c, i) => (i === 2 ? c.padStart(widths[i] as number) : c.padEnd(widths[i] as number))).join(' │ ')} │`;
  const rule = (left: string, mid: string, right: string): string =>
    left + widths.map((w) => '─'.repeat(w + 2)).join(mid) + right;
  const text = [
    `Model: "${model.name}"`,
    rule('┌', '┬', '┐'),
    line(shown),
    rule('├', '┼', '┤'),
    ...rows.map(line),
    rule('└', '┴', '┘'),
    ...totals(model),
  ].join('\n');
  print?.(text);
  return text;
}

function row(layer: Layer, uses: readonly LayerCall[], model: Model): string[] {
  const outputs = uses[0]?.outputs ?? [];
  const shape = outputs.length === 0 ? '?' : outputs.map((y) => formatShape(y.shape)).join(', ');
  return [
    `${layer.name} (${layer.className})`,
    shape,
    layer.built ? layer.countParams().toLocaleString('en-US') : 'not built',
    inputsOf(uses, model).join(', '),
  ];
}

/** Names of the layers that feed these calls inside the model. */
function inputsOf(uses: readonly LayerCall[], model: Model): string[] {
  const members = new Set(model.layers);
  const names = uses
    .flatMap((call) => sourcesOf(call).map((x) => x.origin.call.layer))
    .filter((l) => members.has(l));
  return [...new Set(names)].map((l) => l.name);
}

function totals(model: Model): string[] {
  const count = (weights: Layer['weights']): number => weights.reduce((n, w) => n + w.storage.size, 0);
  const line = (label: string, n: number): string =>
    ` ${label}: ${n.toLocaleString('en-US')} (${formatBytes(4 * n)})`;
  const [total, trainable] = [count(model.weights), count(model.trainableWeights)];
  const isFrozen = model.weights.some((w) => w.learnable && !w.trainable);
  const optimizer = model.compiled?.store?.optimizerSize;
  return [
    line('Total params', total),
    line('Trainable params', trainable) + (isFrozen ? `, ${percent(trainable / total)} of all` : ''),
    line('Non-trainable params', count(model.nonTrainableWeights)),
    ...(optimizer ? [line('Optimizer params', optimizer)] : []),
  ];
}

/** `1.53 %` */
const percent = (share: number): string => `${(100 * share).toFixed(2)} %`;

/** `1.25 MB`, in powers of 1024. */
function formatBytes(bytes: number): string {
  const units = ['B', 'KB', 'MB', 'GB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${value.toFixed(unit === 0 ? 0 : 2)} ${units[unit]}`;
}
