import { open, realpath } from 'node:fs/promises';
import { dirname, isAbsolute, join, relative } from 'node:path';
import { bytesOf, dtypeFromOnnx } from '../core/dtype.ts';
import { sizeOf } from '../core/shape.ts';
import { FormatError } from '../errors.ts';
import type { GraphProto, ModelProto, TensorProto } from '../onnx/proto.ts';
import { ioError, readInto } from './atomic.ts';

/** Tensors below this many bytes stay in the model's own file. */
const smallest = 1024;
/** Elements start at multiples of this, so that a file can be mapped into memory. */
const alignment = 4096;

/** A model whose large tensors lie in another file, and that file's content. */
export function withExternalData(
  model: ModelProto,
  location: string,
): { readonly model: ModelProto; readonly chunks: readonly Uint8Array[] } {
  const chunks: Uint8Array[] = [];
  let offset = 0;
  const initializers = model.graph.initializers.map((proto): TensorProto => {
    const { data } = proto;
    if (data.length < smallest) return proto;
    const external = { location, offset: String(offset), length: String(data.length) };
    const padding = -data.length & (alignment - 1);
    chunks.push(data, new Uint8Array(padding));
    offset += data.length + padding;
    return { ...proto, data: new Uint8Array(0), external };
  });
  return { model: { ...model, graph: { ...model.graph, initializers } }, chunks };
}

/**
 * A model with the tensors that lie in files beside it read in.
 * @param path - of the model's own file; files outside of its folder are refused
 * @throws {@link FormatError} when a place is unsafe or outside of its file
 */
export async function readExternalData(model: ModelProto, path: string): Promise<ModelProto> {
  const { initializers } = model.graph;
  if (initializers.every(({ external }) => external === undefined)) return model;
  const read: TensorProto[] = [];
  for (const proto of initializers) read.push(proto.external ? await readExternal(proto, path) : proto);
  const graph: GraphProto = { ...model.graph, initializers: read };
  return { ...model, graph };
}

async function readExternal({ external = {}, ...proto }: TensorProto, path: string): Promise<TensorProto> {
  const where = `${path}: tensor "${proto.name}"`;
  const { location = '' } = external;
  const file = await safePath(path, location, where);
  const handle = await open(file, 'r').catch((error: unknown) => {
    throw ioError(error, file, 'read');
  });
  try {
    const { size } = await handle.stat();
    const start = Number(external.offset ?? 0);
    const length = sizeOf(proto.dims) * bytesOf(dtypeFromOnnx(proto.elementType));
    if (!(start >= 0 && start + length <= size && Number(external.length ?? length) === length)) {
      throw new FormatError(
        `${where}: expected ${length} bytes in "${location}" from ${start} on, as its shape says. ` +
          `Received ${external.length ?? 'no length'} in a file of ${size}.`,
        { op: 'onnx', expected: String(length), received: external.length ?? String(size) },
      );
    }
    const data = new Uint8Array(length);
    await readInto(handle, data, start);
    return { ...proto, data };
  } finally {
    await handle.close();
  }
}

/** The place of a file beside the model; links that lead out of the folder are not followed. */
async function safePath(path: string, location: string, where: string): Promise<string> {
  const folder = await realpath(dirname(path));
  const target = await realpath(join(folder, location)).catch((error: unknown) => {
    throw ioError(error, join(folder, location), 'read');
  });
  const inside = relative(folder, target);
  if (location !== '' && !isAbsolute(location) && !inside.startsWith('..') && !isAbsolute(inside))
    return target;
  throw new FormatError(
    `${where}: its data lie in "${location}"; only files in the model's own folder are read.`,
    { op: 'onnx', received: location },
  );
}
