import type * as z from 'zod';
import { isFloat } from '../../core/dtype.ts';
import type { Tensor } from '../../core/tensor.ts';
import { ConfigError } from '../../errors.ts';
import { input, type Value } from '../../ir/graph.ts';
import { interpret } from '../../ir/interpret.ts';
import { fromNDArray, type NDArray, toNDArray } from '../../ir/ndarray.ts';
import { Layer } from '../layer.ts';
import { Trace, withTrace } from '../trace.ts';

/** Takes in batch after batch; the layer changes only when all of them were good. */
export interface Learner<Data> {
  add(batch: Data): void;
  finish(): void;
}

/** A layer that learns what it needs from data before training. */
export abstract class AdaptiveLayer<S extends z.ZodType, Data> extends Layer<S> {
  /** A new beginning: what was learned before is forgotten. */
  abstract learner(): Learner<Data>;

  /** Whether {@link adapt} has something to learn; not where the options say all. */
  get adaptable(): boolean {
    return true;
  }

  /**
   * Learns from data: all of it as one array or tensor, or batch by batch from an iterable (a generator, say).
   * @returns the layer, as a promise where the batches come asynchronously
   * @throws {@link ConfigError} where the options leave nothing to learn
   */
  adapt(data: Data | Iterable<Data>): this;
  adapt(data: AsyncIterable<Data>): Promise<this>;
  adapt(data: Data | Iterable<Data> | AsyncIterable<Data>): this | Promise<this> {
    if (!this.adaptable) {
      throw new ConfigError(
        `${this.className} "${this.name}": adapt() has nothing to learn, as the options say it all.`,
        { op: this.name },
      );
    }
    const learner = this.learner();
    if (has<AsyncIterable<Data>>(data, Symbol.asyncIterator)) return this.#adaptLater(data, learner);
    for (const batch of isBatches<Data>(data) ? data : [data as Data]) learner.add(batch);
    learner.finish();
    return this;
  }

  async #adaptLater(batches: AsyncIterable<Data>, learner: Learner<Data>): Promise<this> {
    for await (const batch of batches) learner.add(batch);
    learner.finish();
    return this;
  }
}

const has = <T>(value: unknown, symbol: symbol): value is T =>
  typeof value === 'object' && value !== null && symbol in value;

/** Whether an iterable gives batches; arrays are data themselves. */
const isBatches = <Data>(data: unknown): data is Iterable<Data> =>
  has(data, Symbol.iterator) && !Array.isArray(data) && !ArrayBuffer.isView(data);

/** What a layer computes of tensors, on the host; floats are taken as `float32`. */
export function runOnHost(layer: Layer, data: readonly Tensor[]): Tensor {
  const tensors = data.map((x) => (isFloat(x.dtype) ? x.cast('float32') : x));
  const inputs = tensors.map(({ dtype, shape }, i) => input(`x${i}`, { dtype, shape }));
  const trace = new Trace(false);
  const outputs = withTrace(trace, () => layer.invoke(inputs, { training: false }));
  const feeds = new Map<Value, NDArray>(inputs.map((x, i) => [x, toNDArray(tensors[i] as Tensor)]));
  for (const [weight, value] of trace.weights) feeds.set(value, toNDArray(weight.storage));
  return fromNDArray(interpret(outputs, feeds)[0] as NDArray);
}

/** Says that a layer reads texts, of which graphs know nothing. */
export function refuseGraph({ className, name }: Layer, reads: string): never {
  throw new ConfigError(
    `${className} "${name}" reads ${reads}, which cannot be part of a model's graph. Call transform(data) while the ` +
      'data is prepared, and give the model the result.',
    { op: name },
  );
}
