import type { Tensor } from '../core/tensor.ts';
import { ConfigError } from '../errors.ts';
import { input as graphInput } from '../ir/graph.ts';
import { sourcesOf } from '../layers/call-arguments.ts';
import { input } from '../layers/input.ts';
import type { Layer } from '../layers/layer.ts';
import { standIns } from '../layers/layer-errors.ts';
import type { SymbolicTensor } from '../layers/symbolic.ts';
import { Trace, withTrace } from '../layers/trace.ts';
import { callsBehind } from './calls.ts';
import { Functional } from './functional.ts';
import type { Model } from './model.ts';

/**
 * A model from the inputs of another up to a layer, and on through further layers, one after the other. It shares its
 * layers with the other model.
 * @param which - name of the layer, or its position; negative ones count from the end
 * @throws {@link ConfigError} for a layer that the model does not use, or that has several outputs
 */
export function cutAt(model: Model, which: string | number, head: readonly Layer[] = []): Functional<Tensor> {
  const layer = model.getLayer(which);
  const calls = callsBehind(model.outputs);
  const outputs = layer.calls.findLast((call) => calls.has(call))?.outputs ?? [];
  if (outputs.length !== 1) {
    const built = model.outputs.length > 0;
    throw new ConfigError(
      `model "${model.name}": cutAt takes a layer with one output. Received "${layer.name}", which has ` +
        `${outputs.length}${built ? '.' : ', as the model has no input yet: give it one, or call it on data.'}`,
      { op: model.name, argument: 'layer', received: layer.name },
    );
  }
  return upTo(model, onThrough(outputs[0] as SymbolicTensor, head));
}

/** The part of a model that one of its tensors comes from. */
function upTo(model: Model, end: SymbolicTensor): Functional<Tensor> {
  const calls = callsBehind([end]);
  return new Functional({ inputs: model.inputs.filter((x) => calls.has(x.origin.call)), outputs: end });
}

const onThrough = (x: SymbolicTensor, layers: readonly Layer[]): SymbolicTensor =>
  layers.reduce((y, layer) => layer.apply(y), x);

/** A model in two parts with the same layers: one that gives the same for a sample in every epoch, and the rest. */
export interface SplitModel {
  readonly backbone: Functional<Tensor>;
  readonly head: Functional<Tensor>;
}

/**
 * Cuts a model, as near to the output as can be, where all before is frozen and draws no random numbers, and all behind
 * is a chain. `head.fit(await backbone.predict(x), y)` then trains the model, while the backbone runs once per sample.
 * @throws {@link ConfigError} when there is no such place
 */
export function splitFrozen(model: Model): SplitModel {
  const behind: Layer[] = [];
  let [end] = model.outputs;
  while (end !== undefined && model.outputs.length === 1) {
    const { call } = end.origin;
    const [source, ...others] = sourcesOf(call);
    if (source === undefined || others.length > 0 || call.outputs.length !== 1) break;
    behind.unshift(call.layer);
    end = source;
    const backbone = upTo(model, end);
    if (!isFixed(backbone)) continue;
    const entrance = input({ shape: end.shape.slice(1), dtype: end.dtype });
    return { backbone, head: new Functional({ inputs: entrance, outputs: onThrough(entrance, behind) }) };
  }
  throw new ConfigError(
    `model "${model.name}": splitFrozen found no frozen part followed by a chain of layers. ` +
      'Freeze the first layers, e.g. with model.freeze("block_*"); dropout among them keeps a part from being fixed.',
    { op: model.name },
  );
}

/** Whether training changes nothing about what a model gives. */
function isFixed(model: Functional): boolean {
  if (model.trainableWeights.length > 0) return false;
  const trace = new Trace(true, { anySize: true });
  const feeds = model.inputs.map(({ dtype, shape }, i) =>
    graphInput(`x${i}`, { dtype, shape: shape.map((n) => n ?? standIns[0]) }),
  );
  withTrace(trace, () => model.invoke(feeds, { training: true }));
  return trace.randoms.length + trace.updates.size + trace.losses.length === 0 && model.layers.length > 1;
}
