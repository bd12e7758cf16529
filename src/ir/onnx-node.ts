import type { TensorType } from '../core/shape.ts';
import type { Tensor } from '../core/tensor.ts';
import type { Graph, Value } from './graph.ts';

/** A graph inside a node. */
export interface Subgraph {
  readonly body: Graph;
  /** What the body's last inputs stand for. */
  readonly outer: readonly Value[];
}

/** A node of an ONNX file as the readers in `ops/` see it: typed access with messages that name the node. */
export interface OnnxNode {
  readonly opType: string;
  /** Version of the operator set the file was written for. */
  readonly opset: number;
  /** Number of results that the file uses. */
  readonly outputCount: number;
  readonly inputs: readonly (Value | undefined)[];
  /** A required input. */
  input(position: number): Value;
  /** An input that must be known when the graph is built (a shape, axes). `undefined` where left out. */
  constant(position: number): Tensor | undefined;
  /** Integers from a constant input; `undefined` where left out. */
  constantInts(position: number): readonly number[] | undefined;
  has(attribute: string): boolean;
  int(attribute: string, fallback?: number): number;
  ints(attribute: string, fallback?: readonly number[]): readonly number[];
  float(attribute: string, fallback?: number): number;
  floats(attribute: string, fallback?: readonly number[]): readonly number[];
  string(attribute: string, fallback?: string): string;
  strings(attribute: string, fallback?: readonly string[]): readonly string[];
  tensor(attribute: string): Tensor | undefined;
  /** A subgraph, its inputs of the given types. Values around it that it reads are further inputs of the body. */
  graph(attribute: string, inputs: readonly TensorType[]): Subgraph;
  /** The results of a subgraph without inputs, as a part of the graph around it. */
  inline(attribute: string): readonly Value[];
  /** Refuses the node: `reason` says what is not supported. */
  unsupported(reason: string): never;
}
