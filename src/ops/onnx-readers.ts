import { InternalError } from '../errors.ts';
import type { Value } from '../ir/graph.ts';
import type { OnnxNode } from '../ir/onnx-node.ts';
import { opTable } from '../ir/op.ts';
import './index.ts';

/** What every ONNX node type that can be read becomes, by type: from the ops' own paragraphs and the composites. */
export function onnxReaders(): ReadonlyMap<string, (node: OnnxNode) => Value | readonly Value[]> {
  const readers = new Map<string, (node: OnnxNode) => Value | readonly Value[]>();
  for (const { onnx = {} } of opTable.values()) {
    for (const [type, reader] of Object.entries(onnx)) {
      if (readers.has(type)) throw new InternalError(`two ops read the ONNX type "${type}".`);
      readers.set(type, reader);
    }
  }
  return readers;
}
