/**
 * Whether data that does not fit into memory trains as quickly as data that does:
 * `node dist/bench/large-data.js [MiB]` prints one line of JSON.
 *
 * Writes images to a file (3072 MiB where nothing is said) in a temporary folder, and starts two processes that train the
 * same network in turns: one by a pipeline that reads the file, with a heap of 256 MiB; one on the beginning of it in
 * memory. The speeds are medians of the turns.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { callbacks, data, type FitOptions, input, layers, type Model, sequential } from '../src/index.ts';
import { median } from './statistics.ts';

const side = 96;
const imageBytes = side * side * 3;
const batchSize = 64;
const classes = 10;
/** Steps that one process trains before the other's turn. */
const turn = 64;
const turnBytes = turn * batchSize * imageBytes;
const heapMiB = 256;

/** What a process tells after its turn. */
interface Turn {
  readonly seconds: number;
  readonly peakMiB: number;
}

function network(): Model {
  const model = sequential([
    input({ shape: [side, side, 3], dtype: 'uint8' }),
    layers.rescaling({ scale: 1 / 255 }),
    layers.conv2d({ filters: 32, kernelSize: 8, strides: 8, activation: 'relu' }),
    layers.conv2d({ filters: 64, kernelSize: 3, padding: 'same', activation: 'relu' }),
    layers.globalAveragePooling2d(),
    layers.dense({ units: classes, activation: 'softmax' }),
  ]);
  model.compile({ optimizer: 'adam', loss: 'sparseCategoricalCrossentropy', threads: 2 });
  return model;
}

/** Trains a turn each time it is told to. The first one, in which everything is compiled, does not count. */
async function train(folder: string, from: string, turns: number): Promise<void> {
  let start = 0;
  const inTurns = callbacks.lambda({
    onEpochBegin: async (epoch) => {
      if (epoch > 0) await once(process, 'message');
      start = performance.now();
    },
    onEpochEnd: () => {
      const seconds = (performance.now() - start) / 1000;
      process.send?.({ seconds, peakMiB: process.resourceUsage().maxRSS / 1024 } satisfies Turn);
    },
  });
  const options: FitOptions = {
    epochs: turns,
    stepsPerEpoch: turn,
    batchSize,
    verbose: 0,
    callbacks: [inTurns],
  };
  const samples = data.zip([
    await data.idxRows(join(folder, 'images.idx')),
    await data.idxRows(join(folder, 'labels.idx')),
  ]);
  if (from === 'file') {
    const batches = samples
      .shuffle(16 * batchSize, { seed: 1 })
      .batch(batchSize)
      .prefetch(2);
    await network().fit(batches, undefined, options);
  } else {
    const count = turn * batchSize;
    const [whole] = await samples.take(count).batch(count).toArray();
    if (whole) await network().fit(whole[0], whole[1], options);
  }
  process.disconnect();
}

/** An IDX file of bytes. */
async function writeIdx(path: string, shape: readonly number[], chunks: Iterable<Uint8Array>): Promise<void> {
  const head = Buffer.alloc(4 + 4 * shape.length);
  head[2] = 8;
  head[3] = shape.length;
  for (const [axis, size] of shape.entries()) head.writeUInt32BE(size, 4 + 4 * axis);
  const file = await open(path, 'w');
  await file.write(head);
  for (const chunk of chunks) await file.writeFile(chunk);
  await file.close();
}

/** Patches whose brightness tells the class of their image, more or less. */
async function generate(folder: string, count: number): Promise<void> {
  const labels = Uint8Array.from({ length: count }, (_, i) => (i * 7) % classes);
  let bits = 1;
  function* images(): Generator<Uint8Array> {
    const image = Buffer.alloc(imageBytes);
    for (const label of labels) {
      for (let at = 0; at < imageBytes; at += 64) {
        bits = (Math.imul(bits, 1664525) + 1013904223) >>> 0;
        image.fill(20 * label + (bits >>> 26), at, at + 64);
      }
      yield image;
    }
  }
  await writeIdx(join(folder, 'labels.idx'), [count], [labels]);
  await writeIdx(join(folder, 'images.idx'), [count, side, side, 3], images());
}

async function takeTurn(process: ChildProcess): Promise<Turn> {
  const [told] = await once(process, 'message');
  return told;
}

async function compare(mebibytes: number): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'tfk-large-'));
  const turns = Math.max(2, Math.floor((mebibytes * 2 ** 20) / turnBytes));
  const start = (from: string, ...execArgv: string[]): ChildProcess =>
    fork(fileURLToPath(import.meta.url), [folder, from, String(turns)], { execArgv });
  try {
    await generate(folder, turns * turn * batchSize);
    const sides = [start('file', `--max-old-space-size=${heapMiB}`), start('memory')];
    const results = await Promise.all(sides.map(async (side) => [await takeTurn(side)]));
    for (let i = 1; i < turns; i++) {
      for (const [which, side] of sides.entries()) {
        side.send('go');
        results[which]?.push(await takeTurn(side));
      }
    }
    const [file = [], memory = []] = results;
    const perSecond = (done: readonly Turn[]): number =>
      (turn * batchSize) / median(done.slice(1).map(({ seconds }) => seconds));
    const [fromFile, fromMemory] = [perSecond(file), perSecond(memory)];
    console.log(
      JSON.stringify({
        fileMiB: Math.round((turns * turnBytes) / 2 ** 20),
        heapMiB,
        peakMiB: Math.round(file.at(-1)?.peakMiB ?? 0),
        imagesPerSecond: Math.round(fromFile),
        inMemoryImagesPerSecond: Math.round(fromMemory),
        ratio: Number((fromFile / fromMemory).toFixed(3)),
      }),
    );
  } finally {
    await rm(folder, { recursive: true });
  }
}

const [first = '3072', from, turns] = process.argv.slice(2);
await (from === undefined ? compare(Number(first)) : train(first, from, Number(turns)));
