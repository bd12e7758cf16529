import { clearSession, type Tensor, type TensorType } from '../src/index.ts';
import type { Graph } from '../src/ir/graph.ts';
import { optimize } from '../src/ir/passes.ts';
import { printGraph } from '../src/ir/print.ts';
import { Compiled } from '../src/training/compile.ts';
import { buildStep, type StepKind } from '../src/training/step-graph.ts';
import type { ReferenceModel } from './reference-model.ts';

/** Batch size of the recorded graphs. */
export const recordedBatch = 2;

const typeOf = ({ dtype, shape }: Tensor): TensorType => ({ dtype, shape });

/** The optimized graph of a step, as a backend gets it, for made data of {@link recordedBatch} samples. */
export function graphOf({ build, compile, batch }: ReferenceModel, kind: StepKind): Graph {
  clearSession();
  const { x, y } = batch(recordedBatch);
  const types = { x: x.map(typeOf), y: y.map(typeOf), weights: y.map(() => undefined) };
  return optimize(buildStep(build(), new Compiled(compile), types, kind).graph);
}

/** The golden text of a model: its training step and its prediction. */
export const graphText = (reference: ReferenceModel): string =>
  (['train', 'predict'] as const).map((kind) => printGraph(graphOf(reference, kind))).join('\n');
