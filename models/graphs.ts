import { clearSession, setRandomSeed, type Tensor, type TensorType } from '../src/index.ts';
import type { Graph } from '../src/ir/graph.ts';
import { optimize } from '../src/ir/passes.ts';
import { printGraph } from '../src/ir/print.ts';
import { Compiled } from '../src/training/compile.ts';
import { buildStep, type StepKind } from '../src/training/step-graph.ts';
import type { ReferenceModel } from './reference-model.ts';

const typeOf = ({ dtype, shape }: Tensor): TensorType => ({ dtype, shape });

/** An optimized graph, as a backend gets it, with a tensor for each input but the targets of training. */
export interface RecordedGraph {
  readonly graph: Graph;
  readonly feeds: readonly Tensor[];
}

/** The graph of a step for a batch of made data: initial weights, then the data. */
export function recordGraph(
  { build, compile, batch }: ReferenceModel,
  kind: StepKind,
  size = 2,
): RecordedGraph {
  clearSession();
  setRandomSeed(1);
  const { x, y } = batch(size);
  const types = { x: x.map(typeOf), y: y.map(typeOf), weights: y.map(() => undefined) };
  const step = buildStep(build(), new Compiled(compile), types, kind);
  return { graph: optimize(step.graph), feeds: [...step.inputs.weights.map((w) => w.read()), ...x] };
}

/** The golden text of a model: its training step and its prediction. */
export const graphText = (reference: ReferenceModel): string =>
  (['train', 'predict'] as const).map((kind) => printGraph(recordGraph(reference, kind).graph)).join('\n');
