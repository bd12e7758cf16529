import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Tensor } from '../../src/core/tensor.ts';
import { decodeModel, decodeTensor, type ModelProto, type ValueInfoProto } from '../../src/onnx/proto.ts';
import { tensorFromProto } from '../../src/onnx/tensors.ts';

/** Where ONNX's own test data lie: Debian's package `libonnx-testdata`, or a copy of it. */
export const testData = process.env.TFK_ONNX_TESTDATA ?? '/usr/share/libonnx-testdata/data/node';

/** A model of one operator (or what the operator expands to) with inputs and the outputs to expect. */
export interface ConformanceCase {
  readonly name: string;
  /** Operator under test. */
  readonly op: string;
  readonly model: ModelProto;
  tensors(kind: 'input' | 'output'): Tensor[];
}

/** All cases; none where the data are not installed. */
export function conformanceCases(): ConformanceCase[] {
  if (!existsSync(testData)) return [];
  return readdirSync(testData)
    .filter((name) => existsSync(join(testData, name, 'model.onnx')))
    .sort()
    .map(readCase);
}

function readCase(name: string): ConformanceCase {
  const model = decodeModel(readFileSync(join(testData, name, 'model.onnx')));
  const types = [...new Set(model.graph.nodes.map((node) => node.opType))];
  return {
    name,
    op: types.length === 1 ? (types[0] as string) : `(expanded) ${name.replace(/^test_/, '').split('_')[0]}`,
    model,
    tensors: (kind) =>
      (kind === 'input' ? model.graph.inputs : model.graph.outputs).map((_, i) =>
        tensorFromProto(
          decodeTensor(readFileSync(join(testData, name, 'test_data_set_0', `${kind}_${i}.pb`))),
        ),
      ),
  };
}

/** Element types by ONNX's number, and kinds other than tensors, that a case's inputs and outputs have. */
export const typesOf = ({ model }: ConformanceCase): (number | string)[] =>
  [...model.graph.inputs, ...model.graph.outputs].map(({ type }: ValueInfoProto) =>
    type?.kind === 'tensor' ? type.elementType : (type?.what ?? 'none'),
  );
