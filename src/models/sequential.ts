import * as z from 'zod';
import { deferred } from '../core/deferred.ts';
import { formatShape } from '../core/shape.ts';
import type { Tensor } from '../core/tensor.ts';
import { ConfigError } from '../errors.ts';
import { currentScope, inScope, type Value } from '../ir/graph.ts';
import { InputLayer, input } from '../layers/input.ts';
import { type CallOptions, Layer, type PartialShapes, type Values } from '../layers/layer.ts';
import { SymbolicTensor } from '../layers/symbolic.ts';
import { Functional } from './functional.ts';
import { Model, modelOptions } from './model.ts';

const member = z.custom<Layer | SymbolicTensor>(
  (v) => v instanceof Layer || (v instanceof SymbolicTensor && v.origin.call.layer instanceof InputLayer),
  'expected a layer, or tfk.input() in front',
);
const schema = deferred(() => modelOptions.extend({ layers: z.array(member).default([]) }));

/** A chain of layers. Without an input in front it takes its input shape from the first data. */
export class Sequential extends Model<typeof schema, Tensor> {
  static override readonly className = 'Sequential';
  static override readonly schema = schema;
  readonly #layers: Layer[] = [];
  #input: SymbolicTensor | undefined;
  #functional: Functional | undefined;

  constructor(options: z.input<typeof schema> = {}) {
    super(options);
    for (const layer of this.options.layers) this.#append(layer);
    this.#rebuild();
  }

  /** Appends a layer. */
  add(layer: Layer | SymbolicTensor): void {
    this.#append(layer);
    this.#rebuild();
  }

  /** Removes the last layer. */
  pop(): void {
    this.#layers.pop();
    this.#rebuild();
  }

  override get layers(): readonly Layer[] {
    return this.#layers;
  }

  override get sublayers(): readonly Layer[] {
    return this.#layers;
  }

  override get inputs(): readonly SymbolicTensor[] {
    return this.#functional?.inputs ?? [];
  }

  override get outputs(): readonly SymbolicTensor[] {
    return this.#functional?.outputs ?? [];
  }

  /** The symbolic input, where one was given or found from data. */
  get inputTensor(): SymbolicTensor | undefined {
    return this.#input;
  }

  override build([shape]: PartialShapes): void {
    if (this.#functional !== undefined) return;
    const [batch, ...sample] = shape;
    this.#input = input({
      shape: sample,
      ...(typeof batch === 'number' && this.#input && { batchSize: batch }),
    });
    this.#rebuild();
  }

  protected override get arity(): { readonly min: number; readonly max: number } {
    return { min: 1, max: 1 };
  }

  call(inputs: Values, options: CallOptions): readonly Value[] {
    if (this.#functional === undefined) {
      throw new ConfigError(`model "${this.name}" has no layers; add one before using it.`, {
        op: this.name,
      });
    }
    return this.#functional.call(inputs, options);
  }

  #append(layer: Layer | SymbolicTensor): void {
    const real = layer instanceof SymbolicTensor ? layer.origin.call.layer : layer;
    if (real instanceof InputLayer) {
      if (this.#layers.length > 0 || this.#input !== undefined) {
        throw new ConfigError(`sequential "${this.name}": an input may only stand in front.`, {
          argument: 'layers',
        });
      }
      this.#input = layer instanceof SymbolicTensor ? layer : real.tensor();
      return;
    }
    const twice = this.#layers.some((other) => other.name === real.name);
    if (twice) {
      throw new ConfigError(
        `sequential "${this.name}": two layers are named "${real.name}"; names must be unique.`,
        {
          argument: 'layers',
        },
      );
    }
    this.#layers.push(real);
  }

  /** Wires the layers again after a change, once the input is known. */
  #rebuild(): void {
    this.#functional = undefined;
    if (this.#input === undefined || this.#layers.length === 0) return;
    let x = this.#input;
    // as in Keras, the paths of weights begin with the name of the chain
    const path = currentScope().endsWith(this.name) ? currentScope() : this.name;
    for (const layer of this.#layers) {
      inScope(path, () => this.buildPart(layer, [x.shape]));
      const outputs = layer.applyMulti(x);
      if (outputs.length !== 1) {
        throw new ConfigError(
          `sequential "${this.name}": layer "${layer.name}" has ${outputs.length} outputs; a chain needs one. ` +
            'Use tfk.model({ inputs, outputs }).',
          { op: this.name },
        );
      }
      x = outputs[0] as SymbolicTensor;
    }
    this.#functional = new Functional({ inputs: this.#input, outputs: x, name: this.name });
    this.ensureBuilt([this.#input.shape]);
  }

  /** What the chain looks like, for messages. */
  override toString(): string {
    return `Sequential "${this.name}" ${this.#input ? formatShape(this.#input.shape) : '(not built)'}`;
  }
}

/** A chain of layers. @example `tfk.sequential([tfk.input({ shape: [4] }), tfk.layers.dense({ units: 3 })])` */
export const sequential = (
  layers: readonly (Layer | SymbolicTensor)[] = [],
  options: Omit<z.input<typeof schema>, 'layers'> = {},
): Sequential => new Sequential({ ...options, layers: [...layers] });
