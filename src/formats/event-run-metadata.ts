import { Writer, wireTypes } from '../onnx/wire.ts';

const { bytes, varint } = wireTypes;
/** Fields of `NodeExecStats`. @source tensorboard/compat/proto/step_stats.proto */
const node = { name: 1, start: 2, opStart: 3, opEnd: 4, end: 5, label: 8 } as const;

/** What the nodes of a graph took on a device, in microseconds. */
export interface DeviceTimes {
  readonly device: string;
  readonly nodes: readonly NodeTime[];
}

export interface NodeTime {
  readonly name: string;
  readonly start: number;
  readonly duration: number;
}

/** `RunMetadata` with step statistics. */
export function runMetadata(devices: readonly DeviceTimes[]): Uint8Array {
  const w = new Writer();
  w.tag(1, bytes);
  w.message(() => {
    for (const { device, nodes } of devices) {
      w.tag(1, bytes);
      w.message(() => {
        w.tag(1, bytes);
        w.string(device);
        for (const time of nodes) {
          w.tag(2, bytes);
          w.message(() => writeNode(w, time));
        }
      });
    }
  });
  return w.finish();
}

function writeNode(w: Writer, { name, start, duration }: NodeTime): void {
  const length = Math.max(1, Math.round(duration)); // of whole microseconds; 0 counts as unknown
  w.tag(node.name, bytes);
  w.string(name);
  for (const [field, microseconds] of [
    [node.start, Math.round(start)],
    [node.opStart, 0],
    [node.opEnd, length],
    [node.end, length],
  ] as const) {
    w.tag(field, varint);
    w.varint(microseconds);
  }
  w.tag(node.label, bytes);
  w.string(name);
}
