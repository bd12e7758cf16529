import { escaped } from './html.ts';
import type {
  Confusion,
  Distribution,
  EpochHistograms,
  Mistake,
  ReportedRun,
  Timing,
} from './reported-run.ts';

/** What the report says of one run alone; nothing where there is nothing to say. */
export function runSections(run: ReportedRun): string {
  const { confusion, mistakes = [], histograms = [], timings, graph, judgedOn, missing = [] } = run;
  const sections = [
    missing.length > 0 &&
      section('Not shown', '', missing.map((reason) => `<p>${escaped(reason)}</p>`).join('\n')),
    confusion &&
      section(`Confusion on ${judgedOn} data`, 'rows: true, columns: predicted', confusionTable(confusion)),
    mistakes.length > 0 &&
      section('Worst mistakes', `on ${judgedOn} data, surest first`, mistakeList(mistakes)),
    histograms.length > 0 &&
      section('Weights', 'distribution after each epoch, last in front', ridges(histograms, 'weights')),
    histograms.some(({ gradients }) => Object.keys(gradients).length > 0) &&
      section('Gradients', "of each epoch's last step", ridges(histograms, 'gradients')),
    timings && section('Time of a step', 'share of the traced steps', bars(timings.parts)),
    timings &&
      timings.layers.length > 0 &&
      section('Time of the native run', 'by layer', bars(timings.layers)),
    graph && section('Network', '', `<div class="wide graph">${graph}</div>`),
  ].filter((text) => typeof text === 'string');
  return sections.length === 0 ? '' : `<h1 class="run">${escaped(run.name)}</h1>\n${sections.join('\n')}`;
}

const section = (title: string, about: string, body: string): string =>
  `<h2>${title}${about && ` <span class="faint">- ${about}</span>`}</h2>\n${body}`;

function confusionTable({ names, counts }: Confusion): string {
  const head = names.map((n) => `<th>${escaped(n)}</th>`).join('');
  const rows = counts.map((row, i) => {
    const total = Math.max(
      1,
      row.reduce((a, b) => a + b, 0),
    );
    const cells = row.map(
      (count) =>
        `<td style="background:rgb(var(--cell) / ${((0.75 * count) / total).toFixed(3)})">${count}</td>`,
    );
    return `<tr><td>${escaped(names[i] ?? '')}</td>${cells.join('')}</tr>`;
  });
  return `<div class="wide"><table><tr><th></th>${head}</tr>${rows.join('\n')}</table></div>`;
}

function mistakeList(mistakes: readonly Mistake[]): string {
  const items = mistakes.map(({ picture, text, truth, predicted, sure }) => {
    const shown = picture ? `<img src="${picture}" alt="">` : `<p>${escaped(cut(text ?? ''))}</p>`;
    return `<li>${shown}<b>${escaped(truth)}</b> taken for <b>${escaped(predicted)}</b> <span class="faint">+${sure.toFixed(2)}</span></li>`;
  });
  return `<ul class="${mistakes[0]?.picture ? 'pictures' : 'texts'}">${items.join('\n')}</ul>`;
}

const longest = 400;
const cut = (text: string): string => (text.length > longest ? `${text.slice(0, longest)}…` : text);

const mostRidges = 10;
const ridge = { width: 240, height: 34, step: 9, bottom: 16 } as const;

/** For each weight one curve per epoch, the later ones further down and stronger. */
function ridges(histograms: readonly EpochHistograms[], of: 'weights' | 'gradients'): string {
  const every = Math.ceil(histograms.length / mostRidges);
  const shown = histograms.filter((_, i) => (histograms.length - 1 - i) % every === 0);
  const paths = Object.keys(histograms[0]?.[of] ?? {});
  const figures = paths.map((path) => {
    const curves = shown.flatMap((record) => record[of][path] ?? []);
    return `<figure><figcaption>${escaped(path)}</figcaption>${ridgePlot(curves)}</figure>`;
  });
  return `<div class="small">${figures.join('\n')}</div>`;
}

function ridgePlot(curves: readonly Distribution[]): string {
  const low = Math.min(...curves.map(({ min }) => min));
  const high = Math.max(...curves.map(({ max }) => max));
  const height = ridge.height + ridge.step * (curves.length - 1) + ridge.bottom;
  const x = (v: number): number => 4 + ((v - low) / (high - low || 1)) * (ridge.width - 8);
  const lines = curves.map(({ min, max, counts }, i) => {
    const base = ridge.height + ridge.step * i;
    // densities: the ranges of two epochs differ
    const top = Math.max(1, ...counts);
    const width = (max - min) / counts.length;
    const points = counts.map(
      (count, b) =>
        `${x(min + (b + 0.5) * width).toFixed(1)},${(base - (count / top) * (ridge.height - 4)).toFixed(1)}`,
    );
    const outline = `${x(min).toFixed(1)},${base} ${points.join(' ')} ${x(max).toFixed(1)},${base}`;
    const strength = (0.25 + (0.75 * (i + 1)) / curves.length).toFixed(2);
    return `<polygon points="${outline}" opacity="${strength}"/>`;
  });
  const ends = [low, high].map(
    (v, i) =>
      `<text x="${i === 0 ? 2 : ridge.width - 2}" y="${height - 3}" text-anchor="${i === 0 ? 'start' : 'end'}">${Number(v.toPrecision(2))}</text>`,
  );
  return `<svg class="ridges" viewBox="0 0 ${ridge.width} ${height}">${lines.join('')}${ends.join('')}</svg>`;
}

function bars(timings: readonly Timing[]): string {
  const total = timings.reduce((sum, { milliseconds }) => sum + milliseconds, 0) || 1;
  const rows = timings.map(({ name, milliseconds }) => {
    const share = (100 * milliseconds) / total;
    return `<tr><td>${escaped(name)}</td><td>${milliseconds >= 100 ? milliseconds.toFixed(0) : milliseconds.toPrecision(3)} ms</td><td>${share.toFixed(1)} %</td><td class="bar"><i style="width:${share.toFixed(1)}%"></i></td></tr>`;
  });
  return `<div class="wide"><table class="bars">${rows.join('\n')}</table></div>`;
}
