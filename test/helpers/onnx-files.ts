/** ONNX files written by hand. */
import { modelOf } from '../../src/onnx/emit.ts';
import {
  type AttributeProto,
  type DimProto,
  encodeModel,
  type GraphProto,
  type NodeProto,
} from '../../src/onnx/proto.ts';

export const emptyGraph: GraphProto = {
  name: 'g',
  nodes: [],
  initializers: [],
  inputs: [],
  outputs: [],
  valueInfos: [],
  sparseInitializers: 0,
};
export const onnxFile = (graph: Partial<GraphProto>): Uint8Array =>
  encodeModel(modelOf({ ...emptyGraph, ...graph }));
export const floats = (name: string, ...shape: DimProto[]) => ({
  name,
  type: { kind: 'tensor', elementType: 1, shape } as const,
});
export const node = (
  opType: string,
  inputs: string[],
  outputs: string[],
  attributes: AttributeProto[] = [],
): NodeProto => ({
  name: outputs[0] as string,
  domain: '',
  opType,
  inputs,
  outputs,
  attributes,
});
