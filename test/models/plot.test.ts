import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { DataError, input, layers, model, plotModel, sequential } from '../../src/index.ts';

const boxesOf = (svg: string) =>
  [...svg.matchAll(/<rect x="([-\d.]+)" y="([-\d.]+)" width="([\d.]+)"/g)].map(([, x, y, width]) => ({
    x: Number(x),
    y: Number(y),
    width: Number(width),
  }));

/** A branch, a line past it, and two outputs. */
function branched() {
  const x = input({ shape: [8], name: 'x<&>' });
  const a = layers.dense({ units: 4, name: 'a' }).apply(x);
  const b = layers.dense({ units: 4, name: 'b' }).apply(x);
  const c = layers.dense({ units: 4, name: 'c' }).apply(a);
  const sum = layers.add({ name: 'sum' }).apply([c, b]);
  return model({ inputs: x, outputs: [sum, layers.dense({ units: 1, name: 'late' }).apply([sum])] });
}

test('every layer has a box with its type and shape; arrows join them', async () => {
  const svg = await plotModel(branched());
  expect(svg.match(/<rect/g)).toHaveLength(6);
  expect(svg.match(/<polygon/g)).toHaveLength(6); // x-a x-b a-c c-sum b-sum sum-late
  for (const text of ['a (Dense)', 'sum (Add)', '[?,4]', 'x&lt;&amp;&gt;']) expect(svg).toContain(text);
  expect(svg).not.toMatch(/NaN|undefined|<script/);
});

test('boxes of a row do not overlap, and a layer stands below those it follows', async () => {
  const boxes = boxesOf(await plotModel(branched()));
  for (const [i, p] of boxes.entries())
    for (const q of boxes.slice(i + 1))
      if (p.y === q.y) expect(p.x + p.width <= q.x || q.x + q.width <= p.x).toBe(true);
  expect(new Set(boxes.map(({ y }) => y)).size).toBe(5);
});

test('writes a file, or says why it cannot', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tfk-plot-'));
  try {
    const chain = sequential([input({ shape: [2] }), layers.dense({ units: 1 })]);
    const path = join(folder, 'model.svg');
    const svg = await plotModel(chain, { path });
    expect(readFileSync(path, 'utf8')).toBe(svg);
    expect(svg).toMatch(/^<svg xmlns="http:\/\/www.w3.org\/2000\/svg"/);
    await expect(plotModel(chain, { path: join(folder, 'no', 'model.svg') })).rejects.toThrow(DataError);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
