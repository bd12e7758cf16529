import { Writer, wireTypes } from '../onnx/wire.ts';

const { bytes, varint } = wireTypes;
const fixed64: typeof wireTypes.fixed64 = wireTypes.fixed64;

/** Fields of `HParamsPluginData`, and of `google.protobuf.Value`. @source tensorboard/plugins/hparams/plugin_data.proto */
const data = { start: 3, end: 4 } as const;
const value = { number: 2, string: 3, bool: 4 } as const;
/** `STATUS_SUCCESS`. */
const success = 1;

/** `SessionStartInfo`: the settings of a run that begins. */
export function hparamsBegin(settings: Readonly<Record<string, string | number | boolean>>): Uint8Array {
  const w = new Writer();
  w.tag(data.start, bytes);
  w.message(() => {
    for (const [name, setting] of Object.entries(settings)) {
      w.tag(1, bytes);
      w.message(() => {
        w.tag(1, bytes);
        w.string(name);
        w.tag(2, bytes);
        w.message(() => writeValue(w, setting));
      });
    }
    writeTime(w, 5);
  });
  return w.finish();
}

/** `SessionEndInfo` of a run that ended well. */
export function hparamsEnd(): Uint8Array {
  const w = new Writer();
  w.tag(data.end, bytes);
  w.message(() => {
    w.tag(1, varint);
    w.varint(success);
    writeTime(w, 2);
  });
  return w.finish();
}

function writeValue(w: Writer, setting: string | number | boolean): void {
  if (typeof setting === 'number') {
    w.tag(value.number, fixed64);
    w.append(new Uint8Array(Float64Array.of(setting).buffer));
  } else if (typeof setting === 'string') {
    w.tag(value.string, bytes);
    w.string(setting);
  } else {
    w.tag(value.bool, varint);
    w.varint(Number(setting));
  }
}

/** Now, in seconds. */
function writeTime(w: Writer, field: number): void {
  w.tag(field, fixed64);
  w.append(new Uint8Array(Float64Array.of(Date.now() / 1000).buffer));
}
