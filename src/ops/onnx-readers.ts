import type { Value } from '../ir/graph.ts';
import type { OnnxNode } from '../ir/onnx-node.ts';
import { opTable } from '../ir/op.ts';
import './index.ts';
import { compositeReaders } from './onnx-composites.ts';

type OnnxReader = (node: OnnxNode) => Value | readonly Value[];

/**
 * What every ONNX node type that can be read becomes: from the ops' own paragraphs and, before those, the composites.
 */
export const onnxReaders = (): ReadonlyMap<string, OnnxReader> =>
  new Map([
    ...[...opTable.values()].flatMap(({ onnx = {} }) => Object.entries(onnx)),
    ...Object.entries(compositeReaders),
  ]);
