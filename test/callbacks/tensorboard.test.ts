import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import sharp from 'sharp';
import { crc32c } from '../../src/formats/crc32c.ts';
import { histogramOf } from '../../src/formats/event-file.ts';
import { readRecords } from '../../src/formats/tfrecord.ts';
import { callbacks, type History, input, layers, type Model, model, tensor } from '../../src/index.ts';
import { resumableModel, samples } from '../helpers/resumable-run.ts';

const base = mkdtempSync(join(tmpdir(), 'tfk-events-'));
afterAll(() => rmSync(base, { recursive: true }));

/** A protobuf message: the values of each field, numbers or bytes. */
type Message = Readonly<Record<number, (number | Buffer)[]>>;

function decode(bytes: Buffer): Message {
  const message: Record<number, (number | Buffer)[]> = {};
  let at = 0;
  const varint = (): number => {
    for (let value = 0, scale = 1; ; scale *= 128) {
      const byte = bytes[at++] as number;
      value += (byte % 128) * scale;
      if (byte < 128) return value;
    }
  };
  const take = (length: number): Buffer => {
    at += length;
    return bytes.subarray(at - length, at);
  };
  while (at < bytes.length) {
    const tag = varint();
    const field = message[tag >> 3] ?? [];
    message[tag >> 3] = field;
    if ((tag & 7) === 0) field.push(varint());
    else if ((tag & 7) === 1) field.push(take(8).readDoubleLE());
    else field.push(take(varint()));
  }
  return message;
}

const part = (message: Message, field: number): Message => decode(message[field]?.[0] as Buffer);
const text = (message: Message, field: number): string => String(message[field]?.[0] ?? '');

interface Summary {
  readonly tag: string;
  readonly step: number;
  readonly plugin: string;
  readonly content: Buffer;
  readonly strings: readonly Buffer[];
  /** What the plugin keeps beside the value. */
  readonly settings: Buffer | undefined;
}

/** All events of a folder; every checksum is verified on the way. */
async function eventsOf(folder: string) {
  const events: Message[] = [];
  const files = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isFile());
  for (const name of files.map((file) => file.name).sort()) {
    expect(name).toMatch(/^events\.out\.tfevents\.\d{10}\..+\.v2$/);
    for await (const { data } of readRecords(join(folder, name)))
      events.push(decode(Buffer.from(data as Uint8Array)));
  }
  const summaries = events.flatMap((event): Summary[] => {
    if (event[5] === undefined) return [];
    const value = part(part(event, 5), 1);
    return [
      {
        tag: text(value, 1),
        step: event[2]?.[0] as number,
        plugin: text(part(part(value, 9), 1), 1),
        content: (part(value, 8)[4]?.[0] ?? part(value, 8)[8]?.[0]) as Buffer,
        strings: (part(value, 8)[8] ?? []) as Buffer[],
        settings: part(part(value, 9), 1)[2]?.[0] as Buffer | undefined,
      },
    ];
  });
  return { events, summaries };
}

const scalars = (summaries: readonly Summary[], tag: string): number[] =>
  summaries.filter((s) => s.tag === tag && s.plugin === 'scalars').map((s) => s.content.readFloatLE());

async function train(logDir: string, options: object, trained: Model = resumableModel()): Promise<History> {
  return trained.fit(samples.x, samples.y, {
    epochs: 3,
    batchSize: 10,
    validationSplit: 0.25,
    verbose: 0,
    callbacks: [callbacks.tensorBoard({ logDir, ...options })],
  });
}

describe('tensorBoard', () => {
  test('writes the figures of each epoch, of training and of validation', async () => {
    const logDir = join(base, 'scalars');
    const history = await train(logDir, { hparams: { units: 4, kind: 'small' } });
    const { events, summaries } = await eventsOf(join(logDir, 'train'));
    expect(text(events[0] as Message, 3)).toBe('brain.Event:2');
    expect(events[0]?.[1]?.[0]).toBeCloseTo(Date.now() / 1000, -2);
    expect(scalars(summaries, 'epoch_loss')).toEqual((history.loss ?? []).map(Math.fround));
    expect(summaries.filter((s) => s.tag === 'epoch_auc').map((s) => s.step)).toEqual([0, 1, 2]);
    const held = (await eventsOf(join(logDir, 'validation'))).summaries;
    expect(scalars(held, 'epoch_binary_accuracy')).toEqual(
      (history.val_binary_accuracy ?? []).map(Math.fround),
    );
  });

  test('settings of the run as the plugin for them reads them: its begin and its end', async () => {
    const logDir = join(base, 'hparams');
    await train(logDir, { hparams: { units: 4, kind: 'small', deep: true } });
    const { summaries } = await eventsOf(logDir);
    expect(summaries.map(({ tag, plugin }) => [tag, plugin])).toEqual([
      ['_hparams_/session_start_info', 'hparams'],
      ['_hparams_/session_end_info', 'hparams'],
    ]);
    const [start, end] = summaries.map(({ settings }) => decode(settings as Buffer));
    const entries = (part(start as Message, 3)[1] ?? []).map((entry) => decode(entry as Buffer));
    expect(entries.map((entry) => [text(entry, 1), part(entry, 2)])).toEqual([
      ['units', { 2: [4] }],
      ['kind', { 3: [Buffer.from('small')] }],
      ['deep', { 4: [1] }],
    ]);
    expect(part(end as Message, 4)[1]).toEqual([1]); // STATUS_SUCCESS
  });

  test('pictures and texts that other callbacks give it', async () => {
    const logDir = join(base, 'pictures');
    const board = callbacks.tensorBoard({ logDir });
    const pictures = tensor(
      Float32Array.from({ length: 2 * 3 * 4 }, (_, i) => i / 23),
      [2, 3, 4, 1],
    );
    const show = callbacks.lambda({
      onEpochEnd: (epoch) => {
        board.image('made', epoch, pictures);
        board.text('note', epoch, '*so far*');
      },
    });
    const fitted = resumableModel();
    await fitted.fit(samples.x, samples.y, { verbose: 0, callbacks: [show, board] });
    const { summaries } = await eventsOf(join(logDir, 'train'));
    const image = summaries.find(({ plugin }) => plugin === 'images');
    expect(image?.tag).toBe('made');
    const [width, height, ...files] = image?.strings ?? [];
    expect([String(width), String(height), files.length]).toEqual(['4', '3', 2]);
    const { data, info } = await sharp(files[1])
      .toColourspace('b-w')
      .raw()
      .toBuffer({ resolveWithObject: true });
    expect([info.width, info.height]).toEqual([4, 3]);
    expect([...data]).toEqual(Array.from({ length: 12 }, (_, i) => Math.round((255 * (i + 12)) / 23)));
    expect(String(summaries.find(({ plugin }) => plugin === 'text')?.content)).toBe('*so far*');
  });

  test('batches, steps per second', async () => {
    const logDir = join(base, 'batches');
    await train(logDir, { updateFreq: 2, writeStepsPerSecond: true });
    const { summaries } = await eventsOf(join(logDir, 'train'));
    expect(summaries.filter((s) => s.tag === 'batch_loss').map((s) => s.step)).toEqual([2, 4, 6, 8, 10, 12]);
    for (const speed of scalars(summaries, 'epoch_steps_per_second')) expect(speed).toBeGreaterThan(0);
  });

  test('histograms of the weights: 30 buckets that hold every element', async () => {
    const logDir = join(base, 'histograms');
    const trained = resumableModel();
    await train(logDir, { histogramFreq: 2 }, trained);
    const { summaries } = await eventsOf(join(logDir, 'train'));
    const histograms = summaries.filter((s) => s.plugin === 'histograms');
    expect(histograms).toHaveLength(2 * trained.weights.length);
    for (const [i, { tag, content }] of histograms.entries()) {
      const weight = trained.weights[i % trained.weights.length];
      expect(tag).toBe(`${weight?.path}/histogram`);
      const rows = new Float64Array(new Uint8Array(content).buffer);
      let total = 0;
      for (let at = 2; at < rows.length; at += 3) total += rows[at] as number;
      expect(total).toBe(weight?.storage.size);
    }
  });

  test('with a profile the time of each layer, by the names that the graph has', async () => {
    const x = input({ shape: [3], name: 'x' });
    const hidden = layers.dense({ units: 4, activation: 'tanh', name: 'hidden' }).apply(x);
    const small = model({ inputs: x, outputs: layers.dense({ units: 1, name: 'score' }).apply(hidden) });
    small.compile({ optimizer: 'sgd', loss: 'mse' });
    const logDir = join(base, 'profile');
    const board = callbacks.tensorBoard({ logDir });
    const profile = join(base, 'trace.json');
    await small.fit(samples.x, samples.y, { verbose: 0, profile, callbacks: [board] });
    const { events } = await eventsOf(join(logDir, 'train'));
    const tagged = part(events.find((event) => event[8] !== undefined) as Message, 8);
    expect(text(tagged, 1)).toBe('profile');
    const devices = (part(part(tagged, 2), 1)[1] ?? []).map((device) => decode(device as Buffer));
    const [host, runtime] = devices.map((device) => ({
      name: text(device, 1),
      nodes: new Map((device[2] ?? []).map((n) => decode(n as Buffer)).map((n) => [text(n, 1), n[5]?.[0]])),
    }));
    expect([host?.name, runtime?.name]).toEqual(['/device:HOST:0', '/device:RUNTIME:0']);
    for (const name of ['feed', 'run', 'optimizer']) expect(host?.nodes.get(name)).toBeGreaterThan(0);
    for (const name of ['hidden', 'score']) expect(runtime?.nodes.get(name)).toBeGreaterThan(0);
  });

  test('the graph: a node for each layer, connected as the model is', async () => {
    const x = input({ shape: [3], name: 'x' });
    const a = layers.dense({ units: 1, name: 'a' }).apply(x);
    const b = layers.dense({ units: 1, name: 'b' }).apply(x);
    const branched = model({ inputs: x, outputs: layers.add({ name: 'sum' }).apply([a, b]) });
    branched.compile({ optimizer: 'sgd', loss: 'mse' });
    const logDir = join(base, 'graph');
    await train(logDir, {}, branched);
    const { events } = await eventsOf(join(logDir, 'train'));
    const [event] = events.filter((e) => e[4] !== undefined);
    const nodes = part(event as Message, 4)[1]?.map((node) => {
      const { 1: name, 2: op, 3: inputs = [] } = decode(node as Buffer);
      return [String(name), String(op), ...inputs.map(String)];
    });
    expect(nodes).toEqual(
      expect.arrayContaining([
        ['x', 'InputLayer'],
        ['a', 'Dense', 'x'],
        ['sum', 'Add', 'a', 'b'],
      ]),
    );
    expect(nodes).toHaveLength(4);
  });

  test('a run that goes on writes another file, which takes back what the first says of later epochs', async () => {
    const [logDir, backupDir] = [join(base, 'resumed'), join(base, 'backup')];
    const attempt = (dies: boolean): Promise<History> =>
      resumableModel().fit(samples.x, samples.y, {
        epochs: 3,
        verbose: 0,
        callbacks: [
          callbacks.backupAndRestore({ backupDir }),
          callbacks.tensorBoard({ logDir }),
          callbacks.lambda({
            onEpochEnd(epoch) {
              if (dies && epoch === 1) throw new Error('died');
            },
          }),
        ],
      });
    await expect(attempt(true)).rejects.toThrow('died');
    const history = await attempt(false);
    const { events, summaries } = await eventsOf(join(logDir, 'train'));
    const [start] = events.filter((event) => event[7] !== undefined);
    expect(start?.[2]).toEqual([1]); // epoch 0 was saved, epoch 1 comes again
    expect(scalars(summaries, 'epoch_loss').slice(-2)).toEqual(
      (history.loss ?? []).slice(1).map(Math.fround),
    );
  });
});

test('crc32c of RFC 3720, appendix B.4', () => {
  expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
  expect(crc32c(new Uint8Array(32).fill(0xff))).toBe(0x62a8ab43);
  expect(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i))).toBe(0x46dd794e);
});

test('histogramOf: edges, equal numbers, numbers that are none', () => {
  expect([...histogramOf(Float32Array.of(0, 1, 2, 3, 4), 2)]).toEqual([0, 2, 2, 2, 4, 3]);
  expect([...histogramOf(Float32Array.of(2, 2), 30)]).toEqual([1.5, 2.5, 2]);
  expect([...histogramOf(Float32Array.of(Number.NaN, 1, Number.POSITIVE_INFINITY), 30)]).toEqual([
    0.5, 1.5, 1,
  ]);
  expect(histogramOf(new Float32Array(0), 30)).toHaveLength(0);
});
