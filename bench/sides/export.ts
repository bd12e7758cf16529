/** Writes a workload's network as ONNX, for one batch size: `node export.js <task> <file>`. */
import { writeFileSync } from 'node:fs';
import { Tensor } from '../../src/core/tensor.ts';
import { constant, input, type Value } from '../../src/ir/graph.ts';
import { optimize } from '../../src/ir/passes.ts';
import { Trace, withTrace } from '../../src/layers/trace.ts';
import type { Weight } from '../../src/layers/weight.ts';
import { emitModel } from '../../src/onnx/emit.ts';
import type { Task } from '../task.ts';
import { findWorkload } from '../workloads/index.ts';
import { compiledModel } from './model.ts';

/** Weights are part of the model, not fed; none is all zeros or ones, as no bias of a trained network is. */
class Frozen extends Trace {
  override weight(weight: Weight): Value {
    const known = this.weights.get(weight) ?? constant(trained(weight.read()));
    this.weights.set(weight, known);
    return known;
  }
}

function trained(weight: Tensor): Tensor {
  const data = Float32Array.from(weight.data as Float32Array, (v, i) => v + 0.001 * (1 + (i % 7)));
  return new Tensor(weight.dtype, weight.shape, data);
}

const [, , taskText = '', file = ''] = process.argv;
const { name, batchSize, sampleShape, vocabulary } = JSON.parse(taskText) as Task;
const dtype = vocabulary === undefined ? 'float32' : 'int32';
const x = input('x', { dtype, shape: [batchSize, ...sampleShape] });
const model = compiledModel(findWorkload(name));
const outputs = withTrace(new Frozen(false), () => model.invoke([x], { training: false }));
const graph = optimize({
  name,
  inputs: [x],
  outputs: outputs.map((value, i) => ({ name: `y${i}`, value })),
});
writeFileSync(file, emitModel(graph, { target: 'standard' }).bytes);
