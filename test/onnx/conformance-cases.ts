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

/** All cases of a folder; none where the data are not installed. */
export function conformanceCases(folder = testData): ConformanceCase[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => existsSync(join(folder, name, 'model.onnx')))
    .sort()
    .map((name) => readCase(folder, name));
}

/** Inputs without the stored tensors, which old files list too. */
export function fedInputs({ graph }: ModelProto): readonly ValueInfoProto[] {
  const stored = new Set(graph.initializers.map(({ name }) => name));
  return graph.inputs.filter(({ name }) => !stored.has(name));
}

function readCase(folder: string, name: string): ConformanceCase {
  const model = decodeModel(readFileSync(join(folder, name, 'model.onnx')));
  const types = [...new Set(model.graph.nodes.map((node) => node.opType))];
  return {
    name,
    op: types.length === 1 ? (types[0] as string) : `(expanded) ${name.replace(/^test_/, '').split('_')[0]}`,
    model,
    tensors: (kind) =>
      (kind === 'input' ? fedInputs(model) : model.graph.outputs).map((_, i) =>
        tensorFromProto(decodeTensor(readFileSync(join(folder, name, 'test_data_set_0', `${kind}_${i}.pb`)))),
      ),
  };
}

/** Element types by ONNX's number, and kinds other than tensors, that a case's inputs and outputs have. */
export const typesOf = ({ model }: ConformanceCase): (number | string)[] =>
  [...model.graph.inputs, ...model.graph.outputs].map(({ type }: ValueInfoProto) =>
    type?.kind === 'tensor' ? type.elementType : (type?.what ?? 'none'),
  );
