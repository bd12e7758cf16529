import { appendFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { Writer, wireTypes } from '../onnx/wire.ts';
import { ioError, makeFolder } from './atomic.ts';
import { hparamsBegin, hparamsEnd } from './event-hparams.ts';
import { type DeviceTimes, runMetadata } from './event-run-metadata.ts';
import { type Bitmap, encodePng } from './png.ts';
import { recordOf } from './tfrecord.ts';

/** Fields of TensorBoard's messages. @source tensorboard/compat/proto/event.proto, summary.proto, graph.proto */
const event = {
  wallTime: 1,
  step: 2,
  fileVersion: 3,
  graph: 4,
  summary: 5,
  session: 7,
  runMetadata: 8,
} as const;
const value = { tag: 1, tensor: 8, metadata: 9 } as const;
const fixed64: typeof wireTypes.fixed64 = wireTypes.fixed64;
const { varint, bytes } = wireTypes;

/** `DataType` of TensorFlow. */
const dataTypes = { float: 1, double: 2, string: 7 } as const;
/** `DataClass` of a summary's metadata. */
const dataClasses = { scalar: 1, tensor: 2, blobs: 3 } as const;

/** A node of a graph as TensorBoard draws it. */
export interface GraphNode {
  readonly name: string;
  readonly op: string;
  readonly inputs: readonly string[];
}

let opened = 0;

/** A file of events that TensorBoard reads: scalars, histograms, texts, pictures, settings, a graph and its times. */
export class EventFile {
  readonly #path: string;
  #pending: (Uint8Array | Promise<Uint8Array>)[] = [];

  private constructor(path: string) {
    this.#path = path;
  }

  /**
   * Makes a new file of events in a folder. TensorBoard takes all files of a folder for one run.
   * @param from - step at which a run goes on: what older files say about later steps is forgotten
   * @throws {@link DataError} when the folder cannot be written
   */
  static async open(folder: string, from?: number): Promise<EventFile> {
    const seconds = String(Math.floor(Date.now() / 1000)).padStart(10, '0');
    const path = join(folder, `events.out.tfevents.${seconds}.${hostname()}.${process.pid}.${opened++}.v2`);
    try {
      await makeFolder(folder);
      const events = new EventFile(path);
      events.#add(0, (w) => {
        w.tag(event.fileVersion, bytes);
        w.string('brain.Event:2');
      });
      if (from !== undefined) events.#sessionStart(from);
      return events;
    } catch (error) {
      throw ioError(error, path, 'write');
    }
  }

  /** `SessionLog.START`: TensorBoard drops events of this step and later ones that came before. */
  #sessionStart(step: number): void {
    this.#add(step, (w) => {
      w.tag(event.session, bytes);
      w.message(() => {
        w.tag(1, varint);
        w.varint(1);
      });
    });
  }

  /** One number. */
  scalar(tag: string, step: number, number: number): void {
    const content = new Uint8Array(Float32Array.of(number).buffer);
    this.#summary(tag, step, 'scalars', dataClasses.scalar, (w) => tensor(w, dataTypes.float, [], content));
  }

  /** How numbers are distributed, in `buckets` equal parts of their range. */
  histogram(tag: string, step: number, numbers: Float32Array, buckets = 30): void {
    const rows = histogramOf(numbers, buckets);
    const content = new Uint8Array(rows.buffer);
    this.#summary(tag, step, 'histograms', dataClasses.tensor, (w) =>
      tensor(w, dataTypes.double, [rows.length / 3, 3], content),
    );
  }

  /** A text, in Markdown. */
  text(tag: string, step: number, text: string): void {
    this.#summary(tag, step, 'text', dataClasses.tensor, (w) => strings(w, [], [Buffer.from(text)]));
  }

  /** Pictures of one size. */
  images(tag: string, step: number, pictures: readonly Bitmap[]): void {
    const size = [pictures[0]?.width, pictures[0]?.height].map((n) => Buffer.from(String(n)));
    const encoded = Promise.all(pictures.map(encodePng)).then((files) => {
      const content = [...size, ...files];
      return record(step, (w) =>
        summary(w, tag, 'images', dataClasses.blobs, () => strings(w, [content.length], content)),
      );
    });
    encoded.catch(() => {}); // flush tells
    this.#pending.push(encoded);
  }

  /** What a run of the graph took: nodes by device, of which those that the graph has are shown there. */
  runMetadata(tag: string, step: number, devices: readonly DeviceTimes[]): void {
    this.#add(step, (w) => {
      w.tag(event.runMetadata, bytes);
      w.message(() => {
        w.tag(1, bytes);
        w.string(tag);
        w.tag(2, bytes);
        w.bytes(runMetadata(devices));
      });
    });
  }

  /** What the run was set to, by name: TensorBoard compares runs by it. */
  hparams(settings: Readonly<Record<string, string | number | boolean>>): void {
    this.#hparams('_hparams_/session_start_info', hparamsBegin(settings));
  }

  /** The run that has `hparams` has come to its end. */
  endHparams(): void {
    this.#hparams('_hparams_/session_end_info', hparamsEnd());
  }

  #hparams(tag: string, content: Uint8Array): void {
    const nothing = new Uint8Array(4);
    this.#summary(tag, 0, 'hparams', 0, (w) => tensor(w, dataTypes.float, [1], nothing), content);
  }

  /** The graph of the run; one for each file. */
  graph(nodes: readonly GraphNode[]): void {
    const graph = new Writer();
    for (const { name, op, inputs } of nodes) {
      graph.tag(1, bytes);
      graph.message(() => {
        for (const [field, text] of [
          [1, name] as const,
          [2, op] as const,
          ...inputs.map((i) => [3, i] as const),
        ]) {
          graph.tag(field, bytes);
          graph.string(text);
        }
      });
    }
    graph.tag(4, bytes);
    graph.message(() => {
      graph.tag(1, varint);
      graph.varint(22); // the version of the format since TensorFlow 1.0
    });
    this.#add(0, (w) => {
      w.tag(event.graph, bytes);
      w.bytes(graph.finish());
    });
  }

  #summary(
    tag: string,
    step: number,
    plugin: string,
    dataClass: number,
    writeTensor: (w: Writer) => void,
    content?: Uint8Array,
  ): void {
    this.#add(step, (w) => summary(w, tag, plugin, dataClass, () => writeTensor(w), content));
  }

  #add(step: number, body: (w: Writer) => void): void {
    this.#pending.push(record(step, body));
  }

  /** Writes what was added. @throws {@link DataError} when the disk is full */
  async flush(): Promise<void> {
    const pending = this.#pending;
    this.#pending = [];
    try {
      await appendFile(this.#path, Buffer.concat(await Promise.all(pending)));
    } catch (error) {
      throw ioError(error, this.#path, 'write');
    }
  }
}

/** An event as it stands in the file. */
function record(step: number, body: (w: Writer) => void): Uint8Array {
  const w = new Writer();
  w.tag(event.wallTime, fixed64);
  w.append(new Uint8Array(Float64Array.of(Date.now() / 1000).buffer));
  w.tag(event.step, varint);
  w.varint(step);
  body(w);
  return recordOf(w.finish());
}

function summary(
  w: Writer,
  tag: string,
  plugin: string,
  dataClass: number,
  writeTensor: () => void,
  content?: Uint8Array,
): void {
  w.tag(event.summary, bytes);
  w.message(() => {
    w.tag(1, bytes);
    w.message(() => {
      w.tag(value.tag, bytes);
      w.string(tag);
      w.tag(value.tensor, bytes);
      w.message(writeTensor);
      w.tag(value.metadata, bytes);
      w.message(() => metadata(w, plugin, dataClass, content));
    });
  });
}

function metadata(w: Writer, plugin: string, dataClass: number, content?: Uint8Array): void {
  w.tag(1, bytes);
  w.message(() => {
    w.tag(1, bytes);
    w.string(plugin);
    if (content === undefined) return;
    w.tag(2, bytes);
    w.bytes(content);
  });
  w.tag(4, varint);
  w.varint(dataClass);
}

function tensor(w: Writer, dtype: number, shape: readonly number[], content: Uint8Array): void {
  w.tag(1, varint);
  w.varint(dtype);
  shapeOf(w, shape);
  w.tag(4, bytes);
  w.bytes(content);
}

/** A tensor of byte strings. */
function strings(w: Writer, shape: readonly number[], content: readonly Uint8Array[]): void {
  w.tag(1, varint);
  w.varint(dataTypes.string);
  shapeOf(w, shape);
  for (const text of content) {
    w.tag(8, bytes);
    w.bytes(text);
  }
}

function shapeOf(w: Writer, shape: readonly number[]): void {
  w.tag(2, bytes);
  w.message(() => {
    for (const size of shape) {
      w.tag(2, bytes);
      w.message(() => {
        w.tag(1, varint);
        w.varint(size);
      });
    }
  });
}

/**
 * Rows `[left, right, count]` of equal width; one row where all numbers are equal, none where there are none. What is
 * not finite is left out.
 * @source tensorboard/plugins/histogram/summary_v2.py
 */
export function histogramOf(numbers: Float32Array, buckets: number): Float64Array {
  const finite = numbers.filter(Number.isFinite);
  if (finite.length === 0) return new Float64Array(0);
  let [min, max] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const v of finite) {
    min = Math.min(min, v);
    max = Math.max(max, v);
  }
  if (min === max) return Float64Array.of(min - 0.5, max + 0.5, finite.length);
  const width = (max - min) / buckets;
  const rows = new Float64Array(3 * buckets);
  for (let b = 0; b < buckets; b++) {
    rows[3 * b] = min + b * width;
    rows[3 * b + 1] = b === buckets - 1 ? max : min + (b + 1) * width;
  }
  for (const v of finite) {
    const at = 3 * Math.min(buckets - 1, Math.floor((v - min) / width)) + 2;
    rows[at] = (rows[at] as number) + 1;
  }
  return rows;
}
